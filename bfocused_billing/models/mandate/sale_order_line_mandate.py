from odoo import api, models


class SaleOrderLine(models.Model):
    """Lines of a quotation that was accepted and waits for a mandate."""

    _inherit = "sale.order.line"

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'bfocused_billing'
        orders = self.env["sale.order"].browse({vals["order_id"] for vals in vals_list if vals.get("order_id")})
        with orders._watch_acceptance():
            return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'bfocused_billing'
        with self.order_id._watch_acceptance():
            return super().write(vals)

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
