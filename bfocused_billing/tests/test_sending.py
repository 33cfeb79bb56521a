from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from odoo.addons.queue_job.job import Job

from .common import BillingCase

PDF = "odoo.addons.base.models.ir_actions_report.IrActionsReport._run_wkhtmltopdf"


class TestSending(BillingCase):
    """Posted invoices are handed to sending; an invoice is sent only when there is somebody it goes to."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.billing_auto_send = True
        cls.customer.email = "boekhouding@jansen.example"
        cls.other = cls.make_customer("Slagerij De Boer", email="info@deboer.example")
        for customer in (cls.customer, cls.other):
            cls.make_subscription(cls.quarter, cls.internet, customer=customer)

    def get_jobs(self):
        return self.env["queue.job"].sudo().search([("method_name", "=", "_job_send"), ("state", "=", "pending")])

    def perform(self, records):
        with patch(PDF, lambda *args, **kwargs: b"%PDF-1.4"):
            for record in records:
                Job.load(self.env, record.uuid).perform()

    def get_mails(self):
        return self.env["mail.message"].search(
            [("model", "=", "account.move"), ("message_type", "!=", "notification"), ("attachment_ids", "!=", False)]
        )

    def test_a_run_hands_its_invoices_to_sending(self):
        run = self.bill("2026-01-01")
        jobs = self.get_jobs()
        self.assertEqual(len(jobs), 1)
        self.assertFalse(any(run.invoice_ids.mapped("is_move_sent")))
        self.perform(jobs)
        self.assertEqual(run.invoice_ids.mapped("is_move_sent"), [True, True])
        self.assertEqual(self.get_mails().mapped("res_id"), run.invoice_ids.ids[::-1])

    def test_a_job_that_is_done_twice_sends_once(self):
        self.bill("2026-01-01")
        self.perform(self.get_jobs())
        sent = self.get_mails()
        self.perform(self.get_jobs())
        self.assertEqual(self.get_mails(), sent)

    def test_without_the_setting_nothing_is_sent(self):
        self.company.billing_auto_send = False
        self.bill("2026-01-01")
        self.assertFalse(self.get_jobs())

    def test_a_preview_sends_nothing(self):
        self.make_run("2026-01-01").action_preview()
        self.assertFalse(self.get_jobs())

    def test_what_waits_is_not_sent(self):
        self.bill("2026-01-01")
        before = self.get_jobs()
        self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Klein"), start="2026-02-01")
        run = self.bill("2026-02-01")
        self.assertEqual(run.deferred_count, 1)
        self.assertEqual(self.get_jobs(), before)

    def test_an_invoice_without_address_is_not_marked_sent(self):
        # T16: Odoo marks it sent as soon as its PDF is made
        self.customer.email = False
        run = self.bill("2026-01-01")
        self.perform(self.get_jobs())
        sent = {move.partner_id: move.is_move_sent for move in run.invoice_ids}
        self.assertEqual(sent, {self.customer: False, self.other: True})
        unsent = run.invoice_ids.filtered(lambda move: not move.is_move_sent)
        self.assertIn("has no e-mail address", unsent.message_ids[0].body)
        self.customer.email = "boekhouding@jansen.example"
        self.perform(self.get_jobs())
        self.assertEqual(run.invoice_ids.mapped("is_move_sent"), [True, True])

    def test_an_invoice_that_was_sent_stays_sent(self):
        invoice = self.bill("2026-01-01").invoice_ids[:1]
        self.perform(self.get_jobs())
        invoice.partner_id.email = False
        self.env["account.move.send"]._hook_if_success(
            {invoice: {"sending_methods": {"email"}, "mail_partner_ids": []}}
        )
        self.assertTrue(invoice.is_move_sent)

    def test_one_that_can_not_be_sent_does_not_stop_the_others(self):
        run = self.bill("2026-01-01")
        bad = run.invoice_ids[0]
        send = type(self.env["account.move.send"])
        generate = send._generate_and_send_invoices

        reason = "No report for this one"

        def fail(model, moves, **kwargs):
            if bad in moves:
                raise UserError(reason)
            return generate(model, moves, **kwargs)

        with patch.object(send, "_generate_and_send_invoices", fail):
            self.perform(self.get_jobs())
        self.assertFalse(bad.is_move_sent)
        self.assertTrue((run.invoice_ids - bad).is_move_sent)
        self.assertIn(reason, bad.message_ids[0].body)

    @mute_logger("odoo.addons.bfocused_billing.models.sending.account_move")
    def test_an_unexpected_error_is_told_on_the_invoice(self):
        run = self.bill("2026-01-01")
        with patch.object(
            type(self.env["account.move.send"]), "_generate_and_send_invoices", side_effect=ValueError("broken font")
        ):
            self.perform(self.get_jobs())
        self.assertIn("broken font", run.invoice_ids[0].message_ids[0].body)

    def test_companies_without_billing_send_as_odoo_does(self):
        self.company.use_billing = False
        self.customer.email = False
        move = self.init_invoice("out_invoice", partner=self.customer, products=self.router, post=True)
        with patch(PDF, lambda *args, **kwargs: b"%PDF-1.4"):
            self.env["account.move.send"]._generate_and_send_invoices(move, sending_methods=["email"])
        self.assertTrue(move.is_move_sent)
