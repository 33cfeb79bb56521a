from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestSendingByPayt(PaytDataCase):
    """PAYT as a way of sending, in Odoo's own Send & Print: one invoice, a batch, the billing run."""

    def open_wizard(self, move):
        context = {"active_model": "account.move", "active_ids": move.ids}
        return self.env["account.move.send.wizard"].with_context(**context).create({"move_id": move.id})

    def open_batch(self, moves):
        context = {"active_model": "account.move", "active_ids": moves.ids}
        return self.env["account.move.send.batch.wizard"].with_context(**context).create({"move_ids": moves.ids})

    def get_mails(self, move):
        return (
            self.env["mail.message"]
            .search([("model", "=", "account.move"), ("res_id", "=", move.id)])
            .filtered("attachment_ids")
        )

    # === SENT OR NOT

    def test_what_was_sent_before_stays_sent(self):
        move, never = self.make_invoice(), self.make_invoice()
        move.is_move_sent = True
        self.send(move | never)
        self.assertEqual((move | never).mapped("payt_state"), ["queued", "queued"])
        self.assertEqual((move | never).mapped("is_move_sent"), [True, False])

    def test_also_where_the_rest_of_billing_is_not_used_only_payt_says_that_it_is_sent(self):
        self.company.use_billing = False
        move = self.make_invoice()
        self.send(move)
        self.assertEqual((move.payt_state, move.is_move_sent), ("queued", False))

    # === WHO IS SENT BY PAYT

    def test_the_company_s_default_holds_where_the_customer_has_no_own(self):
        move = self.make_invoice()
        methods = self.env["account.move.send"]._get_default_sending_methods
        self.assertEqual(methods(move), {"payt"})
        self.customer.invoice_sending_method = "email"
        self.assertEqual(methods(move), {"email"})
        self.backend.default_sending_method = "email"
        self.customer.invoice_sending_method = False
        self.assertEqual(methods(move), {"email"})
        self.customer.invoice_sending_method = "payt"
        self.assertEqual(methods(move), {"payt"})

    def test_companies_without_payt_are_not_offered_it(self):
        self.assertIn("payt", self.open_wizard(self.make_invoice()).sending_method_checkboxes)
        self.assertIn("payt", self.customer.payt_sending_methods)
        self.backend.unlink()
        self.customer.invalidate_recordset()
        self.assertNotIn("payt", self.open_wizard(self.make_invoice()).sending_method_checkboxes)
        self.assertNotIn("payt", self.customer.payt_sending_methods)

    # === SENDING

    def test_the_wizard_puts_the_invoice_into_the_outbox(self):
        move = self.make_invoice()
        wizard = self.open_wizard(move)
        self.assertEqual(wizard.sending_methods, ["payt"])
        self.assertFalse(wizard.alerts and [a for a in wizard.alerts.values() if a.get("level") == "danger"])
        self.send(move, **wizard._get_sending_settings())
        self.assert_put(move, "invoice")
        self.assertFalse(self.get_mails(move))
        self.assertNotIn("sent_at", self.prepare(move, "invoice"))

    def test_a_batch_puts_one_row_each(self):
        other = self.make_customer("Slagerij", email="info@deboer.example")
        moves = self.make_invoice() | self.make_invoice() | self.make_invoice(partner=other)
        wizard = self.open_batch(moves)
        self.assertEqual(wizard.summary_data["payt"]["count"], 3)
        self.send(moves)
        self.assert_put(moves, "invoice")
        self.assert_put(self.customer | other, "contact", "debtor")
        self.assert_put(self.tax, "vat_rate")

    def test_odoo_s_job_for_batches_puts_them_too(self):
        moves = self.make_invoice() | self.make_invoice()
        moves.sending_data = {"author_user_id": self.env.user.id, "author_partner_id": self.env.user.partner_id.id}
        self.send(moves, from_cron=True)
        self.assert_put(moves, "invoice")
        self.assertFalse(moves[0].sending_data)

    def test_the_billing_run_hands_over_once(self):
        self.company.billing_auto_send = True
        self.make_subscription(self.quarter, self.internet)
        run = self.bill("2026-01-01")
        jobs = self.get_sending_jobs()
        self.assertEqual(len(jobs), 1)
        self.perform(jobs)
        self.assert_put(run.invoice_ids, "invoice")
        self.assertEqual(run.invoice_ids._prepare_payt_whole()["labels"], ["KWARTAAL"])
        self.perform(jobs)
        self.assert_put(run.invoice_ids, "invoice")

    # === SENT

    def test_sent_is_what_payt_says_is_sent(self):
        # T16: Odoo marks it sent as soon as its PDF is made
        for use_billing in (True, False):
            with self.subTest(use_billing=use_billing):
                self.company.use_billing = use_billing
                move = self.make_invoice()
                self.send(move)
                self.assertFalse(move.is_move_sent)
                self.take(move, "invoice")
                self.assertFalse(move.is_move_sent)
                move._mark_sent_by_payt("2026-01-05 09:30:00")
                self.assertTrue(move.is_move_sent)
                self.assertEqual((move.payt_state, move.payt_sent_by), ("sent", "payt"))
                self.assertNotIn("sent_at", self.prepare(move, "invoice"))

    def test_nobody_is_told_that_a_mail_address_is_missing_when_payt_sends_a_letter(self):
        self.customer.write({"email": False, "street": "Dorpsstraat 1", "zip": "1234 AB", "city": "Dorp"})
        move = self.make_invoice()
        self.send(move)
        self.assert_put(move, "invoice")
        self.assertNotIn("Not sent", "".join(move.message_ids.mapped("body")))

    # === ODOO MAILS

    def test_odoo_mails_and_payt_is_told_not_to(self):
        self.backend.mailing = "odoo"
        move = self.make_invoice()
        self.send(move)
        self.assertTrue(self.get_mails(move))
        self.assertTrue(move.is_move_sent)
        payload = self.prepare(move, "invoice")
        self.assertEqual(payload["sent_at"], move.payt_sent_at.isoformat() + "Z")
        first = move.payt_sent_at
        self.send(move)
        self.assertEqual(move.payt_sent_at, first)

    def test_what_odoo_could_not_mail_payt_does_not_get(self):
        self.backend.mailing = "odoo"
        self.customer.write({"email": False, "street": "Dorpsstraat 1", "zip": "1234 AB", "city": "Dorp"})
        move = self.make_invoice()
        self.send(move)
        self.assertIsNone(self.prepare(move, "invoice"))
        self.assertEqual(move.payt_state, "error")
        self.assertIn("no e-mail address", move.payt_message)
        self.assertFalse(move.is_move_sent)

    def test_mailed_by_hand_as_well_payt_does_not_mail_again(self):
        move = self.make_invoice()
        self.send(move, sending_methods=["payt", "email"])
        self.assertIn("sent_at", self.prepare(move, "invoice"))

    # === ALERTS

    def test_no_connection_stops_the_wizard(self):
        move = self.make_invoice()
        self.customer.invoice_sending_method = "payt"
        self.backend.unlink()
        wizard = self.open_wizard(move)
        wizard.sending_methods = ["payt"]
        self.assertEqual(wizard.alerts["payt_no_backend"]["level"], "danger")
        with self.assertRaises(UserError):
            wizard.action_send_and_print()

    def test_paused_warns_and_still_waits_in_the_outbox(self):
        self.backend.paused = True
        move = self.make_invoice()
        self.assertEqual(self.open_wizard(move).alerts["payt_paused"]["level"], "warning")
        self.send(move)
        self.assert_put(move, "invoice")

    def test_a_customer_that_can_not_be_reached_stops_one_and_not_a_batch(self):
        lost = self.make_customer("Zwerver")
        move, other = self.make_invoice(partner=lost), self.make_invoice()
        wizard = self.open_wizard(move)
        wizard.sending_methods = ["payt"]
        self.assertEqual(wizard.alerts["payt_missing_address"]["level"], "danger")
        self.assertEqual(self.open_batch(move | other).alerts["payt_missing_address"]["level"], "warning")
        self.send(move | other)
        self.assert_put(other, "invoice")
        self.assertFalse(self.get_rows(move))
        self.assertEqual(move.payt_state, "error")
        self.assertIn("Zwerver", move.payt_message)

    def test_sent_already_is_told(self):
        move = self.make_pushed_invoice()
        move._mark_sent_by_payt("2026-01-05 09:30:00")
        self.assertIn(move.name, self.open_wizard(move).alerts["payt_sent_already"]["message"])

    # === FAILURES

    @mute_logger("odoo.addons.bfocused_billing.models.sending.account_move")
    def test_what_can_not_be_made_needs_attention(self):
        move = self.make_invoice()
        hook = "_hook_invoice_document_before_pdf_report_render"
        sending = self.env.registry["account.move.send"]

        def fail(model, invoice, data):
            data["error"] = {"error_title": "No electronic invoice", "errors": ["The KvK number is missing"]}

        self.patch(sending, hook, fail)
        self.send(move, allow_raising=False)
        self.assertEqual(move.payt_state, "error")
        self.assertIn("The KvK number is missing", move.payt_message)
        self.assertFalse(self.get_rows(move))
        move.action_payt_retry()
        self.assertEqual(move.payt_state, "queued")
        self.assertTrue(self.get_sending_jobs())
