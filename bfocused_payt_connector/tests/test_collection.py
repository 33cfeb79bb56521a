from datetime import date

from odoo.tests import tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestCollection(PaytDataCase):
    """An invoice is collected by PAYT or by the company itself, never by both."""

    def setUp(self):
        super().setUp()
        self.mandate = self.customer._get_billing_mandate(self.company)
        self.mode = self.company.billing_payment_mode_id
        self.mode.payment_order_ok = True
        self.invoice = self.make_pushed_invoice(payment_mode_id=self.mode.id, mandate_id=self.mandate.id)
        self.clear_outbox()

    def get_ours(self):
        lines = self.env["account.move.line"].search(self.invoice._get_to_collect_domain(self.mode))
        return lines.move_id & self.invoice

    def test_what_payt_collects_stands_on_no_payment_order(self):
        for state in ("queued", "pushed", "revoking"):
            self.mandate.payt_state = state
            self.assertFalse(self.get_ours(), state)
            self.assertIn("PAYT", self.invoice._get_debit_problem(date(2026, 3, 2)))

    def test_a_mandate_that_payt_refused_or_has_not_is_collected_with_by_ourselves(self):
        for state in ("none", "revoked", "error"):
            self.mandate.payt_state = state
            self.assertEqual(self.get_ours(), self.invoice, state)

    def test_an_invoice_that_is_not_at_payt_is_collected_by_ourselves(self):
        self.mandate.payt_state = "pushed"
        self.invoice.payt_state = "none"
        self.assertEqual(self.get_ours(), self.invoice)
        self.assertNotIn("PAYT", self.invoice._get_debit_problem(date(2026, 3, 2)) or "")

    def test_after_a_reversal_that_leads_to_reminders_payt_expects_a_bank_transfer(self):
        self.assertEqual(self.prepare(self.invoice, "invoice")["payment_method"], "direct_debit")
        for state, method in (
            ("reminder", "bank_transfer"),
            ("dispute", "bank_transfer"),
            ("staff", "bank_transfer"),
            ("retry", "direct_debit"),
        ):
            self.clear_outbox()
            self.invoice.reversal_state = state
            self.assert_put(self.invoice, "invoice")
            self.assertEqual(self.prepare(self.invoice, "invoice")["payment_method"], method, state)

    def test_a_b2b_mandate_goes_to_payt_once_it_is_registered_at_the_bank(self):
        self.mandate.payt_state = "none"
        self.mandate.write({"scheme": "B2B", "b2b_registered_date": False})
        self.assertIsNone(self.prepare(self.mandate, "psp_mandate"))
        self.assertEqual(self.prepare(self.invoice, "invoice")["payment_method"], "bank_transfer")
        self.clear_outbox()
        self.mandate.b2b_registered_date = "2026-01-02"
        self.assertTrue(self.get_rows(self.mandate, "psp_mandate"))
        self.assertTrue(self.prepare(self.mandate, "psp_mandate"))
