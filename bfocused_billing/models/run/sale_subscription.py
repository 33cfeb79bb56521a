from odoo import models


class SaleSubscription(models.Model):
    """Billing what is due of a customer's subscriptions between two month turns (R4)."""

    _inherit = "sale.subscription"

    def action_bill_now(self):
        """Open a run of the subscriptions of those who pay these, with what it would bill today."""
        self.company_id.ensure_one()
        runs = self.env["bfocused.billing.run"]
        payers = self.env["res.partner"].union(*(subscription._get_billing_partner() for subscription in self))
        return runs._open_interim(self.company_id, payers.commercial_partner_id, scope_subscriptions=True)
