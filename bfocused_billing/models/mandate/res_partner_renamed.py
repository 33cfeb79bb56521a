from odoo import models


class ResPartner(models.Model):
    _inherit = "res.partner"

    def write(self, vals):
        # EXTENDS 'base': it renames the holder of the accounts too, but a signed mandate keeps the holder who signed
        partners = self.with_context(mandate_holder_kept=True) if "name" in vals else self
        return super(ResPartner, partners).write(vals)
