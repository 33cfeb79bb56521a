from odoo import models


class ResCompany(models.Model):
    """Stands in until branch ``paytcore`` is merged, whose file replaces this one."""

    _inherit = "res.company"

    def _get_payt_backend(self):
        """The active administration of this company, in superuser mode; maybe empty."""
        self.ensure_one()
        return self.env["payt.backend"].sudo().search([("company_id", "=", self.id)], limit=1)
