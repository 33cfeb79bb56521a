"""A worker of the job queue, as the job runner's web request is one, that may be struck down at a step of its work.

Arguments: database, date, step, how. ``step`` empty: nothing happens to it. ``how``: ``kill`` the process with SIGKILL,
or ``cut`` its database connection.
"""

import os
import signal
import sys

import session

from odoo.sql_db import db_connect

from odoo.addons.queue_job.controllers.main import RunJobController

STEPS = {
    "drafts created": ("account.move", "_create_in_bulk"),
    "charges created": ("bfocused.billing.run", "_create_charges"),
    "posted": ("account.move", "_post_in_bulk"),
    "handed to sending": ("account.move", "_hand_to_sending"),
    "outcome recorded": ("bfocused.billing.run", "_record_outcome"),
    "committed": ("bfocused.billing.run", "_finish_in_own_transaction"),
}
STRUCK_AT = 2  # the second chunk, so that one is done and others aren't


def start_run(env, day):
    env.company.write({"billing_background_from": 0, "billing_auto_send": True})
    run = env["bfocused.billing.run"].create({"date": day})
    run.action_run()
    env.cr.commit()


def strike_after(env, step, how):
    """Let the step be done, and then strike."""
    model, method = STEPS[step]
    cls = env.registry[model]
    original, count = getattr(cls, method), []

    def struck(self, *args, **kwargs):
        result = original(self, *args, **kwargs)
        count.append(step)
        if len(count) == STRUCK_AT:
            self.env.cr.flush()
            print("STRUCK", file=sys.stderr, flush=True)
            strike(self.env, how)
        return result

    setattr(cls, method, struck)


def strike(env, how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    with db_connect(env.cr.dbname).cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [env.cr.connection.info.backend_pid])


def work(env):
    """Do the jobs of chunks that are in the queue."""
    jobs = env["queue.job"].search([("state", "=", "pending"), ("method_name", "=", "_job_process")], order="id")
    for uuid in jobs.mapped("uuid"):
        env.cr.execute("UPDATE queue_job SET state = 'enqueued', date_enqueued = now() WHERE uuid = %s", [uuid])
        env.cr.commit()
        env.invalidate_all()
        job = RunJobController._acquire_job(env, uuid)
        RunJobController._runjob(env, job)
        env.cr.commit()


def main(database, day, step, how):
    session.configure(database)
    # once Odoo is set up
    from odoo.addons.bfocused_billing.models.run import billing_run_chunk  # noqa: PLC0415
    from odoo.addons.bfocused_billing.tests.size import at_size  # noqa: PLC0415

    billing_run_chunk.CHUNK_SIZE = at_size(10, 4)
    with session.environment(database) as env:
        start_run(env, day)
        if step:
            strike_after(env, step, how)
        work(env)


if __name__ == "__main__":
    main(*sys.argv[1:])
