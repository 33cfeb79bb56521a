from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from .common import day
from .explain_common import ExplainCase
from .size import at_size

DAYS = st.dates(day("2026-01-01"), day("2026-06-30"))
PRICES = st.decimals("0", "500", places=2).map(float)
QUANTITIES = st.decimals("0", "20", places=2).map(float)
DISCOUNTS = st.sampled_from((0.0, 0.0, 5.0, 12.5, 33.33, 100.0))
CHANGES = st.lists(st.tuples(DAYS, st.sampled_from(("price_unit", "product_uom_qty", "discount")), PRICES), max_size=3)
EDITS = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(("price_unit", "quantity", "discount")), PRICES), max_size=2
)


class TestSumOfTheExplanation(ExplainCase):
    """Whatever happened to a subscription and its invoices, the explanation comes to the line, to the cent."""

    TURNS = ("2026-02-01", "2026-03-01", "2026-04-01", "2026-05-15", "2026-07-01")

    @settings(max_examples=at_size(25, 6), deadline=None)
    @given(
        cycle=st.sampled_from(("month", "quarter", "year")),
        start=DAYS,
        stop=st.none() | DAYS,
        terms=st.tuples(PRICES, QUANTITIES, DISCOUNTS),
        changes=CHANGES,
        edits=EDITS,
        is_included=st.booleans(),
        is_withdrawn=st.booleans(),
    )
    def test_random(self, cycle, start, stop, terms, changes, edits, is_included, is_withdrawn):
        with self.env.cr.savepoint() as savepoint:
            self.check_random(cycle, start, stop, terms, changes, edits, is_included, is_withdrawn)
            savepoint.rollback()

    def check_random(self, cycle, start, stop, terms, changes, edits, is_included, is_withdrawn):
        if is_included:
            self.include_tax(self.internet)
        price, quantity, discount = terms
        by_hand = {}
        with freeze_time("2026-01-01") as clock:
            subscription = self.make_subscription(getattr(self, cycle), self.internet, start=str(start))
            line = subscription.sale_subscription_line_ids
            line.write({"price_unit": price, "product_uom_qty": quantity, "discount": discount})
            for number, turn in enumerate(self.TURNS):
                clock.move_to(turn)
                self.bill(turn)
                if number == 1:
                    line = self.change(line, changes)
                    self.edit(subscription, edits, by_hand)
                if number == 2 and stop:
                    subscription.date = max(stop, start)
                if number == 3 and is_withdrawn:
                    subscription.date = False
            self.check_lines(subscription, by_hand)

    def change(self, line, changes):
        for from_day, name, value in sorted(changes):
            value = min(value, 100) if name == "discount" else value
            if from_day >= line._get_start():
                line = line._change(from_day, {name: value}, "Test")
        return line

    def edit(self, subscription, edits, by_hand):
        """Change drafts and posted invoices by hand; remember by how much, per line."""
        lines = subscription.sale_subscription_line_ids.move_line_ids.sorted("id")
        for index, name, value in edits:
            if not lines:
                return
            line = lines[index % len(lines)]
            posted = line.move_id.filtered(lambda move: move.state == "posted")
            posted.button_draft()
            before = line.price_subtotal
            line[name] = min(value, 100) if name == "discount" else value
            by_hand[line] = by_hand.get(line, 0) + line.price_subtotal - before
            posted.action_post()

    def check_lines(self, subscription, by_hand):
        moves = self.env["account.move"].search([("commercial_partner_id", "=", self.customer.id)])
        lines = moves.invoice_line_ids
        self.assertLessEqual(set(by_hand), set(lines))
        is_included = any(lines.tax_ids.mapped("price_include"))
        for line in lines:
            amounts = dict(self.get_amounts(line))
            sign = 1 if line.move_id.move_type == "out_invoice" else -1
            self.assertAlmostEqual(amounts.get("manual", 0.0), sign * by_hand.get(line, 0.0), 6, self.explain(line))
            self.assertLessEqual(abs(amounts.get("rounding", 0.0)), 0.01)
            self.assertNotIn("credited", amounts, "nobody made a credit note")
            self.assertTrue(is_included or "tax" not in amounts)
