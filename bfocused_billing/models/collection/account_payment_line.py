from odoo import fields, models
from odoo.exceptions import UserError

from ...banking_days import add_banking_days, on_or_after


class AccountPaymentLine(models.Model):
    """A debit is made on the invoice's own day and with its own mandate."""

    _inherit = "account.payment.line"

    mandate_debited_before = fields.Date(
        readonly=True, copy=False, help="Last debit of the mandate before this one, for an order that is cancelled."
    )

    def _get_payment_line_grouping_fields(self):
        # EXTENDS 'account_payment_order': two mandates of one account are two debits
        own = ["mandate_id"] if self.order_id.payment_mode_id.is_own_collection else []
        return [*super()._get_payment_line_grouping_fields(), *own]

    def draft2open_payment_line_check(self):
        # EXTENDS 'account_banking_sepa_direct_debit'
        result = super().draft2open_payment_line_check()
        move = self.move_line_id.move_id
        if self.order_id.payment_mode_id.is_own_collection and move:
            settled = self._get_settled_note()
            if settled:
                raise UserError(settled)
            if self.mandate_id != move.mandate_id:
                raise UserError(
                    self.env._("%s is collected with another mandate than its own.", move.display_name),
                )
            problem = move._get_debit_problem(self._get_collection_day(fields.Date.context_today(self)))
            if problem:
                raise UserError(self.env._("%(invoice)s: %(problem)s", invoice=move.display_name, problem=problem))
        return result

    def _get_settled_note(self):
        """What to say of a line that debits more than is still open of its invoice; ``False`` for all others."""
        self.ensure_one()
        item = self.move_line_id
        if not item:
            return False
        if item.reconciled:
            return self.env._("%s was paid or credited, so it is not collected.", item.move_id.display_name)
        # a credit note that is netted on the order has both amounts below zero
        if self.currency_id.compare_amounts(abs(self.amount_currency), abs(item.amount_residual_currency)) <= 0:
            return False
        return self.env._(
            "Of %(invoice)s only %(open)s is still open, so no more than that is collected.",
            invoice=item.move_id.display_name,
            open=self.currency_id.format(item.amount_residual_currency),
        )

    def write(self, vals):
        # EXTENDS 'account_payment_order': the order is confirmed, each line gets the day on which it is collected
        if not (self.env.context.get("billing_set_collection_days") and vals.get("date")):
            return super().write(vals)
        for line in self:
            super(AccountPaymentLine, line).write({**vals, "date": line._get_collection_day(vals["date"])})
        return True

    def _get_collection_day(self, wanted):
        """The banking day on which this line is collected.

        :param wanted: the day the order asks for; it becomes later where notice, due date or the bank want that
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        wanted = max(fields.Date.to_date(wanted), today)
        mode = self.order_id.payment_mode_id
        move = self.move_line_id.move_id
        if not move:
            return max(on_or_after(wanted), add_banking_days(today, mode.collection_lead_days))
        return max(on_or_after(wanted), move._get_collection_day(today, self.move_line_id.date_maturity))
