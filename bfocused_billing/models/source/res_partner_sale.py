from odoo import fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    billing_separate_orders = fields.Boolean(
        string="Orders on an invoice of their own",
        company_dependent=True,
        help="Hours, products and one-off lines of orders are not put on the invoice of the subscriptions. Set on the "
        "company the customer belongs to.",
    )
