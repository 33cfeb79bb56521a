from odoo import fields, models

ORDERS = "orders"  # purpose of an invoice of orders only, for customers who want that


class ResPartner(models.Model):
    """Whether a customer gets orders on an invoice of their own (R3)."""

    _inherit = "res.partner"

    billing_separate_orders = fields.Boolean(
        string="Orders on an invoice of their own",
        company_dependent=True,
        help="Hours, products and one-off lines of orders are not put on the invoice of the subscriptions. Set on the "
        "company the customer belongs to.",
    )

    def _get_order_purpose(self, company):
        """What an invoice of orders to this address is kept for; empty where it is the customer's common one."""
        return ORDERS if self.commercial_partner_id.with_company(company).billing_separate_orders else ""
