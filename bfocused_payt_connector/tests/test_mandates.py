from odoo.exceptions import UserError
from odoo.tests import tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestMandates(PaytDataCase):
    """PAYT's payment provider has the mandate that is collected with, and only that one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.signer = cls.make_customer("Slagerij De Boer", with_mandate=False, email="info@deboer.example")

    def make_pushed_mandate(self, signer=None):
        signer = signer or self.signer
        mandate = self.make_mandate(signer)
        self.take(signer, "debtor")
        self.take(mandate, "psp_mandate")
        self.clear_outbox()
        return mandate

    def test_a_signed_mandate_goes_with_its_debtor(self):
        mandate = self.make_mandate(self.signer, state="draft")
        self.assertFalse(self.get_rows())
        mandate.validate()
        self.assert_put(mandate, "psp_mandate")
        self.assert_put(self.signer, "contact", "debtor")
        payload = self.prepare(mandate, "psp_mandate")
        self.assertEqual(
            payload,
            {
                "bank_account_name": "Slagerij De Boer",
                "bank_account_number": mandate.partner_bank_id.sanitized_acc_number,
                "provider_code": "mollie",
                "debtor_code": f"ODOO-{self.signer.id}",
                "mandate_reference": mandate.unique_mandate_reference,
            },
        )

    def test_without_provider_no_mandate_goes(self):
        self.backend.psp_provider = "none"
        self.assertFalse(self.get_rows(self.make_mandate(self.signer)))

    def test_customers_that_payt_does_not_send_to_keep_their_mandate(self):
        self.signer.invoice_sending_method = "email"
        self.assertFalse(self.get_rows(self.make_mandate(self.signer)))

    def test_each_end_of_a_mandate_is_a_revocation(self):
        for end in ("cancel", "expired", "draft"):
            with self.subTest(end=end):
                mandate = self.make_pushed_mandate(self.make_customer(end, with_mandate=False))
                mandate.state = end
                self.assert_put(mandate, "psp_mandate_revocation")
                payload = self.prepare(mandate, "psp_mandate_revocation")
                self.assertEqual(payload["mandate_reference"], mandate.unique_mandate_reference)
                mandate._payt_taken_psp_mandate_revocation(self.backend, {})
                self.assertEqual(mandate.payt_state, "revoked")

    def test_cancelled_before_it_went_nothing_is_made(self):
        mandate = self.make_mandate(self.signer)
        mandate.cancel()
        self.assertIsNone(self.prepare(mandate, "psp_mandate"))
        # its answer may have been lost
        self.assertTrue(self.prepare(mandate, "psp_mandate_revocation"))

    def test_revoked_already_is_as_good(self):
        mandate = self.make_pushed_mandate()
        mandate.cancel()
        self.refuse(mandate, "psp_mandate_revocation", "not_found")
        self.assertEqual((mandate.payt_state, mandate.payt_message), ("revoked", False))

    def test_a_new_mandate_waits_for_the_end_of_the_old_one(self):
        old = self.make_pushed_mandate()
        new = self.make_mandate(self.signer, signature_date="2025-11-01")
        self.assertIsNone(self.prepare(new, "psp_mandate"))
        self.assert_put(old, "psp_mandate_revocation")
        self.assertTrue(self.prepare(old, "psp_mandate_revocation"))
        self.clear_outbox()
        old._payt_taken_psp_mandate_revocation(self.backend, {})
        self.assert_put(new, "psp_mandate")
        self.assertTrue(self.prepare(new, "psp_mandate"))

    def test_a_refusal_is_on_the_mandate(self):
        mandate = self.make_mandate(self.signer)
        self.refuse(mandate, "psp_mandate", "Account is blocked")
        self.assertEqual((mandate.payt_state, mandate.payt_message), ("error", "Account is blocked"))
        self.clear_outbox()
        mandate.action_payt_retry()
        self.assert_put(mandate, "psp_mandate")

    def test_what_payt_collects_with_is_not_deleted(self):
        mandate = self.make_pushed_mandate()
        with self.assertRaises(UserError):
            mandate.unlink()

    def test_open_invoices_follow_the_mandate(self):
        mandate = self.make_pushed_mandate()
        mode = self.company.billing_payment_mode_id
        move = self.make_pushed_invoice(partner=self.signer, payment_mode_id=mode.id, mandate_id=mandate.id)
        self.assertEqual(self.prepare(move, "invoice")["payment_method"], "direct_debit")
        mandate.cancel()
        self.assert_put(move, "invoice")
        self.assertEqual(self.prepare(move, "invoice")["payment_method"], "bank_transfer")

    def test_a_reference_with_a_comma_stops_no_other(self):
        mandate = self.make_mandate(self.signer, unique_mandate_reference="M,1")
        with self.assertRaisesRegex(UserError, "M,1"):
            mandate._prepare_payt_psp_mandate(self.backend)
        mandate.payt_state = "revoking"
        mandate.state = "cancel"
        with self.assertRaisesRegex(UserError, "M,1"):
            mandate._prepare_payt_psp_mandate_revocation(self.backend)
