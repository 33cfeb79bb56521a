import json
import logging
import re
from datetime import timedelta

from stdnum.iso7064 import mod_97_10

from odoo import SUPERUSER_ID, api, fields, models

from odoo.addons.bfocused_billing.transactions import isolated
from odoo.addons.queue_job.exception import RetryableJobError

from ...const import EVENT_RESOURCES, EVENTS_PER_JOB, SIGNAL_EVENTS, TIMES_ASKED_AGAIN, WEBHOOK_RETENTION_DAYS
from ...handlers import lookup
from ...handlers.event_signals import put_event_signal
from ...handlers.payload import read_moment
from ...payt_api import PaytError, PaytForbidden, PaytRejected
from .payt_mirror import REPEATED

_logger = logging.getLogger(__name__)

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
MAX_LENGTH = 100  # of an id or a name
SECONDS_BETWEEN_TRIES = 30  # of a job that couldn't reach PAYT
PRIORITY = 5  # before the reading of whole lists
# What is told of a record and stands in a list of its own, by what the event's name says of it
COMMENTED = ("comment",)
NOTIFIED = ("bounced", "returned", "failed")
# The filter of a list by what a record of another one is
FILTERS = {"invoices": "invoice_ids", "credit_cases": "credit_case_ids", "debtors": "debtor_ids"}
COLUMNS = (
    *("backend_id", "company_id", "event_id", "event_name", "event_time", "resource_type", "payt_id", "delivery_id"),
    *("state", "is_acknowledged", "asked_again", "message", "payload", "received_at"),
)


class ForeignEvent(Exception):
    """It is signed, but speaks of another administration."""


