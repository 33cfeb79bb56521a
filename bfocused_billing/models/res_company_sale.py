from odoo import api, fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    billing_orders = fields.Boolean(
        string="Bill orders with the month turn",
        help="Hours, delivered products and one-off lines of orders of the months before go on the customer's invoice.",
    )
    billing_orders_from = fields.Date(
        string="Orders from",
        help="Orders before this day are left to be invoiced by hand. Empty: all orders.",
    )

    @api.model
    def _get_published_billing_values(self):
        # EXTENDS 'bfocused_billing': one invoice a month for what was taken in the month before (R3)
        return {**super()._get_published_billing_values(), "billing_orders": True}
