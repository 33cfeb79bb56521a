"""Bill the date given as argument."""

import sys

run = env["bfocused.billing.run"].create({"date": sys.argv[1]})  # noqa: F821
run.action_run()
assert run.state == "done", run.line_ids.mapped("message")
