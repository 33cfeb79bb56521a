"""Workers that read PAYT and follow it, one after the other, each killed at a point; the last one goes on to the end.

Arguments: database, file with the events PAYT told by webhook (``-``: none; the lists are read afterwards), points.

Each worker is a process of its own, forked from one that has loaded Odoo, which saves the time to do so.
"""

import json
import os
import signal
import sys
import traceback
from pathlib import Path

import payt_session
import session

from odoo.modules.registry import Registry
from odoo.sql_db import close_all

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.jobrunner.runner import Database

METHODS = ("_job_work_off", "_job_read", "_job_apply")
PASSES = 20
AGE = "UPDATE queue_job SET date_enqueued = date_enqueued - interval '1 hour' WHERE state IN ('enqueued', 'started')"
ENQUEUE = "UPDATE queue_job SET state = 'enqueued', date_enqueued = now() AT TIME ZONE 'utc' WHERE uuid = %s"
HURRY_JOBS = "UPDATE queue_job SET eta = NULL WHERE state = 'pending'"
HURRY_ROWS = (
    "UPDATE payt_mirror SET next_try_at = now() AT TIME ZONE 'utc' - interval '1 second' WHERE state = 'waiting'"
)


def has(env, model, *domain):
    return bool(env[model].search_count(list(domain)))


def is_within_payments(env):
    booked, left = (("payt_payment_id", "!=", False), ("resource", "=", "payments"))
    return has(env, "account.payment", booked) and has(env, "payt.mirror", left, ("state", "=", "pending"))


def pays_costs(_handler, row, _move):
    return (row.payload.get("cost_type") or "principal") != "principal"


# after a method was done, before the commit: model or a handler's class, method, which call of those that the
# condition is true of
UNCOMMITTED = {
    "first page stored": ("payt.mirror", "_store", 1, lambda *arguments: True),
    "second page of payments stored": (
        "payt.mirror",
        "_store",
        2,
        lambda _self, _backend, name, *rest: name == "payments",
    ),
    "invoices followed": ("payt.mirror", "_apply_resource", 1, lambda self, resource: resource == "invoices"),
    "invoice deleted": ("handlers.invoices.InvoicesHandler", "apply_deleted", 1, lambda *arguments: True),
    "credit case followed": ("handlers.credit_cases.CreditCasesHandler", "apply", 1, lambda *arguments: True),
    "payment booked": ("handlers.payments.PaymentsHandler", "_book_payment", 2, lambda *arguments: True),
    "costs booked": ("handlers.payments.PaymentsHandler", "_book_payment", 1, pays_costs),
    "return confirmed": ("payment.return", "action_confirm", 1, lambda *arguments: True),
    "payments returned": ("handlers.reversals.Reversals", "_return_payments", 1, lambda *arguments: True),
    "transaction failed": (
        "handlers.psp_transactions.PspTransactionsHandler",
        "_follow_failure",
        1,
        lambda *arguments: True,
    ),
    "plan made": ("handlers.payment_plans.PaymentPlansHandler", "apply", 1, lambda *arguments: True),
    "signal kept": ("payt.signal", "_put", 1, lambda *arguments: True),
    "events read": ("payt.webhook.event", "_read_records", 1, lambda *arguments: True),
    "events worked off": ("payt.webhook.event", "_work_off", 1, lambda *arguments: True),
}
# after the commit of a job: its method, and what has to be true
COMMITTED = {
    "page committed": ("_job_read", lambda env: has(env, "payt.sync.mark", ("cursor", "!=", False))),
    "between batches of payments": ("_job_apply", is_within_payments),
    "between batches of events": (
        "_job_work_off",
        lambda env: has(env, "payt.webhook.event", ("state", "=", "pending")),
    ),
}


def shrink(env):
    """Small pages, jobs and batches, so that there is something between them."""
    module = "odoo.addons.bfocused_payt_connector.models"
    sys.modules[f"{module}.incoming.payt_mirror"].APPLIED_PER_JOB = 4
    sys.modules[f"{module}.incoming.payt_webhook_event"].EVENTS_PER_JOB = 5
    cls = env.registry["payt.sync.mark"]
    read, get_pages = cls._read, cls._get_pages
    cls._read = lambda self: read(self, pages=2)

    def get_small_pages(self, client):
        iter_pages = client.iter_pages
        client.iter_pages = lambda resource, **options: iter_pages(resource, per_page=2, **options)
        return get_pages(self, client)

    cls._get_pages = get_small_pages


def strike_after(env, point):
    """Let a method be done, but not committed."""
    model, method, wanted, condition = UNCOMMITTED[point]
    cls, calls = find_class(env, model), []
    original = getattr(cls, method)

    def struck(self, *arguments, **options):
        result = original(self, *arguments, **options)
        if condition(self, *arguments):
            calls.append(method)
        if len(calls) == wanted:
            self.env.flush_all()
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(cls, method, struck)


def find_class(env, name):
    module, _dot, cls = name.rpartition(".")
    if name.startswith("handlers."):
        return getattr(sys.modules[f"odoo.addons.bfocused_payt_connector.{module}"], cls)
    return env.registry[name]


def work(env, point):
    """Do the jobs, as the job runner does, until nothing is left; what PAYT or a job would wait for is hurried on."""
    for _pass in range(PASSES):
        env.cr.execute(AGE)
        env.cr.execute(Database._query_requeue_dead_jobs(None))
        env.cr.commit()
        while job := find_job(env):
            perform(env, job, point)
        env["payt.webhook.event"]._cron_work_off()
        env.cr.execute(HURRY_JOBS)
        env.cr.execute(HURRY_ROWS)
        env.invalidate_all()
        env["payt.mirror"]._cron_apply()
        env.cr.commit()
        if not find_job(env):
            return
    sys.exit("it never comes to rest")


def find_job(env):
    domain = [("state", "=", "pending"), ("method_name", "in", METHODS), ("eta", "=", False)]
    return env["queue.job"].search(domain, order="priority, id", limit=1)


def perform(env, job, point):
    uuid, method = job.uuid, job.method_name
    env.cr.execute(ENQUEUE, [uuid])
    env.cr.commit()
    env.invalidate_all()
    RunJobController._runjob(env, RunJobController._acquire_job(env, uuid))
    env.cr.commit()
    env.invalidate_all()
    struck_after, condition = COMMITTED.get(point, ("", None))
    if method == struck_after and condition(env):
        os.kill(os.getpid(), signal.SIGKILL)


def receive(env, told):
    """Take what PAYT told by webhook, twice each; it tells again what a worker was killed at."""
    backend = env["payt.backend"].search([])
    for event in json.loads(Path(told).read_text()) * 2:
        assert env["payt.webhook.event"]._receive(backend, json.dumps({"event": event}).encode(), "")
    env.cr.commit()


def live(database, told, point):
    with session.environment(database) as env:
        shrink(env)
        if point in UNCOMMITTED:
            strike_after(env, point)
        if told != "-":
            receive(env, told)
            work(env, point)
        env["payt.backend"]._cron_pull()
        env.cr.commit()
        work(env, point)


def let_live(database, told, point):
    """A process that lives until it is killed or has nothing more to do.

    :return: its exit code, as ``subprocess`` has it
    """
    close_all()  # a connection to the database is no process' but one's
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        live(database, told, point)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def main(database, told, *points):
    payt_session.configure(database)
    Registry(database)
    for point in (*points, ""):
        code = let_live(database, told, point)
        if code != (-signal.SIGKILL if point else 0):
            sys.exit(f"the worker to be killed at {point!r} ended with {code}")


main(*sys.argv[1:])
