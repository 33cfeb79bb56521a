from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    usage_tz = fields.Selection(related="company_id.usage_tz", readonly=False)
    usage_product_id = fields.Many2one(related="company_id.usage_product_id", readonly=False)
