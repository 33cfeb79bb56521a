from decimal import Decimal

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from ...explanation import (
    TERMS,
    WAITING,
    Component,
    as_decimal,
    format_day,
    format_number,
    format_price,
    records_behind,
)

MOST_OUTCOMES = 50  # the most runs that are shown, latest first


class AccountMoveLine(models.Model):
    """Why a line stands on an invoice, in parts that add up to it. Each sort of line has a method of its own."""

    _inherit = "account.move.line"

    is_explainable = fields.Boolean(compute="_compute_is_explainable")

    @api.depends("display_type", "move_id.move_type", "company_id.use_billing")
    def _compute_is_explainable(self):
        for line in self:
            line.is_explainable = (
                bool(line._origin)
                and line.display_type == "product"
                and line.move_id.move_type in ("out_invoice", "out_refund")
                and line.company_id.use_billing
            )

    # === ACTIONS

    def action_explain_billing(self):
        """Show why the line is there and what it consists of."""
        self.ensure_one()
        return self.env["bfocused.billing.explanation"]._create_for(self)._get_action()

    # === EXPLAIN

    def _explain_billing(self):
        """Why this line is on the invoice, in the language of the environment.

        :return: list of Component; the amounts among them add up to the line's amount in the books
        :raise AccessError: if the user may not read the line
        """
        self.ensure_one()
        self.check_access("read")
        line = self.sudo()
        components = line._explain_source()
        components += line._explain_by_hand(components)
        return [*components, *line._explain_rounding(), *line._explain_waiting()]

    def _explain_source(self):
        """Where the line comes from; the first source that is known tells it."""
        if self.charge_ids:
            return [part for charge in self.charge_ids.sorted("id") for part in charge._explain()]
        if self.refunded_line_id:
            return self._explain_refund()
        if self.sale_line_ids:
            return self._explain_order()
        return self._explain_entered()

    def _explain_by_hand(self, components):
        """What the line says beyond what its source put there."""
        known = sum((part.amount for part in components if part.amount is not None), Decimal(0))
        difference = self._get_own_amount() - known
        if not difference:
            return []
        text = self.env._(
            "Changed by hand: the line now says %(quantity)s × %(price)s",
            quantity=format_number(self.env, self.quantity),
            price=format_price(self.env, self.price_unit, self.currency_id),
        )
        if self.discount:
            text = self.env._(
                "%(text)s, discount %(percent)s%%", text=text, percent=format_number(self.env, self.discount)
            )
        return [Component("manual", text, difference)]

    def _explain_rounding(self):
        """What the line is booked above or below its own amount, as Odoo rounds the invoice as a whole (T26)."""
        booked = as_decimal(self._get_booked_amount(), self.currency_id.decimal_places)
        difference = booked - self._get_own_amount()
        if not difference:
            return []
        return [Component("rounding_of_invoice", self.env._("Rounding of the invoice as a whole"), difference)]

    def _get_own_amount(self):
        """What the line comes to by itself."""
        return as_decimal(self.price_subtotal, self.currency_id.decimal_places)

    # --- sources

    def _explain_refund(self):
        """A line of a credit note that somebody made: what it gives back, and how that came about."""
        billed = self.refunded_line_id
        text = self.env._("Credit of what was billed on %s", billed.move_id.display_name)
        credit = Component("refund", text, billed._get_own_amount(), opens=records_behind(billed.move_id))
        notes = [part for part in billed._explain_source() if part.amount is None]
        again = self.env["bfocused.billing.charge"].search([("reversal_line_id", "=", self.id)], limit=1)
        if again:
            text = self.env._("Once this credit note is posted, the next run bills the same days again.")
            notes.insert(0, Component("again", text, section=TERMS))
        return [credit, *notes]

    def _explain_order(self):
        """A line of an order: its quantity at the price of the order."""
        order_line, order = self.sale_line_ids[:1], self.sale_line_ids.order_id
        terms = Component(
            "order",
            self.env._("From order %s.", ", ".join(order.mapped("name"))),
            section=TERMS,
            opens=records_behind(order),
        )
        is_comparable = (
            len(self.sale_line_ids) == 1
            and not order_line.is_downpayment
            and order_line.currency_id == self.currency_id
            and order_line.product_uom_id == self.product_uom_id
        )
        if not is_comparable:
            return [*self._explain_price(self.price_unit, self.discount), terms]
        return [*self._explain_price(order_line.price_unit, order_line.discount), terms]

    def _explain_entered(self):
        text = self.env._(
            "Entered by %(user)s on %(date)s; it belongs to no subscription, order or calls.",
            user=self.create_uid.name,
            date=format_date(self.env, self.create_date),
        )
        return [*self._explain_price(self.price_unit, self.discount), Component("entered", text, section=TERMS)]

    def _explain_price(self, price_unit, discount):
        """The quantity of the line at a price, less discount and less VAT that is included in the price."""
        env, currency = self.env, self.currency_id
        gross = currency.round(self.quantity * price_unit)
        net = currency.round(self.quantity * price_unit * (1 - discount / 100))
        label = env._(
            "%(quantity)s × %(price)s",
            quantity=format_number(env, self.quantity),
            price=format_price(env, price_unit, currency),
        )
        amounts = [
            ("price", label, gross),
            ("discount", env._("Discount %s%%", format_number(env, discount)), net),
            ("tax", env._("VAT that is included in the price"), self._get_untaxed(price_unit, discount)),
        ]
        digits = currency.decimal_places
        steps = [(kind, text, as_decimal(amount, digits)) for kind, text, amount in amounts]
        return self.env["bfocused.billing.charge"]._explain_steps(steps)

    def _get_untaxed(self, price_unit, discount):
        """What the line would come to without VAT at another price, reckoned as Odoo does for invoice lines."""
        taxes = self.env["account.tax"]
        base_line = self.move_id._prepare_product_base_line_for_taxes_computation(self)
        base_line.update(price_unit=price_unit, discount=discount)
        taxes._add_tax_details_in_base_line(base_line, self.company_id)
        taxes._round_base_lines_tax_details([base_line], self.company_id)
        return base_line["tax_details"]["total_excluded_currency"]

    # --- why it waited

    def _explain_waiting(self):
        """Runs that held, failed or deferred this customer when the line could have been invoiced."""
        components = [self._explain_outcome(outcome) for outcome in self._get_earlier_outcomes()]
        move = self.move_id
        if move._is_waiting():
            components.append(Component("deferred", move.deferral_reason, section=WAITING))
        elif move.deferral_state == "released":
            text = self.env._("The invoice was too small on its own and waited until %s.", self._get_release_label())
            components.append(Component("released", text, section=WAITING))
        return components

    def _get_release_label(self):
        return format_day(self.env, self.move_id.invoice_date or self.move_id.date)

    def _get_earlier_outcomes(self):
        """Outcomes of this customer between the day on which this could be billed and the day on which it was."""
        outcomes = self.env["bfocused.billing.run.line"].with_context(active_test=False)
        if not self.charge_ids:
            return outcomes
        first_day = min(charge._get_source()._get_first_billing_date(charge) for charge in self.charge_ids)
        move = self.move_id
        domain = (
            Domain("company_id", "=", move.company_id.id)
            & Domain("partner_id.commercial_partner_id", "=", move.commercial_partner_id.id)
            & Domain("outcome", "in", ("held", "deferred", "failed"))
            & Domain("move_id", "in", (False, move.id))
            & Domain("run_id.state", "!=", "draft")
            & Domain("date", ">=", first_day)
        )
        if move.state == "posted":
            domain &= Domain("date", "<=", move.invoice_date)
        return outcomes.search(domain, order="date desc, id desc", limit=MOST_OUTCOMES)[::-1]

    def _explain_outcome(self, outcome):
        kind = dict(outcome._fields["outcome"]._description_selection(self.env))[outcome.outcome]
        text = f"{outcome.run_id.display_name}: {kind.lower()}"
        return Component(
            outcome.outcome, text, section=WAITING, note=outcome.message or "", opens=records_behind(outcome.run_id)
        )
