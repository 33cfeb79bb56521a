from odoo.exceptions import UserError
from odoo.tests import tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestFollowUp(PaytDataCase):
    """A disputed invoice, or one that is being corrected, isn't reminded of."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.move = cls.make_pushed_invoice()

    def block(self):
        action = self.move.action_payt_block()
        wizard = self.env[action["res_model"]].with_context(**action["context"]).create({"reason": "Belkosten betwist"})
        wizard.action_block()

    def test_stopped_with_a_reason_and_resumed(self):
        self.move._mark_sent_by_payt("2026-01-05 09:30:00")
        self.block()
        self.assertEqual((self.move.payt_blocked, self.move.payt_block_reason), (True, "Belkosten betwist"))
        self.assert_put(self.move, "invoice_block")
        self.assertEqual(self.take(self.move, "invoice_block"), {"invoice_number": self.move.name})
        self.assertEqual(self.move.payt_state, "paused")
        self.move.action_payt_resume()
        self.assertEqual(self.take(self.move, "invoice_resume"), {"invoice_number": self.move.name})
        self.assertEqual((self.move.payt_state, self.move.payt_blocked), ("sent", False))

    def test_resumed_before_it_went_only_the_last_counts(self):
        self.block()
        self.move.action_payt_resume()
        self.assertIsNone(self.prepare(self.move, "invoice_block"))
        # the answer to the first may be lost
        self.assertTrue(self.prepare(self.move, "invoice_resume"))

    def test_stopped_twice_is_one_row(self):
        self.block()
        self.block()
        self.assert_put(self.move, "invoice_block")

    def test_what_payt_does_not_have_can_not_be_stopped(self):
        with self.assertRaises(UserError):
            self.make_invoice()._payt_block("why not")

    def test_a_draft_is_not_followed_up_until_it_is_posted_again(self):
        self.move.button_draft()
        self.assertTrue(self.prepare(self.move, "invoice_block"))
        self.assertIsNone(self.prepare(self.move, "invoice"))
        self.take(self.move, "invoice_block")
        self.clear_outbox()
        self.move.action_post()
        self.assert_put(self.move, "invoice", "invoice_resume")
        self.assertTrue(self.prepare(self.move, "invoice_resume"))
        self.assertTrue(self.prepare(self.move, "invoice"))

    def test_posting_again_does_not_end_a_dispute(self):
        self.block()
        self.take(self.move, "invoice_block")
        self.move.button_draft()
        self.clear_outbox()
        self.move.action_post()
        self.assert_put(self.move, "invoice")

    def test_payt_s_refusal_is_shown(self):
        self.block()
        self.refuse(self.move, "invoice_block", "Invoice is closed")
        self.assertEqual((self.move.payt_state, self.move.payt_message), ("error", "Invoice is closed"))

    def test_a_stop_that_was_refused_and_tried_again_can_be_ended(self):
        self.move._mark_sent_by_payt("2026-01-05 09:30:00")
        self.block()
        self.refuse(self.move, "invoice_block", "PAYT is busy")
        self.env["payt.outbox"].sudo().search([]).action_try_again()
        self.take(self.move, "invoice_block")
        self.assertEqual(self.move.payt_state, "paused")
        self.move.action_payt_resume()
        self.take(self.move, "invoice_resume")
        self.assertEqual(self.move.payt_state, "sent")

    def test_a_stop_that_nobody_wants_any_more_when_payt_takes_it_is_ended(self):
        self.block()
        self.refuse(self.move, "invoice_block", "PAYT is busy")
        self.move.action_payt_resume()
        self.move._payt_taken_invoice_block(self.backend, {})
        self.assert_put(self.move, "invoice_block", "invoice_resume")
