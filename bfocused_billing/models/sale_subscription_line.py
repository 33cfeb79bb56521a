from datetime import date
from decimal import Decimal
from itertools import takewhile

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ..periods import ONE_DAY, Part, Period, due_date, prorate
from .billing_group import Due


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
    predecessor_id = fields.Many2one(
        comodel_name="sale.subscription.line",
        string="Changed from",
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        help="The line that this one took over from, when its price, quantity, product or cycle was changed.",
    )
    change_reason = fields.Char(copy=False, help="Why this line took over from the one before it.")
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
        "charge_ids.credit_ids.state",
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
            dates = [credit.part.period.start for credit in line._get_credits()]
            if part:
                dates.append(line._get_due_date(part))
            line.next_billing_date = min(dates, default=False)

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

    # === ACTIONS

    def action_change(self):
        """Open the form for another price, quantity, product or cycle from a day on."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change %s", self.name),
            "res_model": "bfocused.subscription.change",
            "view_mode": "form",
            "target": "new",
            "context": {"default_line_id": self.id},
        }

    # === BUSINESS

    def _get_live_charges(self):
        return self.sudo().charge_ids.filtered(lambda charge: charge.state != "void")

    def _change(self, day, values, reason=""):
        """Let new terms take over from these lines on a day; what was billed beyond it is settled by the next run.

        :param day: date, the first day of the new terms
        :param values: dict of what changes: quantity, price, discount, product; ``sale_subscription_id`` moves the
            line to another subscription, and so to its cycle
        :param reason: text for the explanation of later invoices
        :return: the lines that take over
        """
        successors = self.create([line._prepare_successor(day, values, reason) for line in self])
        for line in self:
            line.date_end = max(day, line._get_start())
        return successors

    def _prepare_successor(self, day, values, reason):
        """Values of the line that takes over; another product or cycle has its own price unless one is given.

        :raise UserError: where this line has ended by that day
        """
        self.ensure_one()
        stop = self._get_stop()
        if stop and stop <= day:
            raise UserError(
                self.env._(
                    "%(line)s ends on %(end)s, so it can't be changed from %(day)s on.",
                    line=self.name,
                    end=format_date(self.env, stop),
                    day=format_date(self.env, day),
                )
            )
        kept = {
            "sale_subscription_id": self.sale_subscription_id.id,
            "product_id": self.product_id.id,
            "name": self.name,
            "product_uom_qty": self.product_uom_qty,
            "price_unit": self.price_unit,
            "discount": self.discount,
            "tax_ids": [Command.set(self.tax_ids.ids)],
        }
        if values.get("product_id", self.product_id.id) != self.product_id.id:
            for name in ("name", "price_unit", "tax_ids"):
                del kept[name]
        elif "sale_subscription_id" in values:
            del kept["price_unit"]
        return {
            **kept,
            "date_start": max(day, self._get_start()),
            "date_end": self.date_end,
            "predecessor_id": self.id,
            "change_reason": reason,
            **values,
        }

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

    def _get_stop(self):
        """The first day this line is no longer billed for; ``None`` for a line without end."""
        self.ensure_one()
        return min((date for date in (self.date_end, self.sale_subscription_id.date) if date), default=None)

    def _get_cycle(self):
        """How time is cut for this line; ``None`` when it isn't billed by billing runs.

        :rtype: periods.Cycle
        """
        self.ensure_one()
        subscription = self.sale_subscription_id
        start = subscription.date_start or self._get_start()
        if not (start and subscription.template_id.billing_cycle and subscription.use_billing):
            return None
        return subscription.template_id._get_cycle(start)

    def _get_unbilled_parts(self):
        """The periods this line has still to be billed for, oldest first; endless for a line without end.

        :rtype: iterator of periods.Part
        """
        self.ensure_one()
        cycle, start = self._get_cycle(), self._get_start()
        if not (cycle and start):
            return iter(())
        billed = (
            period
            for charge in self._get_live_charges()
            if not charge.is_credit
            for period in charge._get_uncredited_periods()
        )
        return cycle.parts(start, self._get_stop(), billed)

    def _get_credits(self):
        """What was billed and is not to be paid any more, because the line ends earlier or starts later.

        :rtype: list of Due, each the days of one charge
        """
        self.ensure_one()
        if not self._get_cycle():
            return []
        start, stop = self._get_start(), self._get_stop()
        credits = []
        for charge in self._get_live_charges():
            if charge.is_credit or (start <= charge.period_start and (stop is None or charge.period_end < stop)):
                continue
            if charge._is_credited_by_hand():
                continue
            for period in charge._get_uncredited_periods():
                for days in period.without(self._get_service_periods(start, stop)):
                    part = Part(days, charge._get_whole()[0])
                    credits.append(Due(self, part, charge.billing_round, charge))
        return credits

    @staticmethod
    def _get_service_periods(start, stop):
        if stop is None:
            return [Period(start, date.max)]
        return [Period(start, stop - ONE_DAY)] if start < stop else []

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

    def _get_dues(self, date):
        """What may be billed on ``date``, and what has to be given back by then.

        :rtype: list of Due
        """
        credits = [credit for credit in self._get_credits() if credit.part.period.start <= date]
        return credits + [Due(self, part, self._get_round(part)) for part in self._get_due_parts(date)]

    def _get_round(self, part):
        """How many times days of ``part`` were billed, and given back, before."""
        charges = self._get_live_charges()
        return max(
            (
                charge.billing_round + 1
                for charge in charges
                if not charge.is_credit and charge._get_period().overlaps(part.period)
            ),
            default=0,
        )

    def _get_charge_kind(self, due):
        """``adjustment`` for what sets right a period that was billed otherwise before, else ``subscription``."""
        self.ensure_one()
        is_rest = self.predecessor_id and due.part.period.start == self._get_start() and not due.part.is_whole
        return "adjustment" if due.is_credit or due.billing_round or is_rest else "subscription"

    def _prepare_due_move_line(self, due):
        """Values of the invoice line for ``due``, text in the customer's language."""
        return self._prepare_credit_move_line(due) if due.is_credit else self._prepare_period_move_line(due.part)

    def _prepare_due_base_line(self, due):
        """The same for Odoo's tax engine: what its amounts depend on."""
        return self._prepare_credit_base_line(due) if due.is_credit else self._prepare_period_base_line(due.part)

    def _prepare_credit_move_line(self, due):
        """Values of the invoice line that gives days back, on the terms on which they were billed."""
        self.ensure_one()
        billed = due.credited.move_line_id
        label = self._get_period_label(due.part.period)
        return {
            **self._prepare_credit_base_line(due),
            "product_id": billed.product_id.id,
            "product_uom_id": billed.product_uom_id.id,
            "name": self._get_localized_env()._("Credit: %(what)s\n%(period)s", what=self.name, period=label),
            "account_id": billed.account_id.id,
            "analytic_distribution": billed.analytic_distribution,
            "tax_ids": [Command.set(billed.tax_ids.ids)],
            "start_date": due.part.period.start,
            "end_date": due.part.period.end,
            "subscription_line_id": self.id,
            "billing_cycle": self.sale_subscription_id.template_id.billing_cycle,
            "is_billing_credit": True,
        }

    def _prepare_credit_base_line(self, due):
        self.ensure_one()
        billed = due.credited.move_line_id
        quantity = abs(billed.quantity)
        factor = quantity * (1 - billed.discount / 100)
        whole, amount = due.credited._get_whole()
        share = prorate(amount, Part(due.part.period, whole), Decimal(str(self.currency_id.rounding)))
        return {
            "product_id": billed.product_id,
            "quantity": -quantity,
            "price_unit": float(share) / factor if factor else 0.0,
            "discount": billed.discount,
            "tax_ids": billed.tax_ids,
        }

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
        return float(prorate(Decimal(str(self._get_cycle_amount())), part, rounding)) / quantity

    def _get_cycle_amount(self):
        """What a whole period costs: quantity times price less discount, rounded, in the subscription's currency."""
        self.ensure_one()
        return self.currency_id.round(self.price_unit * self.product_uom_qty * (1 - self.discount / 100))

    def _get_period_label(self, period):
        """For example "1 januari 2026 t/m 31 maart 2026", in the customer's language."""
        localized = self._get_localized_env()
        start, end = (
            format_date(localized, date, lang_code=localized.lang, date_format="d MMMM y")
            for date in (period.start, period.end)
        )
        return localized._("%(start)s to %(end)s", start=start, end=end)

    def _get_localized_env(self):
        """An environment in the customer's language."""
        self.ensure_one()
        lang = self.sale_subscription_id._get_billing_partner().lang or self.env.lang
        return self.with_context(lang=lang).env
