from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    payt_backend_id = fields.Many2one("payt.backend", string="PAYT connection", compute="_compute_payt_backend_id")
    payt_paused = fields.Boolean(related="payt_backend_id.paused")
    payt_paused_reason = fields.Char(related="payt_backend_id.paused_reason")
    has_payt_backend = fields.Boolean(compute="_compute_has_payt_backend")
    payt_on_posting = fields.Boolean(related="company_id.payt_on_posting", readonly=False)

    # === COMPUTE

    @api.depends("company_id")
    def _compute_payt_backend_id(self):
        for settings in self:
            settings.payt_backend_id = settings.company_id.payt_backend_ids[:1]

    @api.depends("company_id")
    def _compute_has_payt_backend(self):
        for settings in self:
            settings.has_payt_backend = bool(settings.company_id._get_payt_backend())

    # === ACTIONS

    def action_open_payt_backend(self):
        """Open the company's connection to PAYT, or a form to make it."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "res_model": "payt.backend",
            "res_id": self.payt_backend_id.id,
            "view_mode": "form",
            "context": {"default_company_id": self.company_id.id},
        }
