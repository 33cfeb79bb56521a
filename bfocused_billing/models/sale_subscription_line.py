from decimal import Decimal
from itertools import takewhile

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from ..periods import Period, due_date, prorate


class SaleSubscriptionLine(models.Model):
    _inherit = "sale.subscription.line"

    date_start = fields.Date(
        string="From",
        compute="_compute_date_start",
        store=True,
        readonly=False,
        precompute=True,  # while it is still known whether the subscription runs already
        help="First day billed. Empty: together with the subscription. A line added to a running subscription starts "
        "today, unless you say otherwise.",
    )
    date_end = fields.Date(
        string="Until", help="First day that is no longer billed. Empty: as long as the subscription runs."
    )
    charge_ids = fields.One2many(
        comodel_name="bfocused.billing.charge", inverse_name="subscription_line_id", string="Charges"
    )
    move_line_ids = fields.One2many(
        comodel_name="account.move.line", inverse_name="subscription_line_id", string="Invoice lines"
    )
    sale_order_line_id = fields.Many2one(
        comodel_name="sale.order.line", string="Order line", index="btree_not_null", copy=False, ondelete="set null"
    )
    discount = fields.Float(digits="Discount")  # as on invoice lines, or the two would differ by cents
    next_billing_date = fields.Date(
        compute="_compute_next_billing_date",
        store=True,
        index="btree_not_null",
        help="The first day on which the next period that isn't billed yet may be billed.",
    )

    # === COMPUTE

    @api.depends("sale_subscription_id")
    def _compute_date_start(self):
        today = fields.Date.context_today(self)
        for line in self:
            subscription = line.sale_subscription_id
            if subscription.in_progress and not line.date_start and not line._origin:
                line.date_start = max(today, subscription.date_start or today)
            else:
                line.date_start = line.date_start

    @api.depends(
        "date_start",
        "date_end",
        "charge_ids.state",
        "charge_ids.period_start",
        "charge_ids.period_end",
        "sale_subscription_id.date_start",
        "sale_subscription_id.date",
        "sale_subscription_id.template_id.billing_cycle",
        "sale_subscription_id.template_id.billing_timing",
        "sale_subscription_id.template_id.billing_alignment",
        "company_id.use_billing",
    )
    def _compute_next_billing_date(self):
        for line in self:
            part = next(line._get_unbilled_parts(), None)
            line.next_billing_date = part and line._get_due_date(part)

    @api.depends("sale_subscription_id.template_id")
    def _compute_price_unit(self):
        # EXTENDS 'subscription_oca': another cycle is another price; a price that was billed is an agreed price
        return super(
            SaleSubscriptionLine, self.filtered(lambda line: not line._get_live_charges())
        )._compute_price_unit()

    def _compute_discount(self):
        # OVERRIDE 'subscription_oca': the price is the price list's, discounts taken off; more is for the user to give
        billed = self.filtered("sale_subscription_id.use_billing")
        for line in billed:
            line.discount = line.discount
        return super(SaleSubscriptionLine, self - billed)._compute_discount()

    @api.depends("company_id")
    def _compute_tax_ids(self):  # pylint: disable=missing-return
        # EXTENDS 'subscription_oca': it takes the taxes of whichever company the user happens to be in
        for company, lines in self.grouped(lambda line: line.sale_subscription_id.company_id).items():
            super(SaleSubscriptionLine, lines.with_company(company))._compute_tax_ids()

    # === CONSTRAINTS

    @api.constrains("date_start", "date_end")
    def _check_dates(self):
        for line in self:
            start = line._get_start()
            if start and line.date_end and line.date_end < start:
                raise ValidationError(
                    self.env._(
                        "%(line)s can't end on %(end)s, before it starts on %(start)s.",
                        line=line.name,
                        end=format_date(self.env, line.date_end),
                        start=format_date(self.env, start),
                    )
                )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed(self):
        if self.sudo().charge_ids:
            raise ValidationError(
                self.env._('A line that was billed can\'t be removed. Give it an end date under "Until" instead.')
            )

    # === BUSINESS

    def _get_live_charges(self):
        return self.sudo().charge_ids.filtered(lambda charge: charge.state != "void")

    def _get_display_price(self, product):
        # OVERRIDE 'subscription_oca': the price list's price, also under the list price, times the cycle
        subscription = self.sale_subscription_id
        if not subscription.use_billing:
            return super()._get_display_price(product)
        price = subscription.pricelist_id._get_product_price(product, self.product_uom_qty or 1.0)
        return price * product.product_tmpl_id._get_billing_price_factor(subscription.template_id)

    def _get_start(self):
        """The first day this line is billed for."""
        self.ensure_one()
        return self.date_start or self.sale_subscription_id.date_start

    def _get_unbilled_parts(self):
        """The periods this line has still to be billed for, oldest first; endless for a line without end.

        :rtype: iterator of periods.Part
        """
        self.ensure_one()
        subscription = self.sale_subscription_id
        template = subscription.template_id
        start = self._get_start()
        if not (start and template.billing_cycle and subscription.use_billing):
            return iter(())
        stops = [date for date in (self.date_end, subscription.date) if date]
        covered = [
            Period(charge.period_start, charge.period_end)
            for charge in self._get_live_charges()
            if charge.kind == "subscription"
        ]
        cycle = template._get_cycle(subscription.date_start or start)
        return cycle.parts(start, min(stops, default=None), covered)

    def _get_due_date(self, part):
        self.ensure_one()
        return due_date(
            part, self._get_start(), in_arrears=self.sale_subscription_id.template_id.billing_timing == "arrears"
        )

    def _get_due_parts(self, date):
        """The unbilled periods that may be billed on ``date``, oldest first.

        :rtype: list of periods.Part
        """
        return list(takewhile(lambda part: self._get_due_date(part) <= date, self._get_unbilled_parts()))

    def _prepare_period_move_line(self, part):
        """Values of the invoice line that bills ``part`` of this line, text in the customer's language.

        :param part: periods.Part
        """
        self.ensure_one()
        values = self._prepare_account_move_line()
        # Odoo finds the account itself, with its default per company and the fiscal position applied.
        for name in ("account_id", "price_subtotal"):
            values.pop(name)
        values.update(
            {
                "price_unit": self._get_period_price(part),
                "name": f"{self.name}\n{self._get_period_label(part.period)}",
                "start_date": part.period.start,
                "end_date": part.period.end,
                "subscription_line_id": self.id,
                "billing_cycle": self.sale_subscription_id.template_id.billing_cycle,
            }
        )
        return values

    def _prepare_period_base_line(self, part):
        """The same as :meth:`_prepare_period_move_line` for Odoo's tax engine: what its amounts depend on."""
        self.ensure_one()
        return {
            "product_id": self.product_id,
            "quantity": self.product_uom_qty,
            "price_unit": self._get_period_price(part),
            "discount": self.discount,
            "tax_ids": self.tax_ids,
        }

    def _get_period_price(self, part):
        """The unit price that makes the invoice line exactly the part's share of the line's amount.

        Not rounded for a broken period: Odoo rounds the line's amount, not its price.
        """
        if part.is_whole:
            return self.price_unit
        quantity = self.product_uom_qty * (1 - self.discount / 100)
        if not quantity:
            return 0.0
        rounding = Decimal(str(self.currency_id.rounding))
        amount = self.currency_id.round(self.price_unit * quantity)
        return float(prorate(Decimal(str(amount)), part, rounding)) / quantity

    def _get_period_label(self, period):
        """For example "1 januari 2026 t/m 31 maart 2026", in the customer's language."""
        lang = self.sale_subscription_id._get_billing_partner().lang or self.env.lang
        localized = self.with_context(lang=lang).env
        start, end = (
            format_date(localized, date, lang_code=lang, date_format="d MMMM y") for date in (period.start, period.end)
        )
        return localized._("%(start)s to %(end)s", start=start, end=end)
