from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _prepare_payment_line_vals(self, payment_order):
        # EXTENDS 'account_banking_mandate': the invoice's own mandate, and never just any of the customer's (T7)
        vals = super()._prepare_payment_line_vals(payment_order)
        if not (payment_order.payment_mode_id.is_own_collection and self.move_id.is_invoice()):
            return vals
        mandate = self.move_id.mandate_id
        day = self.move_id._get_collection_day(fields.Date.context_today(self), self.date_maturity)
        return {**vals, "mandate_id": mandate.id, "partner_bank_id": mandate.partner_bank_id.id, "date": day}
