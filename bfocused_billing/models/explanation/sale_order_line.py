from odoo import api, models

from ...explanation import TERMS, Component, format_number, format_period, records_behind


class SaleOrderLine(models.Model):
    """Why a charge of an order line is what it is: its price, when it was delivered, and the hours behind it."""

    _inherit = "sale.order.line"

    @api.model
    def _explain_charge(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin'
        line = charge.move_line_id
        price = line._explain_order() if line.sale_line_ids else charge._explain_whole()
        return [*price, self._explain_delivery(charge)]

    @api.model
    def _explain_delivery(self, charge):
        period = format_period(self.env, charge.period_start, charge.period_end)
        hours = self._get_charged_hours(charge)
        if not hours:
            return Component("delivery", self.env._("Ordered or delivered: %s.", period), section=TERMS)
        total = format_number(self.env, sum(hours.mapped("unit_amount")))
        label = self.env._("%(hours)s hours on timesheets, %(period)s.", hours=total, period=period)
        return Component("hours", label, section=TERMS, opens=records_behind(hours))

    @api.model
    def _get_charged_hours(self, charge):
        """The timesheets that were billed with a charge."""
        hours = self.env["account.analytic.line"].sudo()
        if not (charge.move_id and charge.sale_line_id.sudo()._is_hours()):
            return hours
        return hours.search(
            [("timesheet_invoice_id", "=", charge.move_id.id), ("so_line", "=", charge.sale_line_id.id)]
        )
