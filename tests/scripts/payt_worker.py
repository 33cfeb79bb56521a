"""A worker that empties the outbox and may be killed at a step of it.

Arguments: database, step; empty: nothing happens to it.
"""

import os
import signal
import sys

import payt_session
import session

OF_SENDER = {"answered": "_write", "recorded": "send"}
OF_OUTBOX = {"taken": "_take_batch", "next enqueued": "_enqueue_rest"}


def strike_after(env, step):
    from odoo.addons.bfocused_payt_connector.delivery import OutboxSender  # noqa: PLC0415  once Odoo is set up

    cls = OutboxSender if step in OF_SENDER else env.registry["payt.outbox"]
    method = (OF_SENDER | OF_OUTBOX)[step]
    original = getattr(cls, method)

    def struck(self, *arguments):
        original(self, *arguments)
        self.env.flush_all()
        print("STRUCK", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(cls, method, struck)


def main(database, step):
    payt_session.configure(database)
    with session.environment(database) as env:
        payt_session.stub(env)
        if step:
            strike_after(env, step)
        payt_session.work(env)


main(*sys.argv[1:])
