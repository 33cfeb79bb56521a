from odoo import models

from .billing_explanation_component import HISTORY, Component, format_day, format_number, format_price, records_behind

MOST_CHANGES = 50  # the most changes of one line that are told, latest first


class SaleSubscriptionLine(models.Model):
    """On what terms a line was billed, and how it came to them."""

    _inherit = "sale.subscription.line"

    def _prepare_charge(self, item, move_line, run):
        # EXTENDS 'bfocused_billing': with what the explanation needs to remember
        values = super()._prepare_charge(item, move_line, run)
        return {**values, **self._prepare_explained_terms(item.due, move_line)}

    def _prepare_explained_terms(self, due, move_line):
        drafted = move_line.move_id._get_billing_sign() * move_line.price_subtotal
        amount = float(due.amount)
        if due.is_credit:
            billed = due.credited
            return {
                "base_amount": float(billed._get_whole()[1]),
                "due_amount": -amount,
                "drafted_amount": drafted,
                "cycle_quantity": billed.cycle_quantity,
                "cycle_price_unit": billed.cycle_price_unit,
                "cycle_discount": billed.cycle_discount,
            }
        return {
            "base_amount": self._get_cycle_amount(),
            "due_amount": amount,
            "drafted_amount": drafted,
            "cycle_quantity": self.product_uom_qty,
            "cycle_price_unit": self.price_unit,
            "cycle_discount": self.discount,
        }

    # === EXPLAIN

    def _explain_changes(self, charge):
        """How the line came to its terms, and for a credit also what came after them.

        :param charge: ``bfocused.billing.charge`` of this line that is explained
        :return: list of Component without amounts, oldest first
        """
        self.ensure_one()
        changed = self._get_predecessors()[::-1]
        if charge.is_credit:
            changed += self.search([("predecessor_id", "=", self.id)], order="date_start, id")
        components = [line._explain_change() for line in changed]
        stop = self._get_stop()
        if charge.is_credit and stop and not self.search_count([("predecessor_id", "=", self.id)], limit=1):
            text = self.env._(
                "The subscription ended: %s is the first day that isn't billed.", format_day(self.env, stop)
            )
            components.append(self._make_change(text))
        return components

    def _get_predecessors(self):
        """This line and those before it that took over from another, latest first."""
        chain, line = self.browse(), self
        while line.predecessor_id and line not in chain and len(chain) < MOST_CHANGES:
            chain += line
            line = line.predecessor_id
        return chain

    def _explain_change(self):
        """What changed when this line took over, from which day, and why."""
        text = self.env._(
            "Changed from %(day)s: %(changes)s",
            day=format_day(self.env, self._get_start()),
            changes=", ".join(self._get_change_labels()) or self.env._("on the same terms"),
        )
        if self.change_reason:
            text = f"{text} ({self.change_reason})"
        return self._make_change(text)

    def _make_change(self, text):
        return Component("change", text, section=HISTORY, opens=records_behind(self.sale_subscription_id))

    def _get_change_labels(self):
        """What differs from the line before, such as "price € 120.00 → € 180.00"."""
        old, env = self.predecessor_id, self.env
        compared = [
            (env._("product"), *((line.product_id.display_name) for line in (old, self))),
            (env._("quantity"), *(format_number(env, line.product_uom_qty) for line in (old, self))),
            (env._("price"), *(format_price(env, line.price_unit, line.currency_id) for line in (old, self))),
            (env._("discount"), *(f"{format_number(env, line.discount)}%" for line in (old, self))),
            (env._("billing cycle"), *(line.sale_subscription_id.template_id.name for line in (old, self))),
        ]
        return [f"{what} {before} → {after}" for what, before, after in compared if before != after]
