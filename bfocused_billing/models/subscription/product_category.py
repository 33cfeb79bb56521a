from odoo import fields, models


class ProductCategory(models.Model):
    _inherit = "product.category"

    billing_cycle_ids = fields.Many2many(
        comodel_name="sale.subscription.template",
        relation="product_category_billing_cycle_rel",
        string="Billing cycles",
        domain="[('billing_cycle', '!=', False)]",
        help="Cycles in which products of this group can be sold as a subscription. The first is proposed. "
        "Empty: those of the parent group.",
    )

    def _get_billing_cycles(self):
        """The cycles this product group allows, its own or else those of the nearest group above it.

        :return: ``sale.subscription.template`` records, the default first
        """
        category = self
        while category and not category.billing_cycle_ids:
            category = category.parent_id
        return category.billing_cycle_ids.sorted()
