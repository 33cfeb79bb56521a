"""Bill a date at the same moment as other processes do.

Arguments: database, date, maybe "now", a file to make when ready, a file to wait for. With "now" only customers with a
reference are billed, by a limited run. The transaction's view of the database is from
before the start signal, as that of two people who press the button at the same time.
"""

import sys
import time
from pathlib import Path

import session

from odoo.service.model import retrying


def bill(env, day, is_limited):
    values = {"date": day}
    if is_limited:
        values["scope_partner_ids"] = env["res.partner"].search([("ref", "!=", False)]).ids
    env["bfocused.billing.run"].create(values).action_run()


def main(database, day, ready, start, is_limited):
    session.configure(database)
    with session.environment(database) as env:
        env["bfocused.billing.charge"].search_count([])
        ready.touch()
        while not start.exists():
            time.sleep(0.01)
        retrying(lambda: bill(env, day, is_limited), env)


main(sys.argv[1], sys.argv[2], Path(sys.argv[-2]), Path(sys.argv[-1]), "now" in sys.argv[3:-2])
