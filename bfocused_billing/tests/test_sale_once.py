from psycopg2.errors import UniqueViolation

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import day
from .sale_common import SaleBillingCase


@tagged("post_install", "-at_install")
class TestSaleOnce(SaleBillingCase):
    """What orders have to invoice is billed once, by whatever way, and again when it was given back."""

    # === ONCE

    def test_a_second_run_bills_nothing(self):
        order = self.make_order((self.hours, 10), self.switch)
        self.log_hours(order, "2026-01-05", 2)
        self.bill("2026-02-01")
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.assertEqual(len(self.get_sale_charges(order)), 2)

    def test_the_ledger_has_a_row_per_line_and_time(self):
        order = self.make_order((self.hours, 10), (self.cable, 5))
        order.order_line[1].qty_delivered = 5
        self.log_hours(order, "2026-01-05", 2)
        self.bill("2026-02-01")
        self.log_hours(order, "2026-02-11", 1)
        self.bill("2026-03-01")
        fields_ = ("kind", "state", "quantity", "amount_untaxed", "billing_round", "period_start", "period_end")
        expected = [
            ("sale", "billed", 2.0, 200.0, 0, day("2026-01-05"), day("2026-01-05")),
            ("sale", "billed", 5.0, 50.0, 0, day("2026-01-01"), day("2026-01-31")),
            ("sale", "billed", 1.0, 100.0, 1, day("2026-02-11"), day("2026-02-11")),
        ]
        charges = self.get_sale_charges(order)
        self.assertEqual([tuple(charge[name] for name in fields_) for charge in charges], expected)
        self.assertEqual(charges.product_id, self.hours | self.cable)
        self.assertIn("Cable", charges[1].display_name)

    def test_the_database_refuses_the_second_of_two_charges_of_one_round(self):
        order = self.make_order(self.switch)
        self.bill("2026-02-01")
        charge = self.get_sale_charges(order)
        with mute_logger("odoo.sql_db"), self.assertRaises(UniqueViolation), self.env.cr.savepoint():
            charge.copy({"move_line_id": charge.move_line_id.id})
            self.env.flush_all()

    def test_what_another_run_billed_in_the_meantime_is_a_quiet_success(self):
        order = self.make_order(self.switch)
        late = self.make_run("2026-02-01")._with_billing_context()
        groups = late._get_groups(self.customer)
        self.assertEqual(len(groups), 1)
        self.bill("2026-02-01")
        with mute_logger("odoo.sql_db"):
            self.assertEqual(late._bill_groups(groups), [])
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertEqual(order.order_line.qty_invoiced, 1)

    def test_what_others_did_not_bill_goes_on(self):
        order = self.make_order(self.switch)
        late = self.make_run("2026-02-01")._with_billing_context()
        second = self.make_order((self.cable, 9))
        second.order_line.qty_delivered = 9
        groups = late._get_groups(self.customer)
        second.date_order = "2026-02-10 12:00:00"
        self.bill("2026-02-01")
        self.assert_billed(200.0)
        with mute_logger("odoo.sql_db"):
            self.assertEqual([row["outcome"] for row in late._bill_groups(groups)], ["invoiced"])
        self.assert_billed(200.0, 90.0)
        self.assertEqual(len(order.invoice_ids), 1)

    def test_a_preview_shows_it_and_leaves_nothing(self):
        order = self.make_order((self.hours, 10))
        times = self.log_hours(order, "2026-01-05", 2)
        run = self.make_run("2026-02-01")
        run.action_preview()
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "amount_untaxed": 200.0}])
        self.assertFalse(order.invoice_ids)
        self.assertFalse(times.timesheet_invoice_id)
        self.assertEqual(order.order_line.qty_to_invoice, 2)
        run.action_run()
        self.assert_billed(200.0)

    def test_a_held_order_still_says_all_it_has_to_invoice(self):
        customer = self.make_customer("Zonder", with_mandate=False)
        customer.customer_payment_mode_id = self.company.billing_payment_mode_id
        order = self.make_order((self.hours, 10), customer=customer)
        self.log_hours(order, "2026-01-05", 2)
        self.log_hours(order, "2026-02-05", 3)
        self.assertEqual(self.bill("2026-02-01").line_ids.outcome, "held")
        self.assertEqual(order.order_line.qty_to_invoice, 5)

    # === BY HAND

    def test_what_was_invoiced_by_hand_is_not_billed_again_and_the_other_way_round(self):
        by_hand, by_run = self.make_order(self.switch), self.make_order(self.switch)
        by_hand._create_invoices().action_post()
        self.bill("2026-02-01")
        self.assert_billed(200.0, 200.0)
        self.assertEqual(len(by_hand.invoice_ids), 1)
        with self.assertRaisesRegex(UserError, "Cannot create an invoice"):
            by_run._create_invoices()

    def test_hours_invoiced_by_hand_in_between_are_left_out(self):
        order = self.make_order((self.hours, 10))
        self.log_hours(order, "2026-01-05", 2)
        order._create_invoices().action_post()
        self.log_hours(order, "2026-01-06", 1)
        self.bill("2026-02-01")
        self.assert_billed(200.0, 100.0)

    def test_a_draft_made_by_hand_counts(self):
        order = self.make_order(self.switch)
        order._create_invoices()
        self.assertFalse(self.bill("2026-02-01").line_ids)

    # === GIVEN BACK

    def test_a_cancelled_invoice_is_billed_again(self):
        order = self.make_order((self.hours, 10), self.switch)
        times = self.log_hours(order, "2026-01-05", 2)
        self.bill("2026-02-01")
        invoice = self.assert_billed(400.0)
        invoice.button_draft()
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["drafted", "drafted"])
        invoice.button_cancel()
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["void", "void"])
        self.bill("2026-02-01")
        again = self.assert_billed(400.0)
        self.assertEqual(times.timesheet_invoice_id, again)
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["void", "void", "billed", "billed"])

    def test_a_deleted_draft_is_billed_again(self):
        order = self.make_order((self.hours, 10))
        times = self.log_hours(order, "2026-01-05", 2)
        self.bill("2026-02-01")
        invoice = self.get_invoices()
        invoice.button_draft()
        invoice.unlink()
        self.assertEqual(self.get_sale_charges(order).state, "void")
        self.assertFalse(times.timesheet_invoice_id)
        self.bill("2026-02-01")
        self.assert_billed(200.0)

    def test_a_round_that_was_freed_in_the_middle_is_billed_again(self):
        order = self.make_order((self.cable, 30))
        for quantity, date in ((10, "2026-02-01"), (20, "2026-03-01")):
            order.order_line.qty_delivered = quantity
            self.bill(date)
        first = self.get_invoices()[0]
        first.button_draft()
        first.button_cancel()
        self.bill("2026-04-01")
        self.assert_billed(100.0, 100.0)
        self.assertEqual(order.invoice_status, "no")
        self.assertEqual(order.order_line.qty_to_invoice, 0)

    def test_hours_of_an_invoice_that_was_cancelled_and_confirmed_after_all_are_not_billed_again(self):
        self.company.billing_min_amount = 0
        order = self.make_order(self.hours)
        self.log_hours(order, "2026-01-12", 5)
        self.bill("2026-02-01")
        first = order.invoice_ids
        first.button_draft()
        first.button_cancel()
        self.bill("2026-02-01")
        second = order.invoice_ids - first
        second.button_draft()
        second.button_cancel()
        first.button_draft()
        first.action_post()
        self.log_hours(order, "2026-02-05", 3)
        self.bill("2026-03-01")
        posted = order.invoice_ids.filtered(lambda move: move.state == "posted")
        self.assertEqual(sorted(posted.invoice_line_ids.mapped("quantity")), [3.0, 5.0])

    def test_merged_drafts_take_orders_and_timesheets_along(self):
        order = self.make_order((self.hours, 10), (self.cable, 1))
        order.order_line[1].qty_delivered = 1
        times = self.log_hours(order, "2026-01-05", 0.1)
        self.company.billing_deferral_release = "quarter"
        self.bill("2026-02-01")
        waiting = self.get_invoices()
        other = waiting.copy()
        other.invoice_line_ids.unlink()
        other.write(
            {
                "deferral_state": "deferred",
                "deferred_until": waiting.deferred_until,
                "mandate_id": waiting.mandate_id.id,
                "invoice_line_ids": [Command.create({"product_id": self.cable.id, "price_unit": 1.0})],
            }
        )
        [merged] = self.env["account.move"].browse((waiting | other).do_merge())
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["drafted", "drafted"])
        self.assertEqual(self.get_sale_charges(order).mapped("amount_untaxed"), [10.0, 10.0])
        self.assertEqual(times.timesheet_invoice_id, merged)
        self.bill("2026-04-01")
        self.assert_billed(21.0)

    # === ACCESS

    def test_orders_of_all_salespeople_are_billed_whoever_makes_the_run(self):
        order = self.make_order(self.switch, user_id=False)
        user = self.env["res.users"].create(
            {
                "name": "Biller",
                "login": "biller",
                "company_id": self.company.id,
                "company_ids": [Command.set(self.company.ids)],
                "group_ids": [Command.set(self.env.ref("bfocused_billing.group_billing_user").ids)],
            }
        )
        run = self.env["bfocused.billing.run"].with_user(user).create({"date": "2026-02-01"})
        run.action_run()
        self.assertEqual(order.invoice_status, "invoiced")
        charge = self.get_sale_charges(order).with_user(user).sudo(False)
        self.assertEqual(charge.read(["sale_line_id", "amount_untaxed"])[0]["amount_untaxed"], 200.0)
