from odoo import fields, models


class ResCompany(models.Model):
    _inherit = "res.company"

    payt_backend_ids = fields.One2many("payt.backend", "company_id", string="PAYT connection")

    def _get_payt_backend(self):
        """The connection of the companies to PAYT, paused or not; empty where there is none."""
        return self.sudo().payt_backend_ids
