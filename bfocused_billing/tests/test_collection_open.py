from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError

from .collection_common import CollectionCase
from .common import day


@freeze_time("2026-03-02 10:00:00")
class TestCollectionOpen(CollectionCase):
    """What became of an invoice after it was put on a payment order decides whether and how much is debited."""

    def setUp(self):
        super().setUp()
        self.mandate = self.make_sample_customer("K1001")
        self.mode.pre_notification_days = 5
        self.move = self.make_invoice(self.mandate, 121.0)

    def collect(self, today="2026-03-02"):
        return self.mode._collect(day(today))

    def pay(self, move, amount=None):
        values = {"journal_id": self.journal.id, "payment_date": "2026-03-02"}
        if amount:
            values["amount"] = amount
        wizards = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
        wizards.create(values)._create_payments()

    def get_messages(self, order):
        return " ".join(order.message_ids.mapped("body"))

    # === paid or credited since it was put on the order

    def test_an_invoice_that_was_paid_by_transfer_is_taken_off_the_order(self):
        other = self.make_invoice(self.make_sample_customer("K1002"), 50.0)
        order = self.collect()
        self.pay(self.move)
        order.draft2open()
        self.assertEqual(order.payment_line_ids.move_line_id.move_id, other)
        self.assertEqual(order.payment_ids.mapped("amount"), [50.0])
        self.assertIn(f"{self.move.name}", self.get_messages(order))

    def test_an_order_of_which_all_was_paid_is_refused_with_the_reason(self):
        order = self.collect()
        self.pay(self.move)
        with self.assertRaisesRegex(UserError, "was paid or credited"):
            order.draft2open()
        with self.assertRaisesRegex(UserError, "was paid or credited"):
            order.payment_line_ids.draft2open_payment_line_check()

    def test_an_invoice_that_was_paid_or_credited_in_part_is_debited_for_the_rest(self):
        order = self.collect()
        note = self.make_invoice(self.mandate, 50.0, move_type="out_refund", payment_mode_id=False, mandate_id=False)
        note._set_off_against(self.move)
        self.pay(self.move, 21.0)
        self.upload(order)
        self.assertEqual(order.payment_ids.mapped("amount"), [50.0])
        self.assertEqual(self.move.amount_residual, 0.0)
        self.assertIn("still open", self.get_messages(order))

    def test_a_smaller_amount_that_a_person_chose_stays(self):
        order = self.collect()
        order.payment_line_ids.amount_currency = 100.0
        order.draft2open()
        self.assertEqual(order.payment_ids.mapped("amount"), [100.0])

    def test_what_was_paid_after_the_order_was_confirmed_makes_no_file(self):
        order = self.collect()
        order.draft2open()
        self.pay(self.move, 21.0)
        with self.assertRaisesRegex(UserError, "Cancel the payment order"):
            order.open2generated()
        self.assertEqual(order.state, "open")
        order.action_cancel()
        order.cancel2draft()
        self.upload(order)
        self.assertEqual(order.payment_ids.mapped("amount"), [100.0])

    def test_without_billing_the_order_is_as_in_the_oca_add_on(self):
        order = self.collect()
        self.company.use_billing = False
        self.pay(self.move)
        order.draft2open()
        self.assertEqual(order.payment_ids.mapped("amount"), [121.0])

    def test_two_mandates_of_one_account_are_two_debits_where_billing_is_used(self):
        self.mode.group_lines = True
        other = self.make_mandate(self.mandate.partner_id, partner_bank_id=self.mandate.partner_bank_id.id)
        order = self.make_order(self.move, self.make_invoice(other))
        order.draft2open()
        self.assertEqual(len(order.payment_ids), 2)
        order.action_cancel()
        order.cancel2draft()
        self.company.use_billing = False
        order.draft2open()
        self.assertEqual(len(order.payment_ids), 1)

    def test_the_problem_of_a_first_instalment_stays_when_the_second_is_not_due(self):
        instalments = [
            Command.create({"value": "percent", "value_amount": 50, "nb_days": 0}),
            Command.create({"value": "percent", "value_amount": 50, "nb_days": 90}),
        ]
        term = self.env["account.payment.term"].create({"name": "In two", "line_ids": instalments})
        move = self.make_invoice(self.mandate, due=False, invoice_payment_term_id=term.id)
        self.mandate.scheme = "B2B"
        self.collect()
        self.assertIn("isn't registered", move.collection_problem)

    # === mandate

    def test_one_mandate_that_is_no_sepa_mandate_does_not_keep_others_from_being_collected(self):
        other = self.make_invoice(self.make_sample_customer("K1002"))
        self.mandate.type = "generic"
        order = self.collect()
        self.assertEqual(order.payment_line_ids.move_line_id.move_id, other)
        self.assertIn("is no SEPA mandate", self.move.collection_problem)
        self.upload(order)

    def test_an_invoice_without_mandate_is_collected_as_soon_as_there_is_one(self):
        self.move.mandate_id = False
        self.mandate.state = "draft"
        self.assertFalse(self.collect())
        self.assertIn("No direct-debit mandate", self.move.collection_problem)
        self.mandate.state = "valid"
        self.assertEqual(self.collect().payment_line_ids.move_line_id.move_id, self.move)
        self.assertRecordValues(self.move, [{"mandate_id": self.mandate.id, "collection_problem": False}])

    def test_an_invoice_whose_customer_has_mandates_of_another_company_only_says_so(self):
        self.move.mandate_id = False
        self.mandate.write({"state": "cancel"})
        self.mandate.company_id = self.env["res.company"].create({"name": "Other"})
        self.collect()
        self.assertIn("are for another company than", self.move.collection_problem)

    def make_contact_mandate(self, customer, iban="NL38INGB0003708810"):
        contact = self.env["res.partner"].create({"name": "Accounts", "parent_id": customer.id, "type": "contact"})
        below = self.env["res.partner"].create({"name": "Ann", "parent_id": contact.id})
        return self.make_mandate(below, partner_bank_id=self.make_account(below, iban).id)

    def test_the_mandate_of_a_contact_s_account_is_the_customer_s(self):
        customer = self.mandate.partner_id
        self.mandate.cancel()
        self.assertIn("cancelled", customer._get_mandate_problem(self.company, self.mandate))
        mandate = self.make_contact_mandate(customer)
        self.assertEqual(customer._get_billing_mandate(self.company), mandate)
        self.assertEqual(customer.child_ids._get_billing_mandate(self.company), mandate)
        self.assertFalse(customer._get_mandate_problem(self.company, mandate))
        self.assertEqual(customer.with_company(self.company).mandate_status, "valid")
        order = self.upload(self.collect())
        self.assertEqual(order.payment_line_ids.mandate_id, mandate)
        mandate.cancel()
        mandate.back2draft()
        self.assertEqual(customer._get_billing_mandate(self.company).state, "draft")
        # the account goes to somebody else, and with it the mandate
        stranger = self.make_customer("Stranger", with_mandate=False)
        mandate.partner_bank_id.partner_id = stranger
        self.env.flush_all()
        self.assertEqual(stranger._get_billing_mandate(self.company), mandate)
        self.assertEqual(customer._get_billing_mandate(self.company), self.mandate)

    def test_the_mandates_of_many_customers_are_read_together(self):
        numbers = ("K1002", "K1004", "K1005", "K1006", "K1007", "K1008")
        customers = self.env["res.partner"].union(*(self.make_sample_customer(number).partner_id for number in numbers))
        counts = []
        for some in (customers[:1], customers):
            self.env.invalidate_all()
            start = self.cr.sql_log_count
            for customer in self.env["res.partner"].browse(some.ids):
                self.assertTrue(customer._get_billing_mandate(self.company))
            counts.append(self.cr.sql_log_count - start)
        self.assertGreaterEqual(*counts)
