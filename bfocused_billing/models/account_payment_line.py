from odoo import fields, models
from odoo.exceptions import UserError

from ..banking_days import add_banking_days, on_or_after


class AccountPaymentLine(models.Model):
    """A debit is made on the invoice's own day and with its own mandate."""

    _inherit = "account.payment.line"

    mandate_debited_before = fields.Date(
        readonly=True, copy=False, help="Last debit of the mandate before this one, for an order that is cancelled."
    )

    def _get_payment_line_grouping_fields(self):
        # EXTENDS 'account_payment_order': two mandates of one account are two debits
        return [*super()._get_payment_line_grouping_fields(), "mandate_id"]

    def draft2open_payment_line_check(self):
        # EXTENDS 'account_banking_sepa_direct_debit'
        result = super().draft2open_payment_line_check()
        move = self.move_line_id.move_id
        if self.order_id.payment_mode_id.is_own_collection and move:
            if self.mandate_id != move.mandate_id:
                raise UserError(
                    self.env._("%s is collected with another mandate than its own.", move.display_name),
                )
            problem = move._get_debit_problem(self._get_collection_day(fields.Date.context_today(self)))
            if problem:
                raise UserError(self.env._("%(invoice)s: %(problem)s", invoice=move.display_name, problem=problem))
        return result

    def write(self, vals):
        # EXTENDS 'account_payment_order': the order is confirmed, each line gets the day on which it is collected
        if not (self.env.context.get("set_collection_days") and vals.get("date")):
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
