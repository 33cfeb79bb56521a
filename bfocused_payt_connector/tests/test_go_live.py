from odoo.tests import tagged

from odoo.addons.queue_job.job import Job

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestGoLive(PaytDataCase):
    """Customers and open invoices from before PAYT are handed over, and not sent again."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lost = cls.make_customer("Zwerver", with_mandate=False)
        cls.company.payt_on_posting = False
        cls.sent, cls.unsent, cls.paid, cls.stray = (
            cls.make_invoice(price, partner=partner)
            for price, partner in ((10.0, None), (20.0, None), (30.0, None), (40.0, cls.lost))
        )
        cls.sent.is_move_sent = True
        cls.pay(cls.paid)
        cls.clear_outbox()

    def preview(self, **values):
        wizard = self.env["payt.go.live"].create(values)
        wizard.action_preview()
        return wizard

    def hand_over(self, wizard):
        wizard.action_hand_over()
        for job in self.env["queue.job"].sudo().search([("method_name", "=", "_job_hand_to_payt")]):
            Job.load(self.env, job.uuid).perform()

    def test_the_preview_counts_and_names_problems_and_does_nothing(self):
        wizard = self.preview()
        moves = wizard.line_ids.move_id
        self.assertLessEqual(self.sent | self.unsent | self.stray, moves)
        self.assertNotIn(self.paid, moves)
        problems = wizard.line_ids.filtered("problem")
        self.assertEqual(problems.filtered(lambda line: line.kind == "customer").partner_id, self.lost)
        self.assertEqual(wizard.problem_count, len(problems))
        self.assertEqual(wizard.invoice_count, len(moves))
        self.assertFalse(self.get_rows())
        self.assertFalse(self.customer.payt_debtor_number)

    def test_what_was_sent_before_payt_does_not_send_again(self):
        self.hand_over(self.preview())
        self.assert_put(self.sent | self.unsent, "invoice")
        self.assert_put(self.customer, "contact", "debtor")
        payload = self.prepare(self.sent, "invoice")
        self.assertEqual(payload["sent_at"], "2026-01-05T12:00:00Z")
        self.assertNotIn("document", payload)
        self.assertIn("sent_at", self.prepare(self.unsent, "invoice"))

    def test_what_was_never_sent_payt_can_send(self):
        self.hand_over(self.preview(send_unsent=True))
        self.assert_put(self.sent, "invoice")
        self.assertFalse(self.get_rows(self.unsent))
        self.perform(self.get_sending_jobs())
        self.assert_put(self.unsent, "invoice")
        self.assertNotIn("sent_at", self.prepare(self.unsent, "invoice"))

    def test_records_with_a_problem_stay_behind(self):
        self.hand_over(self.preview())
        self.assertFalse(self.get_rows(self.lost))
        self.assertFalse(self.get_rows(self.stray))

    def test_twice_hands_over_nothing_twice(self):
        wizard = self.preview()
        self.hand_over(wizard)
        self.hand_over(wizard)
        self.assert_put(self.sent | self.unsent, "invoice")

    def test_mandates_go_along(self):
        self.hand_over(self.preview())
        mandate = self.customer._get_billing_mandate(self.company)
        self.assert_put(mandate, "psp_mandate")

    def test_another_administration_has_nothing_and_gets_all_of_it_again(self):
        move = self.make_pushed_invoice()
        self.take(self.customer, "debtor")
        self.take(self.tax, "vat_rate")
        self.env["payt.outbox"]._put(move, "invoice")
        self.get_rows(move).state = "sent"
        number = self.customer.payt_debtor_number
        self.backend.mailing = "payt"
        self.assertEqual(move.payt_state, "pushed", "the same administration has it")
        self.backend.administration_id = "99"
        self.assertEqual((move.payt_state, move.payt_pushed_at, self.tax.payt_state), ("none", False, "none"))
        self.assertEqual((self.customer.payt_debtor_state, self.customer.payt_debtor_number), ("none", number))
        wizard = self.env["payt.go.live"].create({})
        self.assertIn(move, wizard._get_moves())
        move._job_hand_to_payt(False)
        self.assert_put(move, "invoice")
        self.assert_put(self.customer, "contact", "debtor")
        self.assert_put(self.tax, "vat_rate")
