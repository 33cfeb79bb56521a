from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...tools import changed_values

# What a subscription takes over from its order line.
SOLD_FIELDS = frozenset({"product_id", "product_uom_qty", "price_unit", "discount", "subscription_template_id"})


class SaleOrderLine(models.Model):
    """What is sold as a subscription: its cycle, its price per cycle, and the subscription made of it."""

    _inherit = "sale.order.line"

    subscription_template_id = fields.Many2one(
        comodel_name="sale.subscription.template",
        string="Billing cycle",
        compute="_compute_subscription_template_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', allowed_subscription_template_ids)]",
        ondelete="restrict",
        help="How often this line is billed. The cycles offered are those of the product's group.",
    )
    allowed_subscription_template_ids = fields.Many2many(
        comodel_name="sale.subscription.template", compute="_compute_allowed_subscription_template_ids"
    )
    subscription_line_ids = fields.One2many(
        comodel_name="sale.subscription.line",
        inverse_name="sale_order_line_id",
        string="Subscription lines",
        groups="sales_team.group_sale_salesman",
    )

    # === COMPUTE

    @api.depends("product_id", "company_id.use_billing")
    def _compute_allowed_subscription_template_ids(self):
        for line in self:
            line.allowed_subscription_template_ids = line._get_billing_cycles()

    @api.depends("product_id")
    def _compute_subscription_template_id(self):
        for line in self:
            cycles = line._get_billing_cycles()
            if not line.subscription_template_id or line.subscription_template_id not in cycles:
                line.subscription_template_id = cycles[:1]

    @api.depends("subscription_template_id")
    def _compute_price_unit(self):
        # EXTENDS 'sale': another cycle is another price
        return super()._compute_price_unit()

    @api.depends("subscription_template_id")
    def _compute_qty_to_invoice(self):
        # EXTENDS 'sale': the billing run invoices subscriptions, not the order
        result = super()._compute_qty_to_invoice()
        self.filtered("subscription_template_id").qty_to_invoice = 0
        return result

    @api.depends("subscription_template_id")
    def _compute_invoice_status(self):
        # EXTENDS 'sale'
        result = super()._compute_invoice_status()
        self.filtered("subscription_template_id").invoice_status = "no"
        return result

    @api.depends("subscription_template_id")
    def _compute_untaxed_amount_to_invoice(self):
        # EXTENDS 'sale'
        result = super()._compute_untaxed_amount_to_invoice()
        self.filtered("subscription_template_id").untaxed_amount_to_invoice = 0
        return result

    @api.depends("subscription_template_id")
    def _compute_amount_to_invoice(self):
        # EXTENDS 'sale'
        result = super()._compute_amount_to_invoice()
        self.filtered("subscription_template_id").amount_to_invoice = 0
        return result

    # === CONSTRAINTS

    @api.constrains("subscription_template_id", "product_id")
    def _check_subscription_template(self):
        for line in self.filtered("subscription_template_id"):
            cycles = line._get_billing_cycles()
            if line.subscription_template_id not in cycles:
                raise ValidationError(
                    self.env._(
                        "%(product)s can't be sold in the cycle %(cycle)s. Possible cycles: %(cycles)s.",
                        product=line.product_id.display_name,
                        cycle=line.subscription_template_id.name,
                        cycles=", ".join(cycles.mapped("name")) or "-",
                    )
                )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'sale': a subscription product added to a confirmed order is a subscription too
        orders = self.env["sale.order"].browse({vals["order_id"] for vals in vals_list if vals.get("order_id")})
        with orders._watch_acceptance():
            lines = super().create(vals_list)
            orders._create_subscriptions(lines.filtered(lambda line: line.state == "sale"))
        return lines

    def write(self, vals):
        # EXTENDS 'sale': a line of a confirmed order that becomes a subscription is one from then on
        with self.order_id._watch_acceptance():
            self._check_sold_terms(vals)
            one_off = self.filtered(lambda line: line.state == "sale" and not line.subscription_template_id)
            result = super().write(vals)
            if SOLD_FIELDS & vals.keys():
                self.order_id._create_subscriptions(one_off)
        return result

    def _check_sold_terms(self, vals):
        """Once there is a subscription, that is where it is changed.

        :raise UserError: when ``vals`` change what a subscription was made of
        """
        if not SOLD_FIELDS & vals.keys():
            return
        for line in self.sudo().filtered("subscription_line_ids"):
            if changed_values(line, vals) and line.state == "sale":
                raise UserError(line._get_sold_problem())

    def _get_sold_problem(self):
        """Why what this line sold isn't changed on the order, and where it is, as a sentence."""
        self.ensure_one()
        subscription = self.subscription_line_ids.sale_subscription_id.sorted("id")[-1:]
        names = {"product": self.product_id.display_name, "subscription": subscription.display_name}
        if self._has_ended_subscription():
            return self.env._(
                "%(product)s ran as subscription %(subscription)s, which has ended. Sell it again by a new line.",
                **names,
            )
        return self.env._("%(product)s runs as subscription %(subscription)s. Change it there.", **names)

    # === BUSINESS

    def _get_billing_cycles(self):
        """The cycles this line can be billed in; none for a one-off line or a company without this billing."""
        self.ensure_one()
        company = self.company_id or self.order_id.company_id or self.env.company
        product = self.product_id.product_tmpl_id
        if not company.use_billing or not product or self.is_downpayment:
            return self.env["sale.subscription.template"]
        return product._get_billing_cycles()

    def _filter_starting(self):
        """The lines that start a subscription when their order is confirmed: what ever ran as one never starts another.

        What ended is sold again by a new line, or each confirmation and each line added would bill it anew.
        """
        return self.filtered(lambda line: line.subscription_template_id and not line.sudo().subscription_line_ids)

    def _has_ended_subscription(self):
        """Whether this line ran as a subscription, and runs as none any more."""
        self.ensure_one()
        ran = self.sudo().subscription_line_ids.sale_subscription_id
        return bool(ran) and all(subscription.stage_type == "post" for subscription in ran)

    def _get_pricelist_price(self):
        # EXTENDS 'sale'
        return self._get_price_per_cycle(super()._get_pricelist_price())

    def _get_pricelist_price_before_discount(self):
        # EXTENDS 'sale'
        return self._get_price_per_cycle(super()._get_pricelist_price_before_discount())

    def _get_price_per_cycle(self, list_price):
        """What one of this line's product costs per cycle, given its price on the price list."""
        self.ensure_one()
        return self.product_id.product_tmpl_id._get_price_per_cycle(
            list_price,
            self.subscription_template_id,
            quantity=self.product_uom_qty,
            partner=self.order_id.partner_id,
            pricelist=self.order_id.pricelist_id,
        )

    def get_subscription_line_values(self):
        # EXTENDS 'subscription_oca': what the order agreed, also its text and taxes
        values = super().get_subscription_line_values()
        if self.subscription_template_id:
            values.pop("price_subtotal", None)
            values.update(
                {
                    "name": self.name,
                    "tax_ids": [Command.set(self.tax_ids.ids)],
                    "sale_order_line_id": self.id,
                }
            )
        return values
