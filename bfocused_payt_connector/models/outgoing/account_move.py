from odoo import api, fields, models
from odoo.exceptions import UserError

STATES = [
    ("none", "Not at PAYT"),
    ("queued", "On its way"),
    ("pushed", "At PAYT"),
    ("sent", "Sent"),
    ("reminded", "Reminded"),
    ("final_notice", "Final notice"),
    ("collection", "Debt collection"),
    ("bailiff", "Bailiff"),
    ("paid", "Paid"),
    ("paused", "Follow-up stopped"),
    ("error", "Needs attention"),
]
SENT_STATES = ("sent", "reminded", "final_notice", "collection", "bailiff")


class AccountMove(models.Model):
    """Where an invoice stands at PAYT."""

    _name = "account.move"
    _inherit = ["account.move", "payt.record.mixin"]

    payt_state = fields.Selection(
        selection=STATES, string="PAYT", default="none", copy=False, readonly=True, index=True
    )
    payt_invoice_id = fields.Char(string="PAYT's id", copy=False, readonly=True, index="btree_not_null")
    payt_message = fields.Char(string="PAYT message", copy=False, readonly=True, groups="base.group_user")
    payt_synced_at = fields.Datetime(string="Last synchronised with PAYT", copy=False, readonly=True)
    payt_pushed_at = fields.Datetime(string="At PAYT since", copy=False, readonly=True)
    payt_sent_at = fields.Datetime(string="Sent at", copy=False, readonly=True)
    payt_sent_by = fields.Selection(
        selection=[("payt", "PAYT"), ("odoo", "Odoo")],
        string="Sent by",
        copy=False,
        readonly=True,
        help="What Odoo sent, now or before PAYT was used, PAYT is told not to send.",
    )
    payt_url = fields.Char(string="Page at PAYT", copy=False, readonly=True)
    has_payt_backend = fields.Boolean(compute="_compute_has_payt_backend")

    # === COMPUTE

    @api.depends("company_id")
    def _compute_has_payt_backend(self):
        for move in self:
            move.has_payt_backend = bool(move.company_id and move.company_id._get_payt_backend())

    # === CRUD

    def write(self, vals):
        # EXTENDS 'account': under another number PAYT would have it twice, and both to be paid
        if "name" in vals and self.filtered(lambda move: move.name != vals["name"] and move._is_known_at_payt()):
            raise UserError(self.env._("PAYT knows this invoice by its number, which can't change any more."))
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_payt(self):
        if self.filtered(lambda move: move._is_known_at_payt()):
            raise UserError(self.env._("PAYT has this invoice. Cancel it instead of deleting it, so that PAYT hears."))

    # === ACTIONS

    def action_payt_retry(self):
        """Send to PAYT again what it refused: the invoice, and its customer where that was refused too."""
        self.check_access("write")
        moves = self.filtered(lambda move: move._get_payt_backend() and move.payt_state != "none")
        lacking = moves.filtered(lambda move: move._lacks_payt_document())
        lacking.sudo().write({"payt_state": "queued", "payt_message": False})
        lacking._hand_to_sending()
        (moves - lacking)._queue_payt_invoices()

    def action_open_payt(self):
        """The invoice's page at PAYT."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.payt_url, "target": "new"}

    # === BUSINESS

    def _is_known_at_payt(self):
        """Whether PAYT has this invoice, or may have it: an answer can be lost."""
        self.ensure_one()
        return bool(self.payt_pushed_at or self.payt_invoice_id or self.payt_state == "queued")

    def _is_sent_through_payt(self):
        """Whether PAYT said that the invoice went out."""
        self.ensure_one()
        return self.payt_sent_by == "payt" or self.payt_state in SENT_STATES

    def _mark_sent_by_payt(self, sent_at):
        """PAYT says that it sent the invoice: only now it counts as sent.

        :param sent_at: ``datetime`` in UTC, without time zone
        """
        for move in self.filtered(lambda move: not move.payt_sent_at):
            values = {"payt_sent_at": sent_at, "payt_sent_by": "payt", "is_move_sent": True}
            if move.payt_state in ("queued", "pushed"):
                values["payt_state"] = "sent"
            move.sudo().write(values)

    def _lacks_payt_document(self):
        """Whether PAYT is to send the invoice, but there is no PDF (yet, or since it was corrected)."""
        self.ensure_one()
        is_out = self.payt_sent_by == "odoo" or (self.payt_pushed_at and self.payt_sent_at)
        return self.state == "posted" and not is_out and not self.invoice_pdf_report_id

    # === QUEUE

    def _queue_payt_invoices(self):
        """Put invoices and credit notes into the outbox, with what they refer to and PAYT doesn't have yet."""
        moves = self.filtered(lambda move: move.is_sale_document() and move._get_payt_backend())
        if not moves:
            return
        for company, records in moves.grouped("company_id").items():
            records._queue_payt_vat_rates(company)
            debtors = records.with_company(company).commercial_partner_id
            debtors.filtered(lambda debtor: debtor.payt_debtor_state != "pushed")._queue_payt_debtor()
            records._queue_payt_contacts()
        waiting = moves.filtered(lambda move: move.payt_state in (False, "none", "error"))
        waiting.sudo().write({"payt_state": "queued", "payt_message": False})
        moves._queue_payt("invoice")

    def _queue_payt_update(self):
        """Put those that PAYT has, or will have, into the outbox again."""
        known = self.filtered(lambda move: move.is_sale_document() and move.payt_state not in (False, "none"))
        known._queue_payt_contacts()
        known._queue_payt("invoice")

    def _queue_payt_contacts(self):
        """Addresses of their own that these invoices name; also one that became that since."""
        for company, moves in self.grouped("company_id").items():
            moves = moves.with_company(company)
            moves.filtered(lambda move: move._has_own_payt_contact()).partner_id._queue_payt("contact")

    def _queue_payt_vat_rates(self, company):
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        lines.tax_ids._queue_payt_vat_rates()
        if not company.payt_no_vat_known and lines.filtered(lambda line: not line.tax_ids):
            self.env["payt.outbox"]._put(company, "vat_rate")
            company.sudo().payt_no_vat_known = True
