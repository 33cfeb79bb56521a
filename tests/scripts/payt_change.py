"""Rename a partner and say so to the outbox, as a person saving a form does.

Arguments: database, number of the partner, new name.
"""

import sys
import time

import payt_session
import session

from odoo.service.model import retrying


def main(database, ref, name):
    payt_session.configure(database)
    with session.environment(database) as env:
        payt_session.stub(env)

        def change():
            partner = env["res.partner"].search([("ref", "=", ref)])
            partner.name = name
            env["payt.outbox"]._put(partner, "contact")

        started = time.monotonic()
        retrying(change, env)
        env.cr.commit()
        print(f"TOOK {time.monotonic() - started:.1f} SECONDS", file=sys.stderr, flush=True)


main(*sys.argv[1:])
