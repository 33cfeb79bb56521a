import logging
import re

from markupsafe import Markup

from odoo import api, models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ...transactions import process_isolated

_logger = logging.getLogger(__name__)

SENDING_SIZE = 50  # invoices whose PDFs are rendered in one call
SENDING_PRIORITY = 20  # after the billing itself

# What XML 1.0 can't hold: https://www.w3.org/TR/xml/#charsets
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MOVE_TEXTS = ("ref", "payment_reference", "narration")
PARTNER_TEXTS = (
    "name",
    "street",
    "street2",
    "zip",
    "city",
    "vat",
    "company_registry",
    "ref",
    "buyer_reference",
    "email",
    "phone",
    "peppol_endpoint",
)
PRODUCT_TEXTS = ("name", "default_code", "barcode", "description_sale")


class AccountMove(models.Model):
    """Sending posted invoices by jobs of their own, and what an electronic invoice tells of payment and credit."""

    _inherit = "account.move"

    # === COMPUTE

    @api.depends_context("lang")
    @api.depends("company_id.use_billing")
    def _compute_taxes_legal_notes(self):
        # EXTENDS 'account': the Dutch chart has no note for domestic reverse charge, and those of its taxes in English
        result = super()._compute_taxes_legal_notes()
        edi = self.env["account.edi.common"]
        for move in self.filtered(lambda move: move.company_id.use_billing and move.is_sale_document()):
            taxes = move.line_ids.tax_ids
            charged = taxes.filtered(lambda tax: edi._is_dutch_reverse_charge(tax) and tax._lacks_note_in_language())
            if charged:
                others = (note for note in (taxes - charged).mapped("invoice_legal_notes") if note)
                note = Markup("<p>%s</p>") % self.env._("VAT reverse charge: the customer owes the VAT.")
                move.taxes_legal_notes = Markup("").join([*others, note])
        return result

    # === BEFORE POSTING

    @api.depends("commercial_partner_id.oin", "commercial_partner_id.buyer_reference", "ref", "company_id.use_billing")
    def _compute_alerts(self):
        # EXTENDS 'account'
        return super()._compute_alerts()

    def _get_alerts(self):
        # EXTENDS 'account'
        alerts = super()._get_alerts()
        if self.state == "draft" and self.partner_id and self.company_id.use_billing and self.is_sale_document():
            if problem := self._get_missing_reference_problem():
                alerts["bfocused_reference"] = {"level": "warning", "message": problem}
        return alerts

    # === BUSINESS

    def _hand_to_sending(self):
        """Enqueue the sending of these invoices, each by the customer's own sending method.

        It is done in the transaction that posts them, so that none is forgotten and none is sent that isn't there.
        """
        for ids in split_every(SENDING_SIZE, self.ids, list):
            moves = self.browse(ids)
            moves.with_delay(
                priority=SENDING_PRIORITY,
                description=self.env._("Send %s invoices", len(ids)),
                identity_key=f"bfocused_billing.send.{ids[0]}.{ids[-1]}",
            )._job_send()

    def _job_send(self):
        """Job: send what isn't sent yet; doing it twice sends nothing twice."""
        self.exists().filtered(lambda move: move.state == "posted" and not move.is_move_sent)._send_each()

    def _send_each(self):
        """Send these invoices together; one that can't be sent says why."""
        send = self.env["account.move.send"]
        process_isolated(
            self.env.cr,
            self,
            lambda moves: send._generate_and_send_invoices(moves, allow_raising=False),
            lambda move, error: move._tell_unsent(error),
        )

    def _tell_unsent(self, error):
        if not isinstance(error, UserError):
            _logger.error("Invoice %s could not be sent", self.id, exc_info=error)
        self.message_post(body=self.env._("Not sent: %s", error))

    # === ELECTRONIC INVOICES

    def _get_collecting_mandate(self):
        """The mandate this invoice is collected with, in superuser mode; empty when the customer has to pay it."""
        self.ensure_one()
        mandates = self.sudo().mandate_id
        if self.move_type != "out_invoice" or not self.payment_mode_id.sudo().payment_method_id.mandate_required:
            return mandates.browse()
        return mandates.filtered(lambda mandate: not mandate._get_debit_problem())

    def _get_sepa_creditor_identifier(self):
        self.ensure_one()
        return self.payment_mode_id.sudo().sepa_creditor_identifier or self.company_id.sudo().sepa_creditor_identifier

    def _get_receiving_account(self):
        """Our account for what the customer pays; also where the payment mode is direct debit, which has none."""
        self.ensure_one()
        move = self.sudo()
        owner = move.bank_partner_id
        ours = owner.bank_ids.filtered(lambda bank: not bank.company_id or bank.company_id == move.company_id)
        # of direct debit without mandate, OCA shows the customer's account
        shown = move.partner_banks_to_show().filtered(lambda bank: bank.partner_id == owner)
        return move.partner_bank_id or shown[:1] or ours[:1]

    def _get_credited_invoices(self):
        """The posted invoices of which this credit note gives something back, oldest first, in superuser mode."""
        self.ensure_one()
        move = self.sudo()
        lines = move.invoice_line_ids
        credited = move.reversed_entry_id | lines.refunded_line_id.move_id | lines.charge_ids.credited_charge_id.move_id
        others = credited.filtered(lambda other: other.state == "posted" and other.move_type == "out_invoice") - move
        return others.sorted(lambda move: (move.invoice_date, move.id))

    def _get_customer_reference(self):
        """The customer's own number of what is billed: on the invoice, else on the order; of a credit note, that of
        the first invoice it gives back."""
        self.ensure_one()
        if self.move_type == "out_refund":
            texts = self._get_credited_invoices().mapped(lambda move: move._get_customer_reference())
        else:
            texts = [self.ref, *self.sudo().invoice_line_ids.sale_line_ids.order_id.mapped("client_order_ref")]
        return next((text.strip() for text in texts if text and text.strip()), "")

    def _get_missing_reference_problem(self):
        """See :meth:`res.partner._get_missing_reference_problem`."""
        self.ensure_one()
        return self.commercial_partner_id._get_missing_reference_problem(self._get_customer_reference())

    def _get_unwritable_text_problems(self, texts):
        """A sentence for each text with characters that an electronic invoice can't hold.

        :param texts: list of those texts, from the document
        """
        self.ensure_one()
        found = [
            (record, name)
            for record, name in self._get_written_fields()
            if isinstance(record[name], str) and UNWRITABLE.search(record[name])
        ]
        problems = [
            self.env._(
                "%(field)s of %(record)s has characters that an electronic invoice can't hold: type it again.",
                field=record._fields[name]._description_string(self.env),
                record=UNWRITABLE.sub("?", record.display_name or ""),
            )
            for record, name in found
        ]
        others = {text for text in texts if not any(record[name].strip() in text for record, name in found)}
        problems += [
            self.env._(
                'The text "%s" has characters, here question marks, that an electronic invoice can\'t hold: type it '
                "again.",
                UNWRITABLE.sub("?", text),
            )
            for text in sorted(others)
        ]
        return problems

    def _get_written_fields(self):
        """:return: list of (record, name of a field) of which an electronic invoice has the text"""
        move = self.sudo()
        partners = move.partner_id | move.commercial_partner_id | move.company_id.partner_id | move.partner_shipping_id
        lines = move.invoice_line_ids
        tables = ((move, MOVE_TEXTS), (partners, PARTNER_TEXTS), (lines, ("name",)), (lines.product_id, PRODUCT_TEXTS))
        return [(record, name) for records, names in tables for record in records for name in names]
