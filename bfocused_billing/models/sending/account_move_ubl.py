from odoo import models


class AccountMove(models.Model):
    """What an electronic invoice tells of payment and of earlier invoices."""

    _inherit = "account.move"

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
