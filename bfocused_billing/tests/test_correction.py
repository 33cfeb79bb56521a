from freezegun import freeze_time

from odoo.exceptions import UserError

from .common import BillingCase, day


@freeze_time("2026-02-10")
class TestCorrection(BillingCase):
    """ "Reverse and Create Invoice": the corrected invoice bills what the reversed one did."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.line = self.subscription.sale_subscription_line_ids
        self.bill("2026-01-01")
        self.invoice = self.get_invoices()

    def make_wizard(self, **values):
        wizard = self.env["account.move.reversal"].with_context(
            active_model="account.move", active_ids=self.invoice.ids
        )
        return wizard.create({"journal_id": self.invoice.journal_id.id, **values})

    def correct(self):
        wizard = self.make_wizard()
        wizard.modify_moves()
        return wizard.new_move_ids

    def test_invoices_corrected_together_each_bill_their_own(self):
        other = self.make_customer("Slagerij")
        self.make_subscription(self.quarter, self.internet, customer=other, start="2026-02-01")
        self.bill("2026-02-01")
        self.invoice += self.get_invoices(other)
        corrected = self.correct()
        self.assertEqual(len(corrected), 2)
        for customer in (self.customer, other):
            charge = self.env["bfocused.billing.charge"].search([("partner_id", "=", customer.id)])
            self.assertEqual(charge.move_id.partner_id, customer)
            self.assertIn(charge.move_id, corrected)

    def test_the_corrected_invoice_takes_over_what_was_billed(self):
        corrected = self.correct()
        charge = self.line.charge_ids
        self.assertRecordValues(charge, [{"state": "drafted", "move_id": corrected.id, "amount_untaxed": 120}])
        self.assertRecordValues(
            corrected.invoice_line_ids,
            [
                {
                    "subscription_line_id": self.line.id,
                    "start_date": day("2026-01-01"),
                    "end_date": day("2026-03-31"),
                    "billing_cycle": "quarter",
                    "is_billing_credit": False,
                }
            ],
        )
        self.assertFalse(self.bill("2026-02-10").line_ids)

    def test_an_earlier_end_gives_back_what_the_corrected_invoice_billed(self):
        corrected = self.correct()
        corrected.invoice_line_ids.price_unit = 90
        corrected.action_post()
        self.subscription.date = "2026-03-01"
        self.bill("2026-03-01")
        credit = self.env["account.move"].search([("move_type", "=", "out_refund")], order="id desc", limit=1)
        self.assertEqual(credit.amount_untaxed, 31)

    def test_a_corrected_invoice_that_is_deleted_is_billed_again(self):
        self.correct().unlink()
        self.bill("2026-02-10")
        self.assertEqual(self.get_invoices().mapped("amount_untaxed"), [120, 120])

    def test_what_was_given_back_by_hand_before_still_counts(self):
        wizard = self.make_wizard()
        wizard.refund_moves()
        wizard.new_move_ids.invoice_line_ids.price_unit = 100
        wizard.new_move_ids.action_post()
        self.correct().action_post()
        self.subscription.date = "2026-02-10"
        self.bill("2026-02-10")
        credit = self.env["account.move"].search([("move_type", "=", "out_refund")], order="id desc", limit=1)
        self.assertEqual(credit.amount_untaxed, 20)

    def test_it_is_not_billed_again_as_well(self):
        with self.assertRaisesRegex(UserError, "Untick Bill again"):
            self.make_wizard(bill_again=True).modify_moves()
        form = self.make_wizard().get_view(view_type="form")["arch"]
        self.assertRegex(form, 'name="modify_moves"[^>]*bill_again')
