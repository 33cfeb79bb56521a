"""Bill a date at the same moment as other processes do.

Arguments: database, date, a file to make when ready, a file to wait for. The transaction's view of the database is from
before the start signal, as that of two people who press the button at the same time.
"""

import sys
import time
from pathlib import Path

import session

from odoo.service.model import retrying


def main(database, day, ready, start):
    session.configure(database)
    with session.environment(database) as env:
        env["bfocused.billing.charge"].search_count([])
        ready.touch()
        while not start.exists():
            time.sleep(0.01)
        retrying(lambda: env["bfocused.billing.run"].create({"date": day}).action_run(), env)


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
