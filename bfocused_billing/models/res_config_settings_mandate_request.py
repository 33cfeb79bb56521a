from odoo import fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    mandate_scheme = fields.Selection(related="company_id.mandate_scheme", readonly=False)
    mandate_request_days = fields.Integer(related="company_id.mandate_request_days", readonly=False)
    mandate_prenotification_days = fields.Integer(related="company_id.mandate_prenotification_days", readonly=False)
    mandate_staff_check = fields.Boolean(related="company_id.mandate_staff_check", readonly=False)
    mandate_auto_request = fields.Boolean(related="company_id.mandate_auto_request", readonly=False)
    mandate_country_group_id = fields.Many2one(related="company_id.mandate_country_group_id", readonly=False)
    mandate_attempt_limit = fields.Integer(related="company_id.mandate_attempt_limit", readonly=False)
    mandate_attempt_minutes = fields.Integer(related="company_id.mandate_attempt_minutes", readonly=False)
