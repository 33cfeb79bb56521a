from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    billing_orders = fields.Boolean(related="company_id.billing_orders", readonly=False)
    billing_orders_from = fields.Date(related="company_id.billing_orders_from", readonly=False)
