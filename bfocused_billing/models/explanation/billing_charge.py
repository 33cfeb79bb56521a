from decimal import ROUND_HALF_UP, Decimal

from odoo import api, models
from odoo.fields import Domain

from ...explanation import (
    HISTORY,
    TERMS,
    Component,
    as_decimal,
    format_number,
    format_period,
    format_price,
    records_behind,
)
from ...periods import prorate
from ...tools import includes_vat

USAGE_DIGITS = 6


class BillingCharge(models.Model):
    """Why a charge is what it is, by the terms on which it was drafted, as those of its source change later.

    Its source tells it, see ``_explain_charge`` of ``bfocused.billing.source.mixin``. Here is what it consists of for a
    subscription, and all of it for calls, which are their own source.
    """

    _inherit = "bfocused.billing.charge"

    # === EXPLAIN

    def _explain(self):
        """Why this charge stands on its invoice line.

        :return: list of Component; their amounts add up to what the run put on that line
        """
        self.ensure_one()
        return self._get_source()._explain_charge(self) or self._explain_whole()

    def _explain_whole(self):
        """A charge of which only the amount is known."""
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
        part = self._get_part()
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
        is_included = includes_vat(self.move_line_id.tax_ids)
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

    # --- calls

    @api.model
    def _explain_charge(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin': calls
        return [*charge._explain_calls(), *charge._explain_usage_terms()]

    def _explain_calls(self):
        """What the calls came to, and the rounding of their sum."""
        total = as_decimal(self.usage_amount, USAGE_DIGITS)
        rounded = self._as_decimal(self.currency_id.round(self.usage_amount))
        drafted = self._as_decimal(self.drafted_amount) or rounded  # of before it was remembered
        steps = [
            ("calls", self._get_calls_label(), total),
            ("rounding", self.env._("Rounding to cents, once for all these calls"), rounded),
            ("tax", self.env._("VAT that is included in the price"), drafted),
        ]
        first, *others = self._explain_steps(steps, self._get_line_sign())
        calls = "bfocused.usage.record", [("charge_id", "=", self.id)]
        return [first._replace(opens=calls), *others]

    def _get_calls_label(self):
        return self.env._(
            "%(number)s, %(destination)s: %(calls)s calls, %(duration)s min",
            number=self.usage_number_id.name,
            destination=self.usage_destination_id.name,
            calls=self.usage_calls,
            duration="{}:{:02}".format(*divmod(self.usage_seconds, 60)),
        )

    def _explain_usage_terms(self):
        period = format_period(self.env, self.period_start, self.period_end)
        terms = [Component("kind", self.env._("Calls, billed afterwards: %s.", period), section=TERMS)]
        if self.state == "void":
            text = self.env._("The invoice was cancelled, so these calls go on a later one.")
            terms.append(Component("void", text, section=TERMS))
        return terms
