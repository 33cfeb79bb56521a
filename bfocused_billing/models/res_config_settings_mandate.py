from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    mandate_warning_months = fields.Char(related="company_id.mandate_warning_months", readonly=False)
