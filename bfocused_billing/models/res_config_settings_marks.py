from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    billing_difference_percent = fields.Float(related="company_id.billing_difference_percent", readonly=False)
