from odoo import Command, api, fields, models
from odoo.fields import Domain

from ...periods import MONTHS_PER_CYCLE

LISTED_LINES = 20  # running lines that a message names; the form shows all


class ProductTemplate(models.Model):
    """The cycles a product is sold in, what it costs per cycle, and what new taxes mean for lines that run."""

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

    asks_running_taxes = fields.Boolean(
        copy=False,
        readonly=True,
        help="The taxes were changed, and nobody decided yet whether subscription lines that run change too.",
    )
    billing_former_tax_ids = fields.Many2many(
        comodel_name="account.tax",
        relation="bfocused_product_former_tax_rel",
        string="Taxes before",
        copy=False,
        readonly=True,
        help="The sales taxes before they were changed last.",
    )
    billing_taxes_from = fields.Date(
        string="New taxes from",
        copy=False,
        readonly=True,
        help="Calls of months that ended before this day have the taxes of before.",
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

    @api.onchange("taxes_id")
    def _onchange_taxes_id(self):
        if len(self._origin._find_following_lines(self._origin.taxes_id, self.taxes_id._origin)):
            return {
                "warning": {
                    "title": self.env._("Running subscriptions"),
                    "message": self.env._(
                        "Subscription lines that run keep their present taxes. Save, and then choose whether they "
                        "change too, and from which day."
                    ),
                }
            }
        return None

    # === CRUD

    def write(self, vals):
        # EXTENDS 'product': new taxes are for what is sold from now on; lines that run wait for somebody to decide
        if "taxes_id" in vals:
            self.env["sale.subscription.line"].flush_model(["tax_ids"])  # those of new lines are the taxes of before
        before = {product: product.sudo().taxes_id for product in self} if "taxes_id" in vals else {}
        result = super().write(vals)
        for product, taxes in before.items():
            product._ask_running_taxes(taxes)
        return result

    # === ACTIONS

    def action_running_taxes(self):
        """Open the form for the taxes of subscription lines that run: apply the product's from a day on, or leave."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Taxes of running lines: %s", self.display_name),
            "res_model": "bfocused.subscription.tax.change",
            "view_mode": "form",
            "target": "new",
            "context": {"default_product_tmpl_id": self.id},
        }

    # === BUSINESS

    # --- new taxes

    def _ask_running_taxes(self, before):
        """Have somebody decide what new taxes mean for lines that run, and tell which those are.

        :param before: ``account.tax`` records that were the product's until now
        """
        self.ensure_one()
        product = self.sudo()
        changed = (before | product.taxes_id) - (before & product.taxes_id)
        if not any(changed.company_id.mapped("use_billing")):
            return
        former = product.billing_former_tax_ids if product.asks_running_taxes else before
        lines = product._find_following_lines(former, product.taxes_id)
        if not lines and not product._is_of_calls():
            product._close_running_taxes()  # such as taxes that were put back
            return
        product.write(
            {
                "asks_running_taxes": True,
                "billing_former_tax_ids": [Command.set(former.ids)],
                "billing_taxes_from": False,
            }
        )
        product._tell_running_taxes(lines, former)

    def _is_of_calls(self):
        """Whether calls are invoiced as this product, by its taxes of the moment."""
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        products = {company._get_usage_product() for company in companies}
        numbers = self.env["bfocused.usage.number"]
        return bool(
            products & set(self.product_variant_ids)
            or numbers.search_count([("product_id.product_tmpl_id", "=", self.id)], limit=1)
        )

    def _find_following_lines(self, former, new):
        """The lines that run with the taxes this product had, and that would have others by now.

        A line with taxes of its own, or that has the same by its fiscal position, isn't among them.

        :param former: ``account.tax`` records, of any company
        :param new: the same
        :return: ``sale.subscription.line`` records, in superuser mode
        """
        lines = self._find_running_lines(self)
        return lines.filtered(
            lambda line: (
                line.tax_ids == self._get_taxes_of(line, former) and line.tax_ids != self._get_taxes_of(line, new)
            )
        )

    @api.model
    def _find_running_lines(self, products=None, company=None):
        """The lines that are billed from today on, with all rights.

        :param products: ``product.template`` records; all when left out
        :param company: ``res.company``; all that use billing when left out
        """
        today = fields.Date.context_today(self)
        goes_on = Domain("date", "=", False) | Domain("date", ">", today)
        domain = (
            Domain("company_id.use_billing", "=", True)
            & (Domain("date_end", "=", False) | Domain("date_end", ">", today))
            & Domain("sale_subscription_id", "any", Domain("stage_id.type", "!=", "post") & goes_on)
        )
        if products is not None:
            domain &= Domain("product_id.product_tmpl_id", "in", products.ids)
        if company:
            domain &= Domain("company_id", "=", company.id)
        return self.env["sale.subscription.line"].sudo().search(domain, order="sale_subscription_id, id")

    @api.model
    def _get_taxes_of(self, line, taxes):
        """What a subscription line makes of a product's taxes, by its company and fiscal position."""
        subscription, company = line.sale_subscription_id, line.company_id
        positions = self.env["account.fiscal.position"].sudo().with_company(company)
        position = subscription.fiscal_position_id or positions._get_fiscal_position(subscription.partner_id)
        return position.map_tax(taxes.filtered(lambda tax: tax.company_id == company))

    def _tell_running_taxes(self, lines, former):
        """Say in the chatter which lines keep the taxes of before, and ask a person to decide."""
        user = self._get_tax_user(lines.company_id[:1] or self.env.company)
        localized = self.with_context(lang=user.lang)
        named = [f"{line.sale_subscription_id.display_name} ({line.name})" for line in lines[:LISTED_LINES]]
        note = localized.env._(
            "The taxes changed from %(former)s to %(new)s. %(number)s running subscription lines keep the former ones "
            "until somebody chooses, on the product, to apply the new ones from a day on or to leave them: %(lines)s",
            former=", ".join(former.mapped("name")) or "-",
            new=", ".join(self.taxes_id.mapped("name")) or "-",
            number=len(lines),
            lines=", ".join(named + ["..."] * (len(lines) > LISTED_LINES)) or "-",
        )
        self._message_log(body=note)
        self.activity_unlink(["bfocused_billing.mail_activity_running_taxes"])
        localized.activity_schedule(
            "bfocused_billing.mail_activity_running_taxes",
            summary=localized.env._("New taxes: decide about running subscriptions"),
            note=note,
            user_id=user.id,
        )

    def _close_running_taxes(self):
        """Nothing is asked any more."""
        self.asks_running_taxes = False
        self.activity_unlink(["bfocused_billing.mail_activity_running_taxes"])

    def _get_tax_user(self, company):
        """Who decides: whoever changed the taxes, if a person of the billing did, or else a billing manager."""
        robot = self.env.ref("base.user_root")
        managers = self.env.ref("bfocused_billing.group_billing_manager").sudo().all_user_ids.sorted("id")
        own = self.env.user.filtered(lambda user: user.has_group("bfocused_billing.group_billing_user"))
        users = (own.sudo() + managers).filtered(lambda user: user.active and user != robot)
        return users.filtered(lambda user: company in user.company_ids)[:1] or robot

    # --- cycles and prices

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
