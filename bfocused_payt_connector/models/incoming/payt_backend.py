import logging
import re
from ipaddress import ip_address
from itertools import islice

from odoo import api, fields, models

from ...const import (
    ADMINISTRATION_HEADER,
    DELIVERY_HEADER,
    MAX_PER_PAGE,
    OPTIONAL_RESOURCES,
    SIGNATURE_HEADER,
    WEBHOOK_SOURCE_ADDRESS,
)
from ...payt_api import PaytForbidden
from ...payt_api.operations import LISTINGS
from ...payt_api.signature import is_signed
from .payt_webhook_event import ForeignEvent
from .payt_webhook_tally import REFUSALS

_logger = logging.getLogger(__name__)

KEY = re.compile(r"[\w-]{1,64}", re.ASCII)


class PaytBackend(models.Model):
    """What comes in: what PAYT tells by webhook, and what is read from it."""

    _inherit = "payt.backend"

    mark_ids = fields.One2many("payt.sync.mark", "backend_id", string="Reading")
    mirror_attention_count = fields.Integer(string="Not followed", compute="_compute_mirror_attention_count")
    webhook_only_from_payt = fields.Boolean(
        string="Only from PAYT's address",
        help=f"Refuse events that don't come from {WEBHOOK_SOURCE_ADDRESS}. Behind a proxy Odoo has to be told so "
        "(proxy_mode), or it sees the proxy's address.",
    )
    webhook_last_at = fields.Datetime(string="Last event", compute="_compute_webhook_facts")
    webhook_refused_at = fields.Datetime(string="Refused last", compute="_compute_webhook_facts")
    webhook_refused_count = fields.Integer(
        string="Refused", compute="_compute_webhook_facts", help="At most one per second is counted."
    )
    webhook_refused_reason = fields.Selection(REFUSALS, string="Refused because", compute="_compute_webhook_facts")

    # === COMPUTE

    def _compute_mirror_attention_count(self):
        groups = self.env["payt.mirror"]._read_group(
            [("backend_id", "in", self.ids), ("state", "=", "error")], ["backend_id"], ["__count"]
        )
        counts = {backend.id: count for backend, count in groups}
        for backend in self:
            backend.mirror_attention_count = counts.get(backend.id, 0)

    def _compute_webhook_facts(self):
        rows = self.env["payt.webhook.tally"].sudo().search([("backend_id", "in", self.ids)])
        tallies = {row.backend_id.id: row for row in rows}
        for backend in self:
            tally = tallies.get(backend.id, rows.browse())
            backend.webhook_last_at = tally.accepted_at
            backend.webhook_refused_at = tally.refused_at
            backend.webhook_refused_count = tally.refused_count
            backend.webhook_refused_reason = tally.refused_reason

    # === ACTIONS

    def action_pull(self):
        """Read all that changed at PAYT since it was read last."""
        self.check_access("read")
        self._check_may_pause()
        marks = self.env["payt.sync.mark"].sudo()
        for backend in self.sudo().filtered(lambda backend: not backend.paused):
            marks._get_marks(backend)._enqueue()

    def action_open_events(self):
        """Open what PAYT told by webhook."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_webhook_event_action")
        return {**action, "domain": [("backend_id", "=", self.id)]}

    def action_open_records(self):
        """Open what was read from PAYT, first of all what couldn't be followed."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_mirror_action")
        return {**action, "domain": [("backend_id", "=", self.id)]}

    # === BUSINESS: READING

    def _pull_records(self, resource, payt_ids):
        """Read single records of PAYT and keep what it says.

        :param resource: name in ``const.READ_RESOURCES``
        :param payt_ids: PAYT's ids
        :return: the ids that PAYT doesn't have (any more)
        """
        self.ensure_one()
        wanted = {str(payt_id) for payt_id in payt_ids}
        mirror = self.env["payt.mirror"].sudo()
        names = self.env["payt.sync.mark"]._get_fields_read(resource)
        assert "ids" in LISTINGS[resource].lists
        with self._get_client() as client:
            records = list(client.read_by(resource, "ids", sorted(wanted), fields=names))
        if mirror._store(self, resource, records):
            mirror._enqueue_apply(self)
        return wanted - {str(record["id"]) for record in records}

    def _pull_by(self, resource, name, values, **filters):
        """Read the records of a list that belong to others, and keep what PAYT says.

        :param resource: name in ``const.READ_RESOURCES``
        :param name: the list's filter (``payt_api.operations.LISTINGS``)
        :param values: what to look for; nothing is read for none
        :param filters: further ones, the same for all
        """
        self.ensure_one()
        if not values:
            return
        try:
            is_new = self._store_by(resource, name, values, filters)
        except PaytForbidden as error:
            if not self._is_done_without(resource, error):
                raise
            return
        if is_new:
            self.env["payt.mirror"].sudo()._enqueue_apply(self)

    def _read_payments_of(self, numbers, unread=()):
        # EXTENDS the hook of connection
        for resource, wanted in (("invoices", unread), ("payments", numbers)):
            self._pull_by(resource, "invoice_numbers", {number for number in wanted if "," not in number})

    def _store_by(self, resource, name, values, filters):
        """:return: whether there was anything new"""
        mirror = self.env["payt.mirror"].sudo()
        names = self.env["payt.sync.mark"]._get_fields_read(resource)
        is_new = False
        with self._get_client() as client:
            records = client.read_by(resource, name, sorted(values), fields=names, **filters)
            while page := list(islice(records, MAX_PER_PAGE)):
                is_new |= bool(mirror._store(self, resource, page))
        return is_new

    def _is_done_without(self, resource, error):
        """Whether only the permission for a list is missing that we can do without: nothing else stops for it.

        :param error: ``PaytForbidden``
        """
        return resource in OPTIONAL_RESOURCES and error.missing_permission == LISTINGS[resource].operation.scope

    # === BUSINESS: ANOTHER ADMINISTRATION

    def _forget_incoming(self):
        # EXTENDS 'bfocused_payt_connector' (connection)
        for model in ("payt.mirror", "payt.sync.mark"):
            self.env[model].search([("backend_id", "=", self.id)]).unlink()

    # === BUSINESS: WEBHOOKS

    @api.model
    def _find_by_webhook_key(self, key):
        """The connection with this key; none where it has no secret: its door is closed.

        :param key: anything a stranger may have written into the address
        """
        if not KEY.fullmatch(key):
            return self.browse()
        backend = self.search([("webhook_key", "=", key)], limit=1)
        return backend if backend._get_webhook_secrets() else self.browse()

    def _get_webhook_secrets(self):
        secrets = (self.webhook_secret, self.webhook_secret_previous)
        return [secret.strip() for secret in secrets if secret and secret.strip()]

    def _take_webhook(self, body, headers, address):
        """Keep what was told, if it was PAYT that told it.

        :param body: the bytes as received
        :param address: where the request came from
        :return: the HTTP status to answer
        """
        self.ensure_one()
        reason = self._get_webhook_refusal(body, headers, address)
        if reason:
            return self._refuse_webhook(reason, 403)
        try:
            is_kept = self.env["payt.webhook.event"]._receive(self, body, headers.get(DELIVERY_HEADER))
        except ForeignEvent:
            return self._refuse_webhook("administration", 403)
        except ValueError:
            return self._refuse_webhook("content", 400)
        self.env["payt.webhook.tally"]._note_accepted(self)
        return 200 if is_kept else 404

    def _get_webhook_refusal(self, body, headers, address):
        """:return: the first reason not to believe it, a key of ``REFUSALS``; ``None`` where there is none"""
        if self.webhook_only_from_payt and not self._is_payts_address(address):
            return "address"
        if not is_signed(body, headers.get(SIGNATURE_HEADER), self._get_webhook_secrets()):
            return "signature"
        if self.administration_id and headers.get(ADMINISTRATION_HEADER, "").strip() != self.administration_id:
            return "administration"
        return None

    def _is_payts_address(self, address):
        try:
            given = ip_address(address or "")
        except ValueError:
            return False
        return (getattr(given, "ipv4_mapped", None) or given) == ip_address(WEBHOOK_SOURCE_ADDRESS)

    def _refuse_webhook(self, reason, status):
        """Count it; log it only where it was counted, so that nobody fills the log."""
        if self.env["payt.webhook.tally"]._note_refused(self, reason):
            _logger.info("PAYT webhook of connection %s refused: %s", self.id, reason)
        return status

    # === CRON

    @api.model
    def _cron_pull(self):
        """Read what changed: webhooks may have been missed."""
        self.search([("paused", "=", False)]).action_pull()
