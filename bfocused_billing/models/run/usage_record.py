from odoo import models
from odoo.exceptions import UserError


class UsageRecord(models.Model):
    """Billing a customer's calls so far (R4)."""

    _inherit = "bfocused.usage.record"

    def action_bill_now(self):
        """Open a run of all calls of those who pay these, with what it would bill today."""
        charges = self.charge_id
        if not charges:
            raise UserError(self.env._("These calls have no customer or no rate yet, so they can't be billed."))
        if len(charges.company_id) > 1:
            raise UserError(self.env._("Choose calls of one company; each company bills its own."))
        payers = self.env["res.partner"].union(*(charge._get_usage_terms()[1] for charge in charges))
        runs = self.env["bfocused.billing.run"]
        return runs._open_interim(charges.company_id, payers.commercial_partner_id, scope_usage=True)
