"""A worker that empties the outbox and is killed once PAYT answered a request about one resource.

Arguments: database, resource (``file``: the documents of invoices); empty: nothing happens to it.
"""

import os
import signal
import sys

import payt_session
import session


def strike_after(resource):
    """Let PAYT's answer come and be written down, but not be committed."""
    from odoo.addons.bfocused_payt_connector.delivery import OutboxSender  # noqa: PLC0415  once Odoo is set up

    method, wanted = ("_upload_files", "invoice") if resource == "file" else ("_write", resource)
    original = getattr(OutboxSender, method)

    def struck(self, *arguments):
        result = original(self, *arguments)
        if self.resource.name == wanted:
            self.env.flush_all()
            print("STRUCK", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(OutboxSender, method, struck)


def main(database, resource):
    payt_session.configure(database)
    with session.environment(database) as env:
        if resource:
            strike_after(resource)
        payt_session.work(env)


main(*sys.argv[1:])
