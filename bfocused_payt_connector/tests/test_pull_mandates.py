"""Mandates that were made or revoked at PAYT's payment provider, over HTTP."""

from odoo.tests import tagged

from .test_pull import PullCase

IBAN = "NL91ABNA0417164300"


@tagged("post_install", "-at_install")
class TestPullMandates(PullCase):
    def setUp(self):
        super().setUp()
        self.signer = self.make_customer("Slagerij De Boer", with_mandate=False, email="info@deboer.example")
        self.move = self.make_invoice_at_payt(50.0, partner=self.signer)

    def make_mandate_at_payt(self):
        account = self.env["res.partner.bank"].create({"partner_id": self.signer.id, "acc_number": IBAN})
        mandate = self.make_mandate(self.signer, partner_bank_id=account.id)
        self.push()
        self.assertEqual(mandate.payt_state, "pushed", mandate.payt_message)
        self.pull()
        return mandate

    def revoke(self):
        self.sandbox.play(do="revoke_mandate", debtor=self.signer.payt_debtor_number)

    def get_revocations(self):
        return self.env["payt.outbox"].sudo().search([("resource", "=", "psp_mandate_revocation")])

    def get_told(self):
        return self.signer.activity_ids.filtered(lambda activity: "Odoo" in activity.summary)

    def test_revoked_at_the_provider(self):
        mandate = self.make_mandate_at_payt()
        self.assertRecordValues(mandate, [{"state": "valid", "payt_state": "pushed"}])
        self.revoke()
        self.pull()
        self.assertRecordValues(mandate, [{"state": "cancel", "payt_state": "revoked"}])
        messages = len(mandate.message_ids)
        self.assertFalse(self.get_revocations(), "PAYT knows")
        self.get_rows(resource="psp_mandates").sudo().state = "pending"
        self.follow()
        self.assertEqual(len(mandate.message_ids), messages)
        self.assertFalse(self.get_revocations())

    def test_deleted_at_payt(self):
        mandate = self.make_mandate_at_payt()
        [theirs] = self.sandbox.state()["psp_mandates"]
        self.sandbox.play(do="delete", resource="psp_mandates", id=theirs["id"])
        self.pull()
        self.assertRecordValues(mandate, [{"state": "cancel", "payt_state": "revoked"}])
        self.assertFalse(self.get_revocations())

    def test_our_own_revocation_comes_back(self):
        mandate = self.make_mandate_at_payt()
        mandate.cancel()
        self.assertEqual(mandate.payt_state, "revoking")
        messages = len(mandate.message_ids)
        self.push()
        self.pull()
        self.assertRecordValues(mandate, [{"state": "cancel", "payt_state": "revoked"}])
        self.assertEqual(len(mandate.message_ids), messages)
        self.assertEqual(len(self.get_revocations()), 1)

    def test_a_mandate_of_ours_that_payt_has_already(self):
        mandate = self.make_mandate_at_payt()
        mandate.payt_state = "none"
        self.get_rows(resource="psp_mandates").sudo().state = "pending"
        self.follow()
        self.assertEqual(mandate.payt_state, "pushed")

    def test_signed_there_a_person_is_told_and_nothing_is_made(self):
        self.sandbox.play(do="sign_mandate", debtor=self.signer.payt_debtor_number, bank_account_number=IBAN)
        self.pull()
        self.assertEqual(len(self.get_told()), 1)
        self.assertFalse(self.env["account.banking.mandate"].search([("partner_id", "=", self.signer.id)]))
        self.get_told().action_done()
        self.get_rows(resource="psp_mandates").sudo().state = "pending"
        self.follow()
        self.assertFalse(self.get_told(), "told once")
        self.revoke()
        self.pull()
        self.assertFalse(self.get_told())
        self.assertEqual(set(self.get_rows(resource="psp_mandates").mapped("state")), {"done"})
