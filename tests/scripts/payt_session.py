"""Partners as the outbox wants a record, in the simplest form, for scripts about the outbox alone."""

import session
from psycopg2.errors import SerializationFailure

from odoo.addons.queue_job.controllers.main import RunJobController

ENQUEUE = "UPDATE queue_job SET state = 'enqueued', date_enqueued = now() WHERE uuid = %s AND state = 'pending'"


def configure(database):
    session.configure(database)


def stub(env):
    """Let partners be contacts whose payload is their name."""
    methods = {
        "_get_payt_backend": lambda partner: env["payt.backend"].with_env(partner.env).sudo().search([]),
        "_prepare_payt_contact": lambda partner, _backend: {
            "contact_identifier": partner.ref,
            "lastname": partner.name,
        },
        "_get_payt_key_contact": lambda partner: partner.ref,
        "_payt_taken_contact": lambda partner, _backend, _answer: None,
        "_payt_refused_contact": lambda partner, _backend, _reasons: None,
    }
    for name, method in methods.items():
        setattr(env.registry["res.partner"], name, method)


def work(env):
    """Find what has to be sent and do it, as the scheduled action and the job runner do."""
    while True:
        env["payt.outbox"]._cron_empty()
        env.cr.commit()
        jobs = env["queue.job"].search([("state", "=", "pending"), ("method_name", "=", "_job_empty")], order="id")
        if not jobs:
            return
        for uuid in jobs.mapped("uuid"):
            try:
                env.cr.execute(ENQUEUE, [uuid], log_exceptions=False)
            except SerializationFailure:  # another worker was quicker; the real runner is one
                env.cr.rollback()
                continue
            env.cr.commit()
            env.invalidate_all()
            job = RunJobController._acquire_job(env, uuid)
            if job:
                RunJobController._runjob(env, job)
            env.cr.commit()
        try:
            env.cr.execute("UPDATE queue_job SET eta = NULL WHERE state = 'pending'", log_exceptions=False)
        except SerializationFailure:  # another worker hurries them on
            env.cr.rollback()
        env.cr.commit()
