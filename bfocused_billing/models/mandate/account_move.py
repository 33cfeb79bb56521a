from odoo import models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    """No invoice of subscriptions is posted without a valid mandate (R1), by whatever way."""

    _inherit = "account.move"

    def _check_subscription_mandates(self):
        """Refuse to post invoices of subscriptions of which the mandate can't be used, not even a renewed one.

        :raise UserError: with what is wrong and what to do
        """
        for move in self._filter_subscription_invoices():
            move._renew_mandate()
            move._check_mandate()

    def _filter_subscription_invoices(self):
        """Those of these invoices with which a subscription is to be collected."""
        own = self.filtered(
            lambda move: (
                move.move_type == "out_invoice"
                and move.company_id.use_billing
                and move.currency_id.compare_amounts(move.amount_total, 0) > 0
            )
        )
        charges = self.env["bfocused.billing.charge"].sudo()
        billed = charges.search([("move_line_id", "in", own.invoice_line_ids.ids), ("kind", "=", "subscription")])
        return own & (billed.move_line_id.move_id | own.invoice_line_ids.filtered("subscription_line_id").move_id)

    def _renew_mandate(self):
        """Let a draft of which the mandate was replaced go with the customer's present one, as a run does."""
        self.ensure_one()
        if self._get_invoice_mandate_problem():
            current = self.partner_id._get_billing_mandate(self.company_id)
            if not self.partner_id._get_mandate_problem(self.company_id, current):
                self.mandate_id = current

    def _check_mandate(self):
        """
        :raise UserError: with what is wrong and what to do
        """
        self.ensure_one()
        if not self.payment_mode_id.payment_method_id.mandate_required:
            problem = self.env._("A subscription is paid by direct debit: choose that as the payment mode.")
        else:
            problem = self._get_invoice_mandate_problem()
        if problem:
            raise UserError(
                self.env._(
                    "%(invoice)s holds subscriptions, so it needs a valid mandate. %(problem)s",
                    invoice=self.display_name,
                    problem=problem,
                )
            )

    def _get_invoice_mandate_problem(self):
        return self.partner_id._get_mandate_problem(self.company_id, self.mandate_id)
