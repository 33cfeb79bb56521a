from odoo import models
from odoo.tools import format_date


class BillingRun(models.Model):
    """What came out of a run, customer by customer, as the values of its outcome rows."""

    _inherit = "bfocused.billing.run"

    def _prepare_row(self, group):
        """Values of ``bfocused.billing.run.line``: what came out for one customer."""
        row = self._prepare_customer_row(group)
        if group.hold_reason:
            waiting = group.waiting or self.env["account.move"]
            row["amount_untaxed"] += sum(waiting.mapped("amount_untaxed"))
            row["amount_total"] += sum(waiting.mapped("amount_total"))
            return dict(row, outcome="held", message=group.hold_reason)
        if group.deferred_until:
            return dict(row, outcome="deferred", move_id=group.move.id, message=group.move.deferral_reason)
        sign = group.move._get_billing_sign()  # what the customer gets back counts against what others pay
        return dict(
            row,
            outcome="invoiced",
            move_id=group.move.id,
            amount_untaxed=sign * group.move.amount_untaxed,
            amount_total=sign * group.move.amount_total,
            message=self._get_lock_message(group.move),
        )

    def _get_lock_message(self, move):
        """That Odoo booked the invoice on another day than its own, as a sentence; ``False`` when it didn't."""
        if not move.invoice_date or move.date == move.invoice_date:
            return False
        return self.env._(
            "The books are locked on the day of the invoice, so it was booked on %s.", format_date(self.env, move.date)
        )

    def _prepare_customer_row(self, group):
        """What each outcome row says of a customer: who it is, and what the new charges come to."""
        return {
            "partner_id": group.partner.id,
            "currency_id": group.key.currency_id,
            "amount_untaxed": group.amount_untaxed,
            "amount_total": group.amount_total,
        }
