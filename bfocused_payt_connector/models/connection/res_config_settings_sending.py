from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    has_payt_backend = fields.Boolean(compute="_compute_has_payt_backend")
    payt_on_posting = fields.Boolean(related="company_id.payt_on_posting", readonly=False)

    @api.depends("company_id")
    def _compute_has_payt_backend(self):
        for settings in self:
            settings.has_payt_backend = bool(settings.company_id._get_payt_backend())
