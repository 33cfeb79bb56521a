from odoo import models


class ResCompany(models.Model):
    _inherit = "res.company"

    def _get_payt_tz(self):
        """In which time zone moments of PAYT are told: the company's, whoever reads them."""
        return self.billing_tz or self.partner_id.tz or "UTC"
