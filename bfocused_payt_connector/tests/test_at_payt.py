from odoo import SUPERUSER_ID
from odoo.tests import tagged

from odoo.addons.queue_job.job import Job

from .common import SandboxMixin
from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestAtPayt(SandboxMixin, PaytDataCase):
    """The whole way: posted in Odoo, taken by a PAYT that refuses what its contract doesn't allow, the same there."""

    @classmethod
    def make_backend(cls):
        """The sandbox' connection is made for each test."""

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.env.flush_all()
        self.registry_enter_test_mode()

    def empty_outbox(self):
        for _turn in range(20):
            if not self.get_rows():
                return
            self.env["payt.outbox"].with_user(SUPERUSER_ID)._job_empty(self.backend.id)
        self.fail(self.get_rows().mapped("error"))

    def get_state(self, name):
        return self.sandbox.state()[name]

    def assert_same(self, move):
        [there] = [found for found in self.get_state("invoices") if found["invoice_number"] == move.name]
        sign = -1 if move.move_type == "out_refund" else 1
        self.assertEqual(there["total_amount"], f"{sign * move.amount_total:.2f}")
        self.assertEqual(there["open_amount"], f"{sign * move.amount_residual + 0.0:.2f}")
        return there

    def test_posted_paid_reversed_and_credited(self):
        move, refund = self.make_invoice(), self.make_invoice(40.0, move_type="out_refund")
        self.perform(self.get_sending_jobs())
        self.empty_outbox()
        rows = self.env["payt.outbox"].sudo().search([])
        self.assertEqual(set(rows.mapped("state")), {"sent"}, rows.mapped("error"))
        self.assertEqual((move | refund).mapped("payt_state"), ["pushed", "pushed"])
        there = self.assert_same(move)
        self.assertTrue(there["_document"])
        self.assert_same(refund)
        payments = self.pay(move, 50.0)
        self.empty_outbox()
        self.assert_same(move)
        receivables = (move | refund).line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        receivables.reconcile()
        self.empty_outbox()
        self.assert_same(move)
        self.assert_same(refund)
        self.assertEqual(refund.payt_state, "paid")
        payments.move_id.line_ids.remove_move_reconcile()
        self.empty_outbox()
        self.assert_same(move)

    def test_a_reversal_a_write_off_and_another_currency(self):
        dollar = self.setup_other_currency("USD", rates=[("2026-01-01", 2.0), ("2026-01-15", 4.0)])
        move, foreign = self.make_invoice(), self.make_invoice(currency_id=dollar.id)
        self.perform(self.get_sending_jobs())
        self.empty_outbox()
        self.return_payment(self.pay(move), code="AM04")
        self.pay(foreign)
        self.empty_outbox()
        there = self.assert_same(move)
        kinds = {
            payment["transaction_type"]: payment.get("reversal_code")
            for payment in self.get_state("payments")
            if payment["id"] in there["_payment_ids"]
        }
        self.assertEqual(kinds, {"payment": None, "reversal": "AM04"})
        self.assert_same(foreign)
        self.pay(
            move,
            120.0,
            date="2026-02-20",
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_expense"].id,
        )
        self.empty_outbox()
        self.assertEqual(self.assert_same(move)["open_amount"], "0.00")

    def test_a_lost_answer_makes_no_double(self):
        move = self.make_invoice()
        self.perform(self.get_sending_jobs())
        self.sandbox.fail("lost_answer", method="POST", path="/v1/invoices", times=1)
        self.empty_outbox()
        self.assertEqual(len(self.get_state("invoices")), 1)
        self.assert_same(move)
        self.assertEqual(move.payt_state, "pushed")

    def test_a_go_live_is_followed_up_and_not_sent(self):
        self.company.payt_on_posting = False
        move = self.make_invoice()
        self.pay(move, 21.0)
        wizard = self.env["payt.go.live"].create({"company_id": self.company.id})
        wizard.action_preview()
        wizard.action_hand_over()
        for job in self.env["queue.job"].sudo().search([("method_name", "=", "_job_hand_to_payt")]):
            Job.load(self.env, job.uuid).perform()
        self.empty_outbox()
        self.assertEqual(self.assert_same(move)["sent_at"], "2026-01-05T12:00:00Z")
        self.assertEqual(self.customer.payt_debtor_state, "pushed")

    def test_a_mandate_goes_and_is_replaced(self):
        signer = self.make_customer("Slagerij", email="info@deboer.example")
        self.empty_outbox()
        old = signer._get_billing_mandate(self.company)
        self.assertEqual(old.payt_state, "pushed")
        new = self.make_mandate(signer, signature_date="2025-12-01")
        self.empty_outbox()
        self.assertEqual((old.payt_state, new.payt_state), ("revoked", "pushed"))
        active = [m["mandate_reference"] for m in self.get_state("psp_mandates") if not m["deactivated_at"]]
        self.assertEqual(active, [new.unique_mandate_reference])

    def test_follow_up_stops_and_goes_on(self):
        move = self.make_invoice()
        self.perform(self.get_sending_jobs())
        self.empty_outbox()
        for _turn in range(2):
            move._payt_block("betwist")
            self.empty_outbox()
            self.assertTrue(self.assert_same(move)["paused_at"])
            move.action_payt_resume()
            self.empty_outbox()
            self.assertFalse(self.assert_same(move)["paused_at"])
        self.assertEqual(move.payt_state, "pushed")

    def test_cancelled_and_settled(self):
        move = self.make_invoice()
        self.perform(self.get_sending_jobs())
        self.empty_outbox()
        move.button_cancel()
        self.empty_outbox()
        [there] = self.get_state("invoices")
        self.assertEqual(there["open_amount"], "0.00")
        self.assertEqual(move.payt_state, "paid")

    def test_a_refused_record_does_not_stop_the_others(self):
        good, bad = self.make_invoice(), self.make_invoice(50.0)
        self.perform(self.get_sending_jobs())
        self.sandbox.fail(
            "record_error", method="POST", path="/v1/invoices", key=bad.name, reason="Due date is invalid"
        )
        self.empty_outbox()
        self.assertEqual(good.payt_state, "pushed")
        self.assertEqual(bad.payt_state, "error")
        self.assertTrue(bad.payt_message)
        bad.action_payt_retry()
        self.empty_outbox()
        self.assertEqual(bad.payt_state, "pushed")
        self.assert_same(bad)
