import logging

from odoo import SUPERUSER_ID, api, fields, models

from odoo.addons.queue_job.exception import RetryableJobError

from ...const import EVENT_RESOURCES, EVENTS_PER_JOB, SIGNAL_EVENTS
from ...payt_api import PaytError, PaytForbidden, PaytRejected
from .payt_mirror_apply import REPEATED

_logger = logging.getLogger(__name__)

SECONDS_BETWEEN_TRIES = 30  # of a job that couldn't reach PAYT
PRIORITY = 5  # before the reading of whole lists
# What is told of a record and stands in a list of its own, by what the event's name says of it
COMMENTED = ("comment",)
NOTIFIED = ("bounced", "returned", "failed")
# The filter of a list by what a record of another one is
FILTERS = {"invoices": "invoice_ids", "credit_cases": "credit_case_ids", "debtors": "debtor_ids"}


class PaytWebhookEvent(models.Model):
    """Working off what PAYT told: the records are read, in as few requests as fit, and followed like any other."""

    _inherit = "payt.webhook.event"

    # === ACTIONS

    def action_replay(self):
        """Read again what these events speak of."""
        self.check_access("read")
        self.env["payt.backend"].check_access("read")
        events = self.sudo().filtered(lambda event: event.state != "pending")
        events.write({"state": "pending", "message": False, "is_acknowledged": True})
        for backend in events.backend_id:
            events._enqueue(backend)

    def action_open_record(self):
        """Open the record it is about: what was read of it from PAYT leads on to Odoo's own."""
        self.ensure_one()
        row = self.env["payt.mirror"].search(
            [
                ("backend_id", "=", self.backend_id.id),
                ("resource", "=", EVENT_RESOURCES.get(self.resource_type)),
                ("payt_id", "=", self.payt_id),
            ]
        )
        if not row:
            action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_mirror_action")
            return {**action, "context": {"search_default_payt_id": self.payt_id}}
        return {"type": "ir.actions.act_window", "res_model": row._name, "res_id": row.id, "view_mode": "form"}

    # === JOB

    @api.model
    def _enqueue(self, backend):
        """Leave the work to a job, which any Odoo server on this database may take."""
        self.with_user(SUPERUSER_ID).with_delay(
            priority=PRIORITY,
            description=self.env._("%s: read what PAYT told of", backend.name),
            identity_key=f"bfocused_payt_connector.events.{backend.id}",
        )._job_work_off(backend.id)

    @api.model
    def _job_work_off(self, backend_id):
        """Job: work off a batch, and leave what remains to the next one."""
        backend = self.env["payt.backend"].browse(backend_id).exists()
        if not backend or backend.paused:
            return
        events = self.with_company(backend.company_id)._take_batch(backend)
        try:
            events._work_off(backend)
        except PaytForbidden as error:
            backend._stop(str(error))
            return
        except PaytError as error:
            pause = max(SECONDS_BETWEEN_TRIES, getattr(error, "retry_after", None) or 0)
            raise RetryableJobError(str(error), seconds=pause, ignore_retry=True) from error
        if events and self.search_count(self._get_pending_domain(backend), limit=1):
            self._enqueue(backend)

    @api.model
    def _get_pending_domain(self, backend):
        return [("backend_id", "=", backend.id), ("state", "=", "pending")]

    @api.model
    def _take_batch(self, backend):
        events = self.search(self._get_pending_domain(backend), order="id", limit=EVENTS_PER_JOB)
        return events.try_lock_for_update(allow_referencing=True)

    # === BUSINESS

    def _work_off(self, backend):
        """Read what these events speak of. One that PAYT takes offence at doesn't stop the others.

        :param backend: ``payt.backend`` record, of all of them
        """
        if not self:
            return
        try:
            missing = self._read_records(backend)
        except PaytRejected as error:
            if len(self) == 1:
                self.write({"state": "error", "message": str(error)})
                return
            half = len(self) // 2
            self[:half]._work_off(backend)
            self[half:]._work_off(backend)
            return
        unknown = self.filtered(lambda event: event._get_hint() in missing)
        unknown.write({"state": "unknown", "message": self.env._("PAYT doesn't have it (any more).")})
        read = self - unknown
        for event in read.filtered(lambda event: event.event_name in SIGNAL_EVENTS):
            if not event._keep_signal(backend):
                read -= event
        read.write({"state": "done", "message": False, "done_at": fields.Datetime.now()})

    def _keep_signal(self, backend):
        """Some events say what no record of PAYT's shows. One over which we stumble doesn't stop the others.

        :return: whether that could be done
        """
        try:
            with self.env.cr.savepoint():
                self.env["payt.signal"]._put_event(backend, self.sudo().payload)
        except REPEATED:
            raise
        except Exception as error:
            _logger.error("PAYT event %s could not be followed", self.id, exc_info=error)
            message = self.env._("Odoo can't follow what PAYT says here (%s). The log has more.", repr(error))
            self.write({"state": "error", "message": message})
            return False
        return True

    def _get_hint(self):
        """What one event is about: (resource, PAYT's id), or nothing where we don't read such records."""
        self.ensure_one()
        resource = EVENT_RESOURCES.get(self.resource_type)
        return (resource, self.payt_id) if resource and self.payt_id else None

    def _get_ids(self):
        """All records these events speak of, as a dict of resource to PAYT ids.

        What we don't know the kind of may still name a customer and invoices (a bundled reminder does).
        """
        ids = {}
        for event in self:
            hint = event._get_hint()
            for resource, payt_id in [hint] if hint else event._get_mentioned():
                ids.setdefault(resource, set()).add(payt_id)
        return ids

    def _get_mentioned(self):
        """The customer and invoices that stand in an event, as a list of (resource, PAYT's id)."""
        context = self._get_part(self.sudo().payload, "context")
        invoices = context.get("invoices")
        parts = [("debtors", context.get("debtor"))]
        parts += [("invoices", invoice) for invoice in (invoices if isinstance(invoices, list) else [])]
        return [
            (resource, payt_id)
            for resource, part in parts
            if isinstance(part, dict) and (payt_id := self._get_name(part.get("id")))
        ]

    def _read_records(self, backend):
        """Read the records these events speak of, and what changes along with them.

        :return: those PAYT doesn't have, as a set of (resource, PAYT's id)
        """
        ids = self._get_ids()
        missing = set()
        for resource, payt_ids in ids.items():
            missing |= {(resource, payt_id) for payt_id in backend._pull_records(resource, payt_ids)}
        payloads = self._get_payloads(backend, ids)
        self._read_cases(backend, ids.get("credit_cases", ()))
        self._read_plans(backend, payloads.get("payment_plans", ()))
        self._read_payments(backend, ids.get("invoices", set()), payloads)
        self._read_told(backend)
        return missing

    def _get_payloads(self, backend, ids):
        """What PAYT says of records: dict of resource to list."""
        rows = self.env["payt.mirror"].sudo()
        return {
            resource: rows.search(
                [("backend_id", "=", backend.id), ("resource", "=", resource), ("payt_id", "in", list(payt_ids))]
            ).mapped("payload")
            for resource, payt_ids in ids.items()
        }

    def _read_cases(self, backend, payt_ids):
        """A credit case changes with its invoices, and has payments of its own."""
        backend._pull_by("invoices", "credit_case_ids", payt_ids)
        backend._pull_by("payments", "credit_case_ids", payt_ids)

    def _read_plans(self, backend, plans):
        """A payment plan doesn't name its invoices; they are among what its customer has to pay."""
        debtors = {str(plan["debtor_id"]) for plan in plans if plan.get("debtor_id")}
        backend._pull_by("invoices", "debtor_ids", debtors, paid=False)

    def _read_payments(self, backend, read, payloads):
        """The payments of invoices, and the invoices a provider's transaction pays."""
        paid = {
            str(one) for payload in payloads.get("psp_transactions", ()) for one in payload.get("invoice_ids") or ()
        }
        if paid - read:
            backend._pull_records("invoices", paid - read)
        invoices = self._get_payloads(backend, {"invoices": read | paid})["invoices"]
        numbers = {invoice["invoice_number"] for invoice in invoices if invoice.get("invoice_number")}
        # PAYT's filters are separated by commas; a number of ours has none
        backend._pull_by("payments", "invoice_numbers", {number for number in numbers if "," not in number})

    def _read_told(self, backend):
        """Comments, and what PAYT tells a person about messages that didn't arrive."""
        for resource, words in (("notes", COMMENTED), ("notifications", NOTIFIED)):
            about = self.filtered(lambda event, words=words: any(word in (event.event_name or "") for word in words))
            for kind, payt_ids in about._get_ids().items():
                if kind in FILTERS:
                    backend._pull_by(resource, FILTERS[kind], payt_ids)

    # === CRON

    @api.model
    def _cron_work_off(self):
        """Find events that no job saw, and leave the work to jobs."""
        for [backend] in self._read_group(
            [("state", "=", "pending"), ("backend_id.paused", "=", False)], ["backend_id"]
        ):
            self._enqueue(backend)
