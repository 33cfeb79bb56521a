"""Connect a company to PAYT and bring there what has to go, doing the queued jobs here instead of by a job runner."""

import secrets
import sys

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
            jobs = env["queue.job"].search([("state", "=", "pending"), ("method_name", "=", method)], order="id")
            if jobs:
                for uuid in jobs.mapped("uuid"):
                    perform(env, [uuid])
                    env.cr.commit()
                    env.invalidate_all()
                yield method, len(jobs)
                break
        else:
            return


def perform(env, uuids):
    """Do these jobs."""
    for uuid in uuids:
        job = Job.load(env, uuid)
        job.perform()
        job.set_done()
        job.store()
