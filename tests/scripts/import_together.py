"""Import a file of calls at the same moment as other processes do.

Arguments: database, the first and the last call of the file, a file to make when ready, a file to wait for. The
transaction's view of the database is from before the start signal, as that of two people who press the button at once.
"""

import base64
import sys
import time
from pathlib import Path

import session

from odoo.service.model import retrying

HEADER = "number,dialled,started_at,seconds,amount,destination,call_id\n"


def make_file(first, last):
    """Calls of January, every other one with a reference."""
    rows = (
        f"0201234567,06,2026-01-05 10:{call // 60:02}:{call % 60:02},60,0.10,mobile,{call if call % 2 else ''}\n"
        for call in range(first, last + 1)
    )
    return HEADER + "".join(rows)


def import_file(env, content):
    wizard = env["bfocused.usage.import"].create(
        {
            "profile_id": env.ref("bfocused_billing.usage_profile_generic").id,
            "file": base64.b64encode(content.encode()),
            "filename": "calls.csv",
        }
    )
    wizard.action_import()


def main(database, first, last, ready, start):
    session.configure(database)
    with session.environment(database) as env:
        env["bfocused.usage.record"].search_count([])
        ready.touch()
        while not start.exists():
            time.sleep(0.01)
        retrying(lambda: import_file(env, make_file(first, last)), env)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]))
