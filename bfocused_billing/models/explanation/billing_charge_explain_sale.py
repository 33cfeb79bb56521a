from odoo import models

from .billing_explanation_component import TERMS, Component, format_number, format_period, records_behind


class BillingCharge(models.Model):
    """Why a charge of an order line is what it is: when it was delivered, and the hours behind it."""

    _inherit = "bfocused.billing.charge"

    def _explain_sale(self):
        # EXTENDS 'bfocused_billing'
        return [*super()._explain_sale(), self._explain_delivery()]

    def _explain_delivery(self):
        period = format_period(self.env, self.period_start, self.period_end)
        hours = self._get_hours()
        if not hours:
            return Component("delivery", self.env._("Ordered or delivered: %s.", period), section=TERMS)
        total = format_number(self.env, sum(hours.mapped("unit_amount")))
        label = self.env._("%(hours)s hours on timesheets, %(period)s.", hours=total, period=period)
        return Component("hours", label, section=TERMS, opens=records_behind(hours))

    def _get_hours(self):
        """The timesheets that were billed with this charge."""
        hours = self.env["account.analytic.line"].sudo()
        if not (self.move_id and self.sale_line_id.sudo()._is_hours()):
            return hours
        return hours.search([("timesheet_invoice_id", "=", self.move_id.id), ("so_line", "=", self.sale_line_id.id)])
