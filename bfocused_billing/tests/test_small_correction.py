from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo.exceptions import UserError

from .deferral_common import DeferralCase
from .size import at_size

CENTS = st.integers(min_value=100, max_value=9000).map(lambda cents: cents / 100)


@freeze_time("2026-02-10")
class TestSmallCorrection(DeferralCase):
    """A corrected small invoice goes with its reversal (R5)."""

    def make_sent(self, price=20.0):
        invoice = self.make_invoice(price)
        invoice.with_context(billing_send_anyway=True).action_post()
        return invoice

    def reverse(self, invoices, is_modify=True, **values):
        wizard = self.env["account.move.reversal"].create(
            {"move_ids": invoices.ids, "journal_id": invoices.journal_id.id, "date": "2026-02-10", **values}
        )
        wizard.reverse_moves(is_modify=is_modify)
        return wizard.new_move_ids

    def test_corrected_small_invoice_goes_with_its_reversal(self):
        invoice = self.make_sent()
        corrected = self.reverse(invoice)
        self.assertEqual(invoice.reversal_move_ids.state, "posted")
        self.assertEqual(corrected.correction_of_id, invoice)
        corrected.invoice_line_ids.price_unit = 18.0
        corrected.action_post()
        self.assertRecordValues(corrected, [{"state": "posted", "deferral_state": "none"}])

    def test_corrected_small_invoice_of_a_run_goes_with_its_reversal(self):
        self.company.billing_min_amount = 0
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        self.company.billing_min_amount = 50
        corrected = self.reverse(self.get_invoices())
        corrected.action_post()
        self.assertEqual(corrected.state, "posted")
        self.assertEqual(corrected.invoice_line_ids.charge_ids.state, "billed")

    def test_corrections_of_many_at_once_go(self):
        invoices = self.make_sent() + self.make_sent(15.0)
        corrected = self.reverse(invoices)
        corrected.action_post()
        self.assertEqual(corrected.mapped("state"), ["posted", "posted"])

    def test_correction_of_a_correction_goes_too(self):
        first = self.reverse(self.make_sent())
        first.action_post()
        second = self.reverse(first)
        second.action_post()
        self.assertEqual(second.state, "posted")

    def test_what_waits_is_no_invoice_to_reverse(self):
        waiting = self.make_waiting()
        for is_modify in (True, False):
            with self.assertRaisesRegex(UserError, "wasn't sent"), self.env.cr.savepoint():
                self.reverse(waiting, is_modify)
        self.assertEqual(waiting.state, "draft")

    def test_correction_takes_nothing_along_and_what_waits_waits_on(self):
        waiting = self.make_waiting()
        self.reverse(self.make_sent()).action_post()
        self.assertEqual(waiting.state, "draft")

    def test_collection_of_a_correction_is_postponed_where_small_ones_are_issued(self):
        self.company.billing_deferral_separate = "issue"
        corrected = self.reverse(self.make_sent())
        corrected.action_post()
        self.assertEqual((corrected.state, str(corrected.collection_date)), ("posted", "2026-04-01"))

    def test_small_invoice_that_corrects_nothing_waits_as_ever(self):
        invoice = self.reverse(self.make_sent()).copy()
        invoice.action_post()
        self.assertTrue(invoice._is_waiting())

    @settings(max_examples=at_size(40, 5), deadline=None, phases=[Phase.generate])
    @given(
        prices=st.lists(st.tuples(CENTS, CENTS), min_size=1, max_size=3),
        waiting=st.lists(CENTS, max_size=2),
        policy=st.sampled_from(["quarter", "threshold"]),
        wish=st.sampled_from([False, "always", "never"]),
    )
    def test_no_correction_waits_while_its_reversal_went(self, prices, waiting, policy, wish):
        with self.env.cr.savepoint() as savepoint:
            self.check_corrections(prices, waiting, policy, wish)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_corrections(self, prices, waiting, policy, wish):
        self.company.billing_deferral_release = policy
        for price in waiting:
            self.make_invoice(price).action_post()
        self.customer.billing_deferral = wish
        for before, after in prices:
            invoice = self.make_sent(before)
            corrected = self.reverse(invoice)
            corrected.invoice_line_ids.price_unit = after
            corrected.action_post()
            self.assertEqual((invoice.reversal_move_ids.state, corrected.state), ("posted", "posted"))
        with freeze_time("2026-04-01"):
            self.bill("2026-04-01")
        for draft in self.get_drafts():
            self.assertFalse(draft.correction_of_id)
