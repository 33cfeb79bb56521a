from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class AccountMoveLine(models.Model):
    """What a payment order takes of an invoice: with its own mandate, and not before the day it may be collected."""

    _inherit = "account.move.line"

    def create_payment_line_from_move_line(self, payment_order):
        # EXTENDS 'account_payment_order'
        self._check_collectible(payment_order)
        return super().create_payment_line_from_move_line(payment_order)

    def _check_collectible(self, payment_order):
        """Refuse what a payment order would debit before the quarter turn it was sent for.

        :raise UserError: with the day from which on it can be collected
        """
        day = payment_order._get_collection_date()
        for line in self:
            wanted = line.move_id.collection_date
            if wanted and (day or line.date_maturity or fields.Date.context_today(line)) < wanted:
                raise UserError(
                    self.env._(
                        "%(invoice)s was sent with the promise to collect it with the quarter's batch, on "
                        "%(date)s or later.",
                        invoice=line.move_id.display_name,
                        date=format_date(self.env, wanted, date_format="d MMMM y"),
                    )
                )

    def _prepare_payment_line_vals(self, payment_order):
        # EXTENDS 'account_banking_mandate': the invoice's own mandate, and never just any of the customer's (T7)
        vals = super()._prepare_payment_line_vals(payment_order)
        if not (payment_order.payment_mode_id.is_own_collection and self.move_id.is_invoice()):
            return vals
        mandate = self.move_id.mandate_id
        day = self.move_id._get_collection_day(fields.Date.context_today(self), self.date_maturity)
        return {**vals, "mandate_id": mandate.id, "partner_bank_id": mandate.partner_bank_id.id, "date": day}
