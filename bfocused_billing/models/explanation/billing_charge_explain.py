from decimal import ROUND_HALF_UP, Decimal

from odoo import fields, models
from odoo.fields import Domain

from ...periods import Part, Period, prorate
from .billing_explanation_component import (
    HISTORY,
    TERMS,
    Component,
    as_decimal,
    format_number,
    format_period,
    format_price,
    records_behind,
)


class BillingCharge(models.Model):
    """Why a charge is what it is. It remembers on what terms it was drafted, as those of its source change later.

    Each kind has a method of its own, ``_explain_<kind>``.
    """

    _inherit = "bfocused.billing.charge"

    base_amount = fields.Monetary(
        string="Price of the whole",
        help="Of the days from the cycle's first to its last: by its share of them this charge was reckoned. Including "
        "VAT where that is included in the price.",
    )
    due_amount = fields.Monetary(
        string="Share by day", help="What these days came to; including VAT where that is included in the price."
    )
    drafted_amount = fields.Monetary(
        string="Amount drafted",
        help="What the run put on the invoice line, excluding VAT. What the line says now beyond that was changed by "
        "hand.",
    )
    cycle_quantity = fields.Float(digits="Product Unit", help="When this was drafted.")
    cycle_price_unit = fields.Float(string="Cycle price", help="Per unit and cycle, when this was drafted.")
    cycle_discount = fields.Float(digits="Discount", help="In percent, when this was drafted.")

    # === EXPLAIN

    def _explain(self):
        """Why this charge stands on its invoice line.

        :return: list of Component; their amounts add up to what the run put on that line
        """
        self.ensure_one()
        return getattr(self, f"_explain_{self.kind}")()

    def _explain_subscription(self):
        if not self.subscription_line_id:
            return self._explain_whole()
        return [
            *self._explain_days(),
            *self._explain_subscription_terms(),
            *self._explain_rounds(),
            *self.subscription_line_id._explain_changes(self),
        ]

    def _explain_adjustment(self):
        return self._explain_subscription()

    def _explain_sale(self):
        """What was ordered or delivered, at the price of the order."""
        return self.move_line_id._explain_order() if self.move_line_id.sale_line_ids else self._explain_whole()

    def _explain_whole(self):
        """A charge of which nothing more is known than what it came to."""
        amount = self.drafted_amount or self.amount_untaxed
        return [Component("charge", self.display_name, self._as_decimal(self._get_line_sign() * amount))]

    def _as_decimal(self, amount):
        return as_decimal(amount, self.currency_id.decimal_places)

    def _get_line_sign(self):
        """1 where the line's amounts have the sign of the ledger's, -1 on a credit note."""
        return self.move_line_id.move_id._get_billing_sign()

    def _explain_steps(self, steps, sign=1):
        """Components of running amounts: each is what it differs from the one before.

        :param steps: list of (kind, label, Decimal); the first is always told, others where they make a difference
        """
        components, before = [], Decimal(0)
        for kind, label, amount in steps:
            if not components or amount != before:
                components.append(Component(kind, label, sign * (amount - before)))
            before = amount
        return components

    # --- the days of a subscription

    def _explain_days(self):
        """The price of the cycle, its share by day and the rounding, up to what the run put on the invoice."""
        way = -1 if self.is_credit else 1
        part = self._get_explained_part()
        base, due, drafted = self._get_explained_amounts(part)
        rounding = Decimal(str(self.currency_id.rounding))
        share = base * part.period.days / part.whole.days
        rounded = (share / rounding).quantize(Decimal(1), ROUND_HALF_UP) * rounding
        steps = [
            *self._get_price_steps(part, base),
            ("days", self._get_days_label(part), rounded),
            ("rounding", self._get_rounding_label(base), prorate(base, part, rounding)),
            ("credited", self.env._("Given back before, by a credit note"), due),
            ("tax", self.env._("VAT that is included in the price"), drafted),
        ]
        return self._explain_steps(steps, way * self._get_line_sign())

    def _get_explained_part(self):
        """The days, and the whole of which they are a part; periods.Part."""
        whole = Period(self.cycle_start, self.cycle_end) if self.cycle_start else self._get_period()
        return Part(self._get_period(), whole)

    def _get_explained_amounts(self, part):
        """The price of the whole, the share that was due and what was drafted; of a credit what they give back.

        Charges from before these were remembered are explained by the price of their cycle.

        :rtype: tuple of Decimal
        """
        way = -1 if self.is_credit else 1
        if self.base_amount or self.cycle_quantity or not self.cycle_amount:
            due, drafted = self._as_decimal(self.due_amount), self._as_decimal(self.drafted_amount)
            return self._as_decimal(self.base_amount), way * due, way * drafted
        base = self._as_decimal(self.cycle_amount)
        due = prorate(base, part, Decimal(str(self.currency_id.rounding)))
        is_included = any(self.move_line_id.tax_ids.flatten_taxes_hierarchy().mapped("price_include"))
        return base, due, way * self._as_decimal(self.amount_untaxed) if is_included else due

    def _get_price_steps(self, part, base):
        """What the whole costs before and after discount, where the terms are known that make this price."""
        period = format_period(self.env, part.whole.start, part.whole.end)
        text = self.env._("Credit of what was billed for %s", period) if self.is_credit else period
        gross = self._as_decimal(self.currency_id.round(self.cycle_quantity * self.cycle_price_unit))
        net = self.cycle_quantity * self.cycle_price_unit * (1 - self.cycle_discount / 100)
        if self._as_decimal(self.currency_id.round(net)) != base:
            return [("cycle", text, base)]
        terms = self.env._(
            "%(period)s: %(quantity)s × %(price)s",
            period=text,
            quantity=format_number(self.env, self.cycle_quantity),
            price=format_price(self.env, self.cycle_price_unit, self.currency_id),
        )
        discount = self.env._("Discount %s%%", format_number(self.env, self.cycle_discount))
        return [("cycle", terms, gross), ("discount", discount, base)]

    def _get_days_label(self, part):
        return self.env._(
            "Only %(days)s of the %(total)s days: %(period)s",
            days=part.period.days,
            total=part.whole.days,
            period=format_period(self.env, self.period_start, self.period_end),
        )

    def _get_rounding_label(self, base):
        return self.env._(
            "Rounding, so that all parts of the period come to %s together", self.currency_id.format(float(base))
        )

    # --- what the charge is

    def _explain_subscription_terms(self):
        subscription = self.subscription_id
        template = subscription.template_id
        labels = (
            dict(template._fields[name]._description_selection(self.env)).get(template[name], "")
            for name in ("billing_cycle", "billing_timing", "billing_alignment")
        )
        text = self.env._(
            "Subscription %(name)s, billed per cycle: %(terms)s",
            name=subscription.display_name,
            terms=", ".join(label.lower() for label in labels if label),
        )
        return [
            Component("subscription", text, section=TERMS, opens=records_behind(subscription)),
            Component(
                "kind", self._get_kind_label(), section=TERMS, opens=records_behind(self.credited_charge_id.move_id)
            ),
        ]

    def _get_kind_label(self):
        """What sort of charge this is, in a sentence."""
        if self.is_credit:
            return self.env._("Credit of days that were billed on %s.", self._get_document(self.credited_charge_id))
        if self.billing_round:
            return self.env._("These days were billed and credited before (%s×).", self.billing_round)
        if self.kind == "adjustment":
            return self.env._("Adjustment: the rest of a period in which the subscription was changed.")
        return self.env._("Subscription: a period that wasn't billed before.")

    def _get_document(self, charge):
        return charge.move_id.display_name or self.env._("an invoice that is gone")

    # --- how often these days were billed

    def _explain_rounds(self):
        """What was billed and given back of these days before, and what was given back of this charge afterwards."""
        return [
            Component(
                "credited_later" if charge in self.credit_ids else "round",
                charge._get_round_label(),
                section=HISTORY,
                opens=records_behind(charge.move_id),
            )
            for charge in self._get_rounds()
        ]

    def _get_rounds(self):
        """Charges of the same days: those before this one, and the credits of this one; oldest first."""
        others = self.search(
            Domain("subscription_line_id", "=", self.subscription_line_id.id)
            & Domain("period_start", "<=", self.period_end)
            & Domain("period_end", ">=", self.period_start)
            & Domain("id", "!=", self.id)
        )
        order = (self.billing_round, self.is_credit)
        before = others.filtered(
            lambda charge: (
                charge.id < self.id if charge.state == "void" else (charge.billing_round, charge.is_credit) < order
            )
        )
        return (before | self._get_live_credits()).sorted("id")

    def _get_round_label(self):
        values = {
            "period": format_period(self.env, self.period_start, self.period_end),
            "invoice": self._get_document(self),
            "amount": self.currency_id.format(abs(self.amount_untaxed)),
        }
        if self.reversal_line_id and self.state == "void":
            values["credit"] = self.reversal_line_id.move_id.display_name
            return self.env._(
                "Billed on %(invoice)s: %(amount)s for %(period)s; credited by %(credit)s to be billed again.", **values
            )
        if self.state == "void":
            return self.env._("Was on %(invoice)s, which was cancelled: %(amount)s for %(period)s.", **values)
        if self.is_credit:
            return self.env._("Credited on %(invoice)s: %(amount)s for %(period)s.", **values)
        return self.env._("Billed on %(invoice)s: %(amount)s for %(period)s.", **values)

    def _get_first_billing_date(self):
        """The first day on which this could have been billed; date."""
        self.ensure_one()
        if self.subscription_line_id and not self.is_credit:
            return self.subscription_line_id._get_due_date(self._get_explained_part())
        return self.period_start
