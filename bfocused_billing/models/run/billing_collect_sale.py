from odoo import models
from odoo.fields import Domain

from .billing_group import BillingGroup, GroupKey


class BillingCollectMixin(models.AbstractModel):
    """Hours, products and one-off lines of orders go on the customer's invoice, or on one of their own (R3)."""

    _inherit = "bfocused.billing.collect.mixin"

    def _get_customers(self):
        # EXTENDS 'bfocused_billing'
        return super()._get_customers() | self._find_orders().partner_invoice_id.commercial_partner_id.sudo(False)

    def _collect(self, customers):
        # EXTENDS 'bfocused_billing'
        yield from super()._collect(customers)
        orders = self._find_orders(customers)
        sold = orders.order_line._get_sold(self.date)
        orders.order_line.fetch(["tax_ids"])  # Odoo's list of invoiceable lines would have it read per order
        memo = {}
        for order in orders:
            part = self._collect_safely(order.partner_invoice_id.sudo(False), self._collect_order, order, sold, memo)
            if part:
                yield part

    def _find_orders(self, customers=None):
        """The orders of which something may be due on the date of the run.

        With all rights: what a run bills doesn't depend on whose orders its user may see.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        :return: ``sale.order`` records
        """
        orders = self.env["sale.order"].sudo()
        domain = orders._get_billable_domain(self.company_id, self.date)
        if customers is not None:
            domain &= Domain("partner_invoice_id.commercial_partner_id", "in", customers.ids)
        return orders.search(domain, order="date_order, id")

    def _collect_order(self, order, sold, memo):
        """What is due of one order, with the invoice it belongs on; ``None`` when that is nothing."""
        partner = order.partner_invoice_id.sudo(False)
        items = order.with_context(lang=partner.lang or self.env.lang)._get_items(sold)
        if not items:
            return None
        key = self._get_order_key(order, memo)
        # a product may be out of the range by the time it is billed, so products are no obstacle
        reason = order._get_hold_reason() or self._get_obstacle(key, partner, self.env["product.product"], memo)
        return BillingGroup(key, partner, reason, items=items)

    def _get_order_key(self, order, memo):
        """The invoice on which an order belongs."""
        partner = order.partner_invoice_id.sudo(False)
        position = order.fiscal_position_id or self._get_fiscal_position(
            partner, order.partner_shipping_id.sudo(False), memo
        )
        return GroupKey(
            partner.id,
            order.currency_id.id,
            order._get_billing_payment_mode().id,
            order._get_billing_mandate().id,
            position.id,
            order.journal_id.id,
            self.env["account.move"]._get_order_purpose(partner, self.company_id),
        )
