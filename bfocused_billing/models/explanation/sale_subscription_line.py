from odoo import api, models

from ...explanation import HISTORY, Component, format_day, format_number, format_price, records_behind

MOST_CHANGES = 50  # the most changes of one line that are shown, latest first


class SaleSubscriptionLine(models.Model):
    """Why a line was billed as it was: its days, and how it came to its terms."""

    _inherit = "sale.subscription.line"

    @api.model
    def _explain_charge(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin'
        line = charge.subscription_line_id
        if not line:
            return []
        return [
            *charge._explain_days(),
            *charge._explain_subscription_terms(),
            *charge._explain_rounds(),
            *line._explain_changes(charge),
        ]

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
