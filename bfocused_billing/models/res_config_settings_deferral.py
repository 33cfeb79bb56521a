from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    billing_deferral_continuing = fields.Selection(related="company_id.billing_deferral_continuing", readonly=False)
    billing_deferral_separate = fields.Selection(related="company_id.billing_deferral_separate", readonly=False)
    billing_deferral_warning_days = fields.Integer(related="company_id.billing_deferral_warning_days", readonly=False)
