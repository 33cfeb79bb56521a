from contextlib import suppress
from datetime import timedelta

from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError

from .common import BillingCase, day
from .size import at_size

PRICES = st.integers(1, 30000).map(lambda cents: cents / 100)
PARTS = st.lists(st.integers(0, 120).map(lambda percent: percent / 100), max_size=3)  # of the line, credited by hand
ENDS = st.lists(st.none() | st.dates(day("2026-01-01"), day("2026-04-10")), min_size=1, max_size=3)
DAYS = st.dates(day("2026-01-02"), day("2026-06-30"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("end"), DAYS),
        st.tuples(st.just("change"), DAYS, st.integers(10, 300)),
        st.tuples(st.just("pause"), DAYS, st.integers(1, 40)),
        st.tuples(st.just("index"), st.integers(-20, 20).filter(bool)),
        st.tuples(st.just("credit"), st.integers(1, 100)),
    ),
    min_size=1,
    max_size=4,
)


@freeze_time("2026-02-10")
class TestNegativeLines(BillingCase):
    """A negative line, such as a discount, is billed, credited and settled as a positive one, with the other sign."""

    def subscribe(self, price):
        """A subscription with lines of 1,000 and ``price``, billed for the first quarter; returns the second line."""
        subscription = self.make_subscription(self.quarter, self.internet, self.internet)
        base, line = subscription.sale_subscription_line_ids
        base.price_unit, line.price_unit = 1000, price
        with freeze_time("2026-01-01"):
            self.bill("2026-01-01")
        return line

    def reverse(self, move, **values):
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        reversal = wizard.create({"journal_id": move.journal_id.id, **values})
        reversal.refund_moves()
        return reversal.new_move_ids

    def credit_by_hand(self, line, amount):
        """Credit a part of the line, and a bit of the other one so that it stays a credit note."""
        billed = line.move_line_ids.filtered(lambda item: item.move_id.move_type == "out_invoice")[:1]
        credit = self.reverse(billed.move_id)
        for item in credit.invoice_line_ids:
            item.price_unit = amount if item.refunded_line_id == billed else 330
        credit.action_post()

    def get_amounts(self, line):
        """What each invoice and credit note says of the line, as the customer's to pay, oldest first.

        Drafts too: what is charged may wait (R5) where its mirror image is given back at once.
        """
        items = line.move_line_ids | line.move_line_ids.refund_line_ids
        return [round(item.move_id._get_billing_sign() * item.price_subtotal, 2) for item in items.sorted("id")]

    def test_the_rest_of_a_negative_line_is_settled_after_a_part_was_credited_by_hand(self):
        line = self.subscribe(-90)
        self.credit_by_hand(line, -20)
        line.date_end = "2026-02-15"  # 45 of 90 days
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(self.get_amounts(line), [-90, 20, 45])

    def test_no_more_of_a_negative_line_is_taken_back_than_was_given(self):
        line = self.subscribe(-90)
        self.credit_by_hand(line, -80)
        line.date_end = "2026-02-15"
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(self.get_amounts(line), [-90, 80, 10])

    @settings(max_examples=at_size(20, 5), deadline=None, phases=[Phase.generate])
    @given(price=PRICES, parts=PARTS, ends=ENDS)
    def test_a_negative_line_mirrors_a_positive_one(self, price, parts, ends):
        self.assertEqual(self.play(-price, parts, ends), [-amount for amount in self.play(price, parts, ends)])

    def play(self, price, parts, ends):
        with self.env.cr.savepoint() as savepoint:
            line = self.subscribe(price)
            for part in parts:
                self.credit_by_hand(line, round(price * part, 2))
            for number, end in enumerate(ends, 1):
                line.date_end = end
                with freeze_time(f"2026-0{3 + number}-01"):
                    self.bill(f"2026-0{3 + number}-01")
            amounts = self.get_amounts(line)
            savepoint.rollback()
        self.env.invalidate_all()
        return amounts

    @settings(max_examples=at_size(40, 5), deadline=None, phases=[Phase.generate])
    @given(price=PRICES, steps=STEPS)
    def test_whatever_happens_to_a_negative_line_mirrors_a_positive_one(self, price, steps):
        self.assertEqual(self.live(-price, steps), [-amount for amount in self.live(price, steps)])

    def live(self, price, steps):
        """What happens to a line, with a month turn after each step; what is refused counts as nothing."""
        acts = {
            "end": self.let_end,
            "change": self.let_change,
            "pause": self.let_pause,
            "index": self.let_index,
            "credit": self.let_credit,
        }
        with self.env.cr.savepoint() as savepoint:
            line = self.subscribe(price)
            for number, (what, *arguments) in enumerate(steps, 4):
                with suppress(UserError), self.env.cr.savepoint():
                    acts[what](line.chain_id.chain_line_ids.sorted("id")[-1], *arguments)
                with freeze_time(f"2026-0{number}-01"):
                    self.bill(f"2026-0{number}-01")
            amounts = self.get_amounts(line.chain_id.chain_line_ids)
            savepoint.rollback()
        self.env.invalidate_all()
        return amounts

    def let_end(self, line, date):
        line.date_end = date

    def let_change(self, line, date, percent):
        line._change(date, {"price_unit": round(line.price_unit * percent / 100, 2)}, "Price")

    def let_pause(self, line, date, length):
        self.env["bfocused.subscription.pause"].create(
            {
                "subscription_id": line.sale_subscription_id.id,
                "date_start": date,
                "date_end": date + timedelta(days=length),
                "effect": "free",
            }
        )

    def let_index(self, line, percentage):
        indexation = self.env["bfocused.subscription.indexation"].create(
            {"company_id": self.company.id, "percentage": percentage, "date": "2026-07-01"}
        )
        indexation.action_preview()
        indexation.action_apply()

    def let_credit(self, line, percent):
        if line.move_line_ids:
            self.credit_by_hand(line, round(line.price_unit * percent / 100, 2))

    # === A CREDIT NOTE OF NEGATIVE LINES ALONE

    def make_discount(self):
        subscription = self.make_subscription(self.quarter, self.internet)
        line = subscription.sale_subscription_line_ids
        line.price_unit = -90
        with freeze_time("2026-01-01"):
            self.bill("2026-01-01")
        self.assertEqual(line.move_line_ids.move_id.move_type, "out_refund")
        return line

    def test_a_credit_note_is_billed_again_after_its_reversal(self):
        line = self.make_discount()
        self.reverse(line.move_line_ids.move_id, bill_again=True).action_post()
        self.assertEqual(line.charge_ids.mapped("state"), ["void"])
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        self.assertEqual(self.get_amounts(line), [-90, 90, -90, -90])

    def test_it_is_reversed_whole_when_it_is_billed_again(self):
        line = self.make_discount()
        reversal = self.reverse(line.move_line_ids.move_id, bill_again=True)
        reversal.invoice_line_ids.price_unit = 50
        with self.assertRaisesRegex(Exception, "has to be credited whole"):
            reversal.action_post()

    def test_the_next_run_compares_with_what_a_customer_got_back(self):
        self.make_discount()
        with freeze_time("2026-04-01"):
            run = self.bill("2026-04-01")
        self.assertRecordValues(
            run.line_ids, [{"previous_amount": -90, "difference_percent": 0, "is_first": False, "is_different": False}]
        )

    # === THE MANDATE GATE

    def test_what_a_customer_gets_by_a_negative_line_needs_no_mandate(self):
        line = self.make_subscription(self.quarter, self.internet).sale_subscription_line_ids
        line.price_unit = -90
        self.customer.bank_ids.mandate_ids.cancel()
        with freeze_time("2026-01-01"):
            run = self.bill("2026-01-01")
        self.assertEqual(run.line_ids.mapped("outcome"), ["invoiced"])
        self.assertEqual(self.get_amounts(line), [-90])

    def test_a_discount_that_is_taken_back_needs_one(self):
        line = self.make_discount()
        self.customer.bank_ids.mandate_ids.cancel()
        line.date_end = "2026-02-15"
        with freeze_time("2026-04-01"):
            run = self.bill("2026-04-01")
        self.assertEqual(run.line_ids.mapped("outcome"), ["held"])
        self.assertEqual(self.get_amounts(line), [-90])

    def test_without_a_mandate_a_discount_waits_with_what_it_is_a_discount_of(self):
        subscription = self.make_subscription(self.quarter, self.internet, self.internet)
        subscription.sale_subscription_line_ids[1].price_unit = -20
        self.customer.bank_ids.mandate_ids.cancel()
        with freeze_time("2026-01-01"):
            run = self.bill("2026-01-01")
        self.assertEqual(run.line_ids.mapped("outcome"), ["held"])
        self.assertFalse(subscription.sale_subscription_line_ids.move_line_ids)
