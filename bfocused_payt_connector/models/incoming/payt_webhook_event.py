import json
import logging
import re
from datetime import timedelta

from stdnum.iso7064 import mod_97_10

from odoo import api, fields, models

from ...const import EVENT_RESOURCES, TIMES_ASKED_AGAIN, WEBHOOK_RETENTION_DAYS

_logger = logging.getLogger(__name__)

IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
MAX_LENGTH = 100  # of an id or a name
COLUMNS = (
    *("backend_id", "company_id", "event_id", "event_name", "event_time", "resource_type", "payt_id", "delivery_id"),
    *("state", "is_acknowledged", "asked_again", "message", "payload", "received_at"),
)


class ForeignEvent(Exception):
    """It is signed, but speaks of another administration."""


class PaytWebhookEvent(models.Model):
    """What PAYT told by webhook: a hint that something changed, kept once per event and worked off by a job.

    Nothing is taken over from an event: what it speaks of is read from PAYT. So an event may come twice, late, never,
    or in any order. Strangers can't fill the table: nothing is kept before the signature was found right.
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
            return self.env["payt.mirror"]._read_moment(text)
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
        read = [
            ("backend_id", "=", backend.id),
            ("resource", "=", "invoices"),
            ("payt_id", "=", self._get_name(context.get("id"))),
        ]
        moves = self.env["account.move"]
        ours = [
            ("company_id", "=", backend.company_id.id),
            ("move_type", "in", moves.get_sale_types()),
            ("name", "=", str(number)),
        ]
        return bool(moves.search_count(ours, limit=1) or self.env["payt.mirror"].search_count(read, limit=1))

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
