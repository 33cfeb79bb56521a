from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from .netting_common import NettingCase
from .size import at_size

AMOUNTS = st.sampled_from([1.0, 5.55, 12.5, 20.0, 33.33, 40.0])  # each under the minimum with VAT


class TestNetting(NettingCase):
    """What a customer is owed and what waits under the minimum are on one document, whichever is larger (R5)."""

    def test_credit_larger_than_what_waits_is_a_credit_note_of_the_difference(self):
        self.owe(30.0)
        with freeze_time("2026-02-10"):
            waiting = self.make_waiting(20.0)
        run = self.run_on("2026-03-01")
        self.assertEqual(self.get_outcomes(run), [("invoiced", -10.0)])
        self.assertEqual((self.get_credit_notes(), waiting.state), (waiting, "posted"))
        self.assertRecordValues(waiting, [{"amount_untaxed": 10.0, "deferral_state": "released", "mandate_id": False}])

    def test_what_waits_larger_than_the_credit_waits_on_less(self):
        self.owe(20.0)
        with freeze_time("2026-02-10"):
            waiting = self.make_waiting(30.0)
        self.assertEqual(self.get_outcomes(self.run_on("2026-03-01")), [("deferred", -20.0)])
        self.assertRecordValues(waiting, [{"state": "draft", "amount_untaxed": 10.0}])

    def test_what_the_run_made_wait_is_set_off_too(self):
        sold = self.sell(45.0)
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.run_on("2026-02-01")
        self.give_back(sold)
        self.run_on("2026-03-01")
        self.assertRecordValues(self.get_credit_notes(), [{"amount_untaxed": 15.0, "state": "posted"}])
        self.assertFalse(self.get_drafts())

    def test_several_drafts_that_are_larger_only_together(self):
        self.owe(30.0)
        with freeze_time("2026-02-10"):
            first, second = self.make_waiting(20.0), self.make_waiting(15.0)
        self.run_on("2026-03-01")
        self.assertRecordValues(
            first + second, [{"state": "draft", "amount_untaxed": 5.0}, {"state": "cancel", "amount_untaxed": 0}]
        )

    def test_several_drafts_that_are_smaller_together(self):
        self.owe(40.0)
        with freeze_time("2026-02-10"):
            first = self.make_waiting(20.0)
            self.make_waiting(15.0)
        self.run_on("2026-03-01")
        self.assertRecordValues(self.get_credit_notes(), [{"id": first.id, "amount_untaxed": 5.0}])

    def test_what_it_is_collected_with_makes_no_difference(self):
        other = self.make_mandate(self.customer, signature_date="2025-01-01")
        self.owe(30.0, mandate_id=other.id)
        with freeze_time("2026-02-10"):
            waiting = self.make_waiting(20.0)
        self.run_on("2026-03-01")
        self.assertRecordValues(self.get_credit_notes(), [{"id": waiting.id, "amount_untaxed": 10.0}])

    def test_what_is_left_to_pay_is_collected_as_the_draft_was_to_be(self):
        other = self.make_mandate(self.customer, signature_date="2025-01-01")
        own = self.customer._get_billing_mandate(self.company)
        sold = self.sell(20.0, mandate_id=other.id)
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.run_on("2026-02-01")
        self.give_back(sold)
        self.run_on("2026-03-01")
        waiting = self.get_drafts()
        self.assertRecordValues(waiting, [{"amount_untaxed": 10.0, "mandate_id": own.id}])
        self.run_on("2026-04-01")
        self.assertRecordValues(waiting, [{"amount_untaxed": 10.0, "mandate_id": own.id, "state": "posted"}])

    def test_credit_and_new_charges_with_another_mandate_in_one_run(self):
        other = self.make_mandate(self.customer, signature_date="2025-01-01")
        self.owe(20.0, mandate_id=other.id)
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01", date="2026-03-01")
        self.assertEqual(self.get_outcomes(self.run_on("2026-02-01")), [("deferred", 10.0)])

    def test_on_another_address_it_is_a_document_of_its_own(self):
        address = self.env["res.partner"].create({"name": "Desk", "parent_id": self.customer.id, "type": "invoice"})
        self.owe(30.0, partner_invoice_id=self.customer.id)
        with freeze_time("2026-02-10"):
            waiting = self.make_waiting(20.0, customer=address)
        self.run_on("2026-03-01")
        self.assertRecordValues(self.get_credit_notes(), [{"amount_untaxed": 30.0}])
        self.assertEqual(waiting.state, "draft")

    @settings(max_examples=at_size(100, 6), deadline=None, phases=[Phase.generate])
    @given(
        owed=st.lists(AMOUNTS, min_size=1, max_size=3),
        waiting=st.lists(AMOUNTS, min_size=1, max_size=3),
        new=st.booleans(),
        turn=st.sampled_from(["2026-03-01", "2026-04-01"]),
        wish=st.sampled_from([False, "always", "never"]),
    )
    def test_any_credits_and_drafts(self, owed, waiting, new, turn, wish):
        with self.env.cr.savepoint() as savepoint:
            self.check_any(owed, waiting, new, turn, wish)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_any(self, owed, waiting, new, turn, wish):
        sold = [self.sell(amount) for amount in owed]
        for subscription in sold:
            self.give_back(subscription)
        known = self.get_posted()
        with freeze_time("2026-02-10"):
            for price in waiting:
                self.make_waiting(price)
        self.customer.billing_deferral = wish
        if new:
            self.make_subscription(self.month, self.cloudbox, start=turn)
        self.run_on(turn)
        left = sum(waiting) + (30.0 if new else 0.0) - sum(owed)
        drafts, posted = self.get_drafts(), self.get_posted() - known
        credit_notes = self.get_credit_notes()
        total = sum((drafts + posted).mapped("amount_untaxed")) - sum(credit_notes.mapped("amount_untaxed"))
        self.assertAlmostEqual(total, left)
        self.assertLessEqual(len(credit_notes), 1)
        if credit_notes:
            self.assertFalse(
                drafts + posted, "Nobody gets a credit note while something of theirs waits or is invoiced."
            )
        if turn == "2026-04-01":
            self.assertLessEqual(len(drafts + posted + credit_notes), 1)
