from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class AccountPaymentOrder(models.Model):
    """Invoices whose collection waits for the quarter's batch aren't debited before it (R5)."""

    _inherit = "account.payment.order"

    def draft2open(self):
        # EXTENDS 'account_payment_order': the dates of the order may have changed since its lines were added
        for order in self:
            order.payment_line_ids.move_line_id._check_collectible(order)
        return super().draft2open()

    def _get_collection_date(self):
        """The day on which this order debits; ``None`` when that is each line's own due date."""
        self.ensure_one()
        today = fields.Date.context_today(self)
        if self.date_prefered == "due":
            return None
        scheduled = self.date_scheduled if self.date_prefered == "fixed" else today
        return max(scheduled or today, today)


class AccountMoveLine(models.Model):
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