class PaytWebhookEvent(models.Model):
    """What PAYT told by webhook: a hint that something changed, kept once per event and worked off by a job.

    Nothing is taken over from an event: what it speaks of is read from PAYT, in as few requests as fit, and followed
    like any other record. So an event may come twice, late, never, or in any order. Strangers can't fill the table:
    nothing is kept before the signature was found right.
    """

    _name = "payt.webhook.event"
    _description = "PAYT Event"
    _order = "id desc"
    _rec_name = "event_name"
    _log_access = False

    backend_id = fields.Many2one("payt.backend", string="Connection", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True)
    event_id = fields.Char(string="Event's id", required=True)
    event_name = fields.Char(string="Event")
    event_time = fields.Datetime(string="Happened")
    resource_type = fields.Char(string="About")
    payt_id = fields.Char(string="PAYT's id", help="Of the record it is about.")
    delivery_id = fields.Char()
    state = fields.Selection(
        [
            ("pending", "To do"),
            ("done", "Done"),
            ("unknown", "Unknown"),
            ("error", "Needs attention"),
        ],
        required=True,
    )
    is_acknowledged = fields.Boolean(string="Acknowledged", help="PAYT doesn't tell it again.")
    asked_again = fields.Integer(string="Asked again", help="How often PAYT was asked to tell it again later.")
    message = fields.Char()
    payload = fields.Json(groups="base.group_system")
    received_at = fields.Datetime(string="Received", required=True)
    done_at = fields.Datetime(string="Followed up")

    _event_once = models.UniqueIndex("(backend_id, event_id)", "This event was told already.")
    _todo = models.Index("(backend_id, id) WHERE state = 'pending'")
    _received = models.Index("(received_at)")

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

    # === BUSINESS: KEEPING

    @api.model
    def _receive(self, backend, body, delivery_id):
        """Keep an event, once, and have it worked off. The signature was checked.

        :param body: the bytes as received
        :param delivery_id: PAYT's name of this attempt to tell it
        :return: whether PAYT can forget it; otherwise it should tell it again later
        :raise ValueError: when it isn't an event
        :raise ForeignEvent: when it is another administration's
        """
        event = self._read_event(body)
        values = self._prepare_event(backend, event, delivery_id)
        administration = self._get_part(self._get_part(event, "context"), "administration").get("id")
        if backend.administration_id and administration and str(administration) != backend.administration_id:
            raise ForeignEvent
        known = self.search([("backend_id", "=", backend.id), ("event_id", "=", values["event_id"])])
        if known.is_acknowledged:
            return True
        asked_again = known.asked_again
        is_kept = asked_again >= TIMES_ASKED_AGAIN or self._is_about_known(backend, event)
        if is_kept:
            values.update(state="pending", is_acknowledged=True, asked_again=asked_again, message=None)
        else:
            values.update(asked_again=asked_again + 1)
        self._put(values)
        _logger.info("PAYT event %s of connection %s: %s", values["event_id"], backend.id, values["state"])
        if is_kept and not backend.paused:
            self._enqueue(backend)
        return is_kept

    @api.model
    def _read_event(self, body):
        try:
            data = json.loads(body, parse_constant=self._refuse_constant)
            event = self._get_part(self._without_accounts(data), "event")
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(event.get("id"), str | int) or not self._get_name(event.get("id")):
            raise ValueError("no event")
        return event

    def _refuse_constant(self, name):
        raise ValueError(f"{name} is no JSON")

    @api.model
    def _get_part(self, value, name):
        """A property that should be an object; empty where it isn't."""
        part = value.get(name) if isinstance(value, dict) else None
        return part if isinstance(part, dict) else {}

    @api.model
    def _get_name(self, value):
        """An id or a name as text; nothing where it can't be one."""
        text = str(value) if isinstance(value, str | int) else ""
        return text if len(text) <= MAX_LENGTH and "," not in text else ""

    @api.model
    def _without_accounts(self, value):
        """Without bank accounts, which aren't needed here, and without characters that can't be stored."""
        if isinstance(value, dict):
            pairs = ((self._without_accounts(name), one) for name, one in value.items())
            return {
                name: self._without_accounts(one)
                for name, one in pairs
                if "iban" not in name.lower() and not name.lower().endswith("account_number")
            }
        if isinstance(value, list):
            return [self._without_accounts(one) for one in value]
        if isinstance(value, str):
            text = value.encode("utf-8", "replace").decode().replace("\x00", "")
            return "" if self._is_account(text) else text
        return value

    @api.model
    def _is_account(self, text):
        number = text.replace(" ", "").upper()
        return bool(IBAN.fullmatch(number)) and mod_97_10.is_valid(number[4:] + number[:4])

    @api.model
    def _prepare_event(self, backend, event, delivery_id):
        context = self._get_part(event, "context")
        return {
            "backend_id": backend.id,
            "company_id": backend.company_id.id,
            "event_id": self._get_name(event["id"]),
            "event_name": self._get_name(event.get("event_name")) or None,
            "event_time": self._read_time(event.get("event_time")),
            "resource_type": self._get_name(context.get("resource_type")) or None,
            "payt_id": self._get_name(context.get("id")) or None,
            "delivery_id": self._get_name(self._without_accounts(delivery_id or "")) or None,
            "state": "unknown",
            "is_acknowledged": False,
            "asked_again": 0,
            "message": self.env._("This invoice isn't in Odoo. PAYT was asked to tell it again later."),
            "payload": json.dumps(event),
            "received_at": fields.Datetime.now(),
        }

    @api.model
    def _read_time(self, text):
        try:
            return read_moment(text)
        except (TypeError, ValueError, OverflowError):
            return None

    @api.model
    def _is_about_known(self, backend, event):
        """Whether what an event is about can be here: only an invoice has a number of ours to look for.

        :return: False for an invoice that is neither in Odoo nor was ever read from PAYT
        """
        context = self._get_part(event, "context")
        number = context.get("invoice_number")
        if EVENT_RESOURCES.get(self._get_name(context.get("resource_type"))) != "invoices" or not number:
            return True
        return lookup.can_be_here(backend, number, self._get_name(context.get("id")))

    @api.model
    def _put(self, values):
        """Write the row: two deliveries at the same moment make one of it, and the other transaction is repeated."""
        self.flush_model()
        changed = ("delivery_id", "state", "is_acknowledged", "asked_again", "message", "received_at")
        self.env.cr.execute(
            f"""
            INSERT INTO payt_webhook_event ({", ".join(COLUMNS)}) VALUES ({", ".join(["%s"] * len(COLUMNS))})
            ON CONFLICT (backend_id, event_id) DO UPDATE
               SET {", ".join(f"{name} = excluded.{name}" for name in changed)}
             WHERE NOT payt_webhook_event.is_acknowledged""",
            [values[name] for name in COLUMNS],
        )
        self.invalidate_model()

    # === BUSINESS: WORKING OFF

    def _work_off(self, backend):
        """Read what these events speak of. One that PAYT refuses doesn't stop the others.

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
        """Some events say what no record of PAYT's shows. An error with one doesn't stop the others.

        :return: whether that could be done
        """
        with isolated(self.env.cr, passing=REPEATED) as outcome:
            put_event_signal(backend.with_env(self.env), self.sudo().payload)
        if outcome.error:
            _logger.error("PAYT event %s could not be followed", self.id, exc_info=outcome.error)
            message = self.env._("Odoo can't follow what PAYT says here (%s). The log has more.", repr(outcome.error))
            self.write({"state": "error", "message": message})
        return not outcome.error

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
        return {
            resource: [row.payload for row in lookup.get_rows(backend, resource, payt_ids).values()]
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
        """Comments, of either list that may have them, and what PAYT says about messages that didn't arrive."""
        for resource, words in (("notes", COMMENTED), ("messages", COMMENTED), ("notifications", NOTIFIED)):
            about = self.filtered(lambda event, words=words: any(word in (event.event_name or "") for word in words))
            for kind, payt_ids in about._get_ids().items():
                if kind in FILTERS:
                    backend._pull_by(resource, FILTERS[kind], payt_ids)

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

    # === CRON

    @api.autovacuum
    def _gc_events(self):
        """Forget what was settled long ago. What needs attention stays."""
        self.flush_model()
        limit = fields.Datetime.now() - timedelta(days=WEBHOOK_RETENTION_DAYS)
        self.env.cr.execute(
            "DELETE FROM payt_webhook_event WHERE received_at < %s AND state IN ('done', 'unknown')", [limit]
        )
        self.invalidate_model()

    @api.model
    def _cron_work_off(self):
        """Find events that no job saw, and leave the work to jobs."""
        for [backend] in self._read_group(
            [("state", "=", "pending"), ("backend_id.paused", "=", False)], ["backend_id"]
        ):
            self._enqueue(backend)
