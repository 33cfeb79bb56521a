"""Connect a company to PAYT and bring there what has to go, doing the queued jobs here instead of by a job runner."""

import os
import secrets
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from odoo.addons.queue_job.job import Job

# in the order that saves most: documents are made before the outbox takes invoices by hundreds
METHODS = ("_job_hand_to_payt", "_job_send", "_job_empty")


def connect(env, payt):
    """Make the company's connection to PAYT.

    :param payt: ``url``, ``administration_id`` and ``token``
    """
    backend = env["payt.backend"].create(
        {
            "environment": "other",
            "base_url": payt["url"],
            "administration_id": payt["administration_id"],
            "auth_method": "static",
            "access_token": payt["token"],
            "psp_provider": "mollie",
            "webhook_secret": secrets.token_urlsafe(),
            "responsible_id": env.ref("base.user_admin").id,
        }
    )
    backend.action_make_journal()
    return backend


def choose_electronic_invoices(env):
    """Let organisations have an electronic invoice beside their PDF; people have no address for one."""
    customers = env["sale.subscription"].search([]).partner_id.commercial_partner_id
    customers.filtered(lambda customer: customer.is_company).invoice_edi_format = "ubl_bis3"


def hand_over_customers(env):
    """Use the go-live wizard, as a company does that has customers before it has PAYT."""
    wizard = env["payt.go.live"].create({})
    wizard.action_preview()
    if problems := wizard.line_ids.filtered("problem"):
        sys.exit("\n".join(f"{line.partner_id.display_name}: {line.problem}" for line in problems))
    wizard.action_hand_over()


def work_off(env):
    """Do the jobs until nothing is left that could go now, and commit after each.

    :return: iterator of (method, number of jobs done)
    """
    while True:
        env["payt.outbox"]._cron_empty()
        env.cr.commit()
        for method in METHODS:
            if jobs := find_jobs(env, method):
                perform_each(env, jobs)
                yield method, len(jobs)
                break
        else:
            return


def work_off_beside(env, documents):
    """As :func:`work_off`, but documents are made while others are sent, which PAYT's limit makes a matter of waiting.

    While the documents of a job are made, the invoices of the job before are sent: always the same ones together.

    :param documents: a :class:`Documents`
    """
    jobs = find_jobs(env, "_job_hand_to_payt")
    perform_each(env, jobs)
    yield "_job_hand_to_payt", len(jobs)
    for uuid in find_jobs(env, "_job_send"):
        # what goes before invoices, as their customers do, is put into the outbox again by the job that begins here
        yield from work_off_outbox(env, before="invoice")
        documents.begin(uuid)
        yield from work_off_outbox(env)
        documents.wait()
        env.cr.rollback()  # to see what was made
        yield "_job_send", 1
    yield from work_off(env)


def work_off_outbox(env, before=None):
    """Send what is waiting now.

    :param before: stop when this resource is next
    """
    while True:
        env["payt.outbox"]._cron_empty()
        env.cr.commit()
        jobs = find_jobs(env, "_job_empty")
        if not jobs or before and get_next_resource(env) == before:
            return
        perform_each(env, jobs)
        yield "_job_empty", len(jobs)


def get_next_resource(env):
    """What the outbox sends next."""
    return env["payt.outbox"].search([("state", "=", "pending")], order="rank, id", limit=1).resource


def find_jobs(env, method):
    """The uuids of the jobs that are to be done."""
    jobs = env["queue.job"].search([("state", "=", "pending"), ("method_name", "=", method)], order="id")
    return jobs.mapped("uuid")


def perform_each(env, uuids):
    """Do these jobs, each in a transaction of its own."""
    for uuid in uuids:
        perform(env, [uuid])
        env.cr.commit()
        env.invalidate_all()


def perform(env, uuids):
    """Do these jobs."""
    for uuid in uuids:
        job = Job.load(env, uuid)
        job.perform()
        job.set_done()
        job.store()


class Documents:
    """A process that makes documents of invoices, a job at a time; wkhtmltopdf asks the web server of this one."""

    def __init__(self, process):
        self._process = process

    @classmethod
    @contextmanager
    def beside(cls, database):
        """The process, for the length of the block; it loads Odoo while this one has other things to do."""
        here = Path(__file__).parent
        command = [
            sys.executable,
            here / "billing_env" / "inside_odoo" / "run_script.py",
            database,
            here / "documents.py",
        ]
        process = subprocess.Popen(
            command,
            env={**os.environ, "BFOCUSED_WEB": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C ends this process, which ends that one
        )
        try:
            yield cls(process)
            process.stdin.close()
            process.wait()
        finally:
            process.kill()
            process.wait()

    def begin(self, uuid):
        """Have it do this job."""
        print(uuid, file=self._process.stdin, flush=True)

    def wait(self):
        """Wait until the job is done."""
        if not self._process.stdout.readline():
            sys.exit("The process that makes the documents of invoices failed, see above.")
