"""What a person does after something happened to the workers: Retry, and to be sure another run of the same date.

Arguments: database, date.
"""

import sys

import session
from worker import work


def main(database, day):
    session.configure(database)
    with session.environment(database) as env:
        run = env["bfocused.billing.run"].search([("date", "=", day)])
        if run.state != "done":
            run.action_retry()
        env.cr.commit()
        work(env)
        run.invalidate_recordset()
        assert run.state == "done", (run.state, run.line_ids.mapped("message"))
        env.company.billing_background_from = 1000
        again = env["bfocused.billing.run"].create({"date": day})
        again.action_run()
        assert set(again.line_ids.mapped("outcome")) <= {"held"}, again.line_ids.mapped("message")


main(*sys.argv[1:])
