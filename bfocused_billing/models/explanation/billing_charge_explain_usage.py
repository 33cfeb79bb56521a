from datetime import timedelta

from odoo import models

from .billing_explanation_component import TERMS, Component, as_decimal, format_period

USAGE_DIGITS = 6


class BillingCharge(models.Model):
    """Why a charge of calls is what it is: the calls behind it, and the rounding of their sum."""

    _inherit = "bfocused.billing.charge"

    def _prepare_charge(self, item, move_line, run):
        # EXTENDS 'bfocused_billing'
        values = super()._prepare_charge(item, move_line, run)
        drafted = move_line.move_id._get_billing_sign() * move_line.price_subtotal
        return {**values, "drafted_amount": drafted}

    def _explain_usage(self):
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
        return [first._replace(opens=calls), *others, *self._explain_usage_terms()]

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

    def _get_first_billing_date(self):
        # EXTENDS 'bfocused_billing': calls are billed once their month is over
        date = super()._get_first_billing_date()
        return self.period_end + timedelta(days=1) if self.usage_number_id else date
