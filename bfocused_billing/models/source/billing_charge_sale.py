from odoo import api, fields, models


class BillingCharge(models.Model):
    """A charge of an order line: what was delivered or ordered of it until the end of a month."""

    _inherit = "bfocused.billing.charge"

    # A line that was billed can't be deleted; one whose invoice is gone can, and the void charge stays as history.
    sale_line_id = fields.Many2one(
        "sale.order.line", string="Order line", index="btree_not_null", ondelete="set null", check_company=True
    )
    product_id = fields.Many2one("product.product", compute="_compute_product_id", compute_sudo=True, related=None)
    sale_order_id = fields.Many2one(related="sale_line_id.order_id", string="Order")
    quantity = fields.Float(help="Of calls: minutes. Of orders: in the order line's unit.")

    _sale_once = models.UniqueIndex(
        "(sale_line_id, billing_round) WHERE kind = 'sale' AND state <> 'void' AND sale_line_id IS NOT NULL",
        "This was billed already.",
    )

    # === COMPUTE

    @api.depends("kind")
    def _compute_state(self):
        # EXTENDS 'bfocused_billing': the order itself knows what is to be invoiced again
        result = super()._compute_state()
        self.filtered(lambda charge: charge.kind == "sale" and not charge.move_line_id).state = "void"
        return result

    @api.depends("subscription_line_id.product_id", "sale_line_id.product_id")
    def _compute_product_id(self):
        for charge in self:
            charge.product_id = charge.subscription_line_id.product_id or charge.sale_line_id.product_id

    # === BUSINESS

    @api.model
    def _get_billed_items(self, items):
        # EXTENDS 'bfocused_billing'
        billed = super()._get_billed_items(items)
        sold = [item for item in items if item.sold]
        charges = self.search([("sale_line_id", "in", [item.source.id for item in sold]), ("state", "!=", "void")])
        rounds = {(charge.sale_line_id.id, charge.billing_round) for charge in charges}
        gone = [item for item in sold if (item.source.id, item.sold.billing_round) in rounds]
        orders = {item.source.order_id.id for item in gone}
        headings = [
            item
            for item in items
            if item.source._name == "sale.order.line" and not item.sold and item.source.order_id.id in orders
        ]
        return billed + gone + headings

    def _get_billed_again(self):
        # EXTENDS 'bfocused_billing': whatever the line was billed for after the credit note
        self.ensure_one()
        if not self.sale_line_id:
            return super()._get_billed_again()
        later = self.sale_line_id.sudo().billing_charge_ids._get_live()
        return later.filtered(lambda other: other.move_line_id.id > self.reversal_line_id.id)
