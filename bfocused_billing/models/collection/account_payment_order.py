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

    # === LIFE OF THE MANDATE (T11)

    def generated2uploaded(self):
        # EXTENDS 'account_banking_sepa_direct_debit': there, the last debit is the day on which the file was made
        ours = self.filtered(lambda order: order.company_id.use_billing)
        lines = ours.payment_line_ids.filtered("mandate_id")
        for line in lines:
            line.mandate_debited_before = line.mandate_id.last_debit_date
        result = super().generated2uploaded()
        for mandate, its_lines in lines.grouped("mandate_id").items():
            mandate.last_debit_date = max(
                filter(None, [*its_lines.mapped("date"), *its_lines.mapped("mandate_debited_before")])
            )
        return result

    def action_cancel(self):
        # EXTENDS 'account_payment_order': what the bank never got was no collection
        uploaded = self.filtered(lambda order: order.state == "uploaded" and order.company_id.use_billing)
        result = super().action_cancel()
        for mandate, lines in uploaded.payment_line_ids.filtered("mandate_id").grouped("mandate_id").items():
            if mandate.last_debit_date == max(lines.mapped("date")):
                rest = mandate.payment_line_ids.filtered(lambda line: line.state == "uploaded")
                days = [*rest.mapped("date"), *lines.mapped("mandate_debited_before")]
                mandate.last_debit_date = max(filter(None, days), default=False)
        return result

    # === COLLECTION OF DEFERRED INVOICES

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
