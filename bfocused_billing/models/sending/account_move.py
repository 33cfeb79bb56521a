import logging

from odoo import models
from odoo.exceptions import UserError
from odoo.tools import split_every

from ...transactions import process_isolated

_logger = logging.getLogger(__name__)

SENDING_SIZE = 50  # invoices whose PDFs are rendered in one call
SENDING_PRIORITY = 20  # after the billing itself


class AccountMove(models.Model):
    """Sending posted invoices by jobs of their own, and what an electronic invoice tells of payment and credit."""

    _inherit = "account.move"

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
        return credited.filtered(lambda move: move.state == "posted").sorted(lambda move: (move.invoice_date, move.id))
