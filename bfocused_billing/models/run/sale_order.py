from odoo import models


class SaleOrder(models.Model):
    """Billing what is due of a customer's orders between two month turns (R4)."""

    _inherit = "sale.order"

    def action_bill_now(self):
        """Open a run of the orders of those who pay these, with what it would bill today."""
        self.company_id.ensure_one()
        customers = self.partner_invoice_id.commercial_partner_id
        return self.env["bfocused.billing.run"]._open_interim(self.company_id, customers, scope_sales=True)
