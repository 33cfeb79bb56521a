from odoo import models


class SaleOrderLine(models.Model):
    """Lines of a quotation that was accepted and waits for a mandate."""

    _inherit = "sale.order.line"

    # === CRUD

    def unlink(self):
        # EXTENDS 'sale'
        with self.order_id._watch_acceptance():
            return super().unlink()

    # === BUSINESS

    def _get_accepted_terms(self):
        """What a customer accepts with this line."""
        self.ensure_one()
        return (
            self.id,
            self.product_id,
            self.name,
            self.product_uom_qty,
            self.product_uom_id,
            self.price_unit,
            self.discount,
            self.tax_ids,
            self.subscription_template_id,
        )
