from odoo import api, fields, models

from ...periods import MONTHS_PER_CYCLE


class ProductTemplate(models.Model):
    """The cycles a product is sold in, and what it costs per cycle."""

    _inherit = "product.template"

    billing_cycle_ids = fields.Many2many(
        comodel_name="sale.subscription.template",
        string="Billing cycles",
        compute="_compute_billing_cycle_ids",
        help="Cycles in which this product can be sold, as its product category allows. The first is proposed.",
    )
    billing_price_cycle = fields.Selection(
        selection="_selection_billing_cycle",
        string="Price is per",
        compute="_compute_billing_price_cycle",
        store=True,
        readonly=False,
        help="The period the sales price is for. Sold in a longer cycle, the price is that many times as high.",
    )

    @api.model
    def _selection_billing_cycle(self):
        return self.env["sale.subscription.template"]._fields["billing_cycle"]._description_selection(self.env)

    # === COMPUTE

    @api.depends("categ_id", "subscribable", "subscription_template_id")
    def _compute_billing_cycle_ids(self):
        for product in self:
            product.billing_cycle_ids = product._get_billing_cycles()

    @api.depends("categ_id", "subscribable")
    def _compute_billing_price_cycle(self):
        for product in self:
            cycles = product._get_billing_cycles()
            if product.billing_price_cycle and cycles:
                continue
            product.billing_price_cycle = cycles[:1].billing_cycle

    # === BUSINESS

    def _get_billing_cycles(self):
        """The cycles this product may be sold in; none when it isn't a subscription product.

        A product whose group names no cycle has the one chosen on the product itself.

        :return: ``sale.subscription.template`` records, the default first
        """
        self.ensure_one()
        if not self.subscribable:
            return self.env["sale.subscription.template"]
        own = self.subscription_template_id.filtered("billing_cycle")
        cycles = self.categ_id._get_billing_cycles()
        return (own & cycles) + (cycles - own) if cycles else own

    def _get_price_per_cycle(self, list_price, template, *, quantity, partner, pricelist):
        """What one of this product costs per cycle: the one rule for orders, subscriptions and their changes.

        The facts that no rule asks for yet are there for the next one. Where that asks for the quantity, let
        ``sale.subscription.line._compute_price_unit`` depend on ``product_uom_qty``, as OCA's doesn't; orders and the
        form of a change follow the quantity already.

        :param float list_price: of the price list, for the period that the sales price is for
        :param template: ``sale.subscription.template``, the cycle; empty for what is sold once
        :param float quantity: sold at this price
        :param partner: ``res.partner`` record, the customer
        :param pricelist: ``product.pricelist`` that ``list_price`` is from; empty where an order has none
        :return: in the currency of ``list_price``
        """
        self.ensure_one()
        return list_price * self._get_billing_price_factor(template)

    def _get_billing_price_factor(self, template):
        """How many times the sales price one period of ``template`` costs.

        :param template: ``sale.subscription.template``, may be empty
        :rtype: float
        """
        self.ensure_one()
        price_cycle = self.billing_price_cycle or self._get_billing_cycles()[:1].billing_cycle
        if not (template.billing_cycle and price_cycle):
            return 1.0
        return MONTHS_PER_CYCLE[template.billing_cycle] / MONTHS_PER_CYCLE[price_cycle]
