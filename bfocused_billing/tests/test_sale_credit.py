from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .sale_common import SaleBillingCase


@tagged("post_install", "-at_install")
class TestSaleCredit(SaleBillingCase):
    """A credit note is final unless *Bill again* was ticked, although Odoo counts it as still to be invoiced."""

    # === FINAL

    def test_a_credit_note_is_final(self):
        order = self.make_order(self.switch, (self.cable, 30))
        order.order_line[1].qty_delivered = 10
        self.bill("2026-02-01")
        self.credit(self.get_invoices())
        self.assertEqual(order.invoice_status, "to invoice")
        self.assertFalse(self.bill("2026-03-01").line_ids)
        order.order_line[1].qty_delivered = 16
        self.bill("2026-04-01")
        self.assert_billed(300.0, 60.0)

    def test_hours_that_were_credited_are_not_billed_again_and_later_ones_are(self):
        order = self.make_order((self.hours, 20))
        self.log_hours(order, "2026-01-05", 10)
        self.bill("2026-02-01")
        self.credit(self.get_invoices())
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.log_hours(order, "2026-02-05", 5)
        self.log_hours(order, "2026-03-01", 4)
        self.bill("2026-03-01")
        self.assert_billed(1000.0, 500.0)
        self.bill("2026-04-01")
        self.assert_billed(1000.0, 500.0, 400.0)

    def test_a_part_that_was_credited_is_not_billed_again(self):
        order = self.make_order((self.hours, 20))
        self.log_hours(order, "2026-01-05", 10)
        self.bill("2026-02-01")
        self.credit(self.get_invoices(), quantity=2)
        self.assertFalse(self.bill("2026-02-01").line_ids)
        self.log_hours(order, "2026-02-05", 5)
        self.log_hours(order, "2026-03-01", 4)
        self.bill("2026-03-01")
        self.assert_billed(1000.0, 500.0)
        self.assertFalse(self.bill("2026-03-01").line_ids)
        self.bill("2026-04-01")
        self.assert_billed(1000.0, 500.0, 400.0)

    def test_a_credit_note_that_is_not_posted_bills_nothing_either(self):
        self.make_order(self.switch)
        self.bill("2026-02-01")
        self.get_invoices()._reverse_moves()
        self.assertFalse(self.bill("2026-02-01").line_ids)

    def test_a_cancelled_credit_note_changes_nothing(self):
        order = self.make_order((self.cable, 30))
        order.order_line.qty_delivered = 10
        self.bill("2026-02-01")
        credit = self.credit(self.get_invoices())
        credit.button_draft()
        credit.button_cancel()
        order.order_line.qty_delivered = 16
        self.bill("2026-03-01")
        self.bill("2026-04-01")
        self.assert_billed(100.0, 60.0)

    def test_what_was_credited_and_invoiced_anew_by_hand_leaves_the_next_delivery_whole(self):
        order = self.make_order((self.cable, 30))
        order.order_line.qty_delivered = 10
        self.bill("2026-02-01")
        self.credit(self.get_invoices())
        order._create_invoices().action_post()
        order.order_line.qty_delivered = 16
        self.bill("2026-03-01")
        self.assert_billed(100.0, 100.0, 60.0)

    def test_what_was_credited_and_invoiced_anew_by_the_wizard_leaves_the_next_hours_whole(self):
        order = self.make_order((self.hours, 20))
        self.log_hours(order, "2026-01-05", 10)
        self.bill("2026-02-01")
        invoice = self.get_invoices()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id})
        )
        self.env["account.move"].browse(wizard.modify_moves()["res_id"]).action_post()
        self.log_hours(order, "2026-02-05", 5)
        self.bill("2026-03-01")
        self.assert_billed(1000.0, 1000.0, 500.0)

    def test_what_was_given_back_by_less_delivery_is_no_credit_for_good(self):
        order = self.make_order((self.cable, 30))
        for quantity, date in ((10, "2026-02-01"), (4, "2026-03-01"), (12, "2026-04-01")):
            order.order_line.qty_delivered = quantity
            self.bill(date)
        self.assertEqual(order.order_line.qty_invoiced, 12)
        self.assertEqual(self.get_sale_charges(order).mapped("amount_untaxed"), [100.0, -60.0, 80.0])

    # === BILL AGAIN

    def test_bill_again_bills_again_once_the_credit_note_is_posted(self):
        order = self.make_order((self.hours, 20), self.switch)
        times = self.log_hours(order, "2026-01-05", 10)
        self.bill("2026-02-01")
        self.credit(self.get_invoices(), bill_again=True)
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["void", "void"])
        self.bill("2026-03-01")
        invoices = self.assert_billed(1200.0, 1200.0)
        self.assertEqual(times.timesheet_invoice_id, invoices[1])
        self.assertFalse(self.bill("2026-03-01").line_ids)

    def test_bill_again_waits_for_the_posting(self):
        self.make_order(self.switch)
        self.bill("2026-02-01")
        invoice = self.get_invoices()
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=invoice.ids)
            .create({"journal_id": invoice.journal_id.id, "bill_again": True})
        )
        self.assertTrue(wizard.has_charges)
        credit = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        self.assertFalse(self.bill("2026-02-01").line_ids)
        credit.action_post()
        self.bill("2026-02-01")
        self.assert_billed(200.0, 200.0)

    def test_a_part_can_not_be_billed_again(self):
        order = self.make_order((self.cable, 30))
        order.order_line.qty_delivered = 10
        self.bill("2026-02-01")
        with self.assertRaisesRegex(UserError, "whole"):
            self.credit(self.get_invoices(), quantity=2, bill_again=True)

    def test_the_credit_note_of_what_was_billed_again_stays(self):
        order = self.make_order(self.switch)
        self.bill("2026-02-01")
        credit = self.credit(self.get_invoices(), bill_again=True)
        self.bill("2026-02-01")
        with self.assertRaisesRegex(UserError, "was billed again"):
            credit.button_draft()
        again = self.get_sale_charges(order)[-1].move_id
        again.button_draft()
        again.button_cancel()
        credit.button_draft()
        self.assertEqual(self.get_sale_charges(order).mapped("state"), ["billed", "void"])

    # === DOWN PAYMENTS

    def pay_down(self, order, amount):
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_model="sale.order", active_ids=order.ids)
            .create({"advance_payment_method": "fixed", "fixed_amount": amount})
        )
        wizard.create_invoices()
        invoice = order.invoice_ids.filtered(lambda move: move.state == "draft")
        invoice.action_post()
        return invoice

    def test_a_down_payment_is_deducted(self):
        order = self.make_order(self.switch)
        self.pay_down(order, 121.0)
        self.bill("2026-02-01")
        _paid, final = self.assert_billed(100.0, 100.0)
        self.assertEqual(final.amount_total, order.amount_total - 121.0)
        self.assertEqual(final.amount_residual, order.amount_total - 121.0)
        self.assertEqual(order.invoice_status, "invoiced")
        self.assertFalse(self.bill("2026-03-01").line_ids)
        self.assertEqual(sorted(self.get_sale_charges(order).mapped("amount_untaxed")), [-100.0, 200.0])

    def test_a_down_payment_is_kept_until_what_is_billed_covers_it(self):
        order = self.make_order((self.cable, 30))
        self.pay_down(order, 121.0)
        self.assertFalse(self.bill("2026-02-01").line_ids)
        order.order_line[0].qty_delivered = 6
        self.bill("2026-02-01")
        self.assert_billed(100.0, 60.0)
        order.order_line[0].qty_delivered = 22
        self.bill("2026-03-01")
        self.assert_billed(100.0, 60.0, 60.0)
        order.order_line[0].qty_delivered = 30
        self.bill("2026-04-01")
        self.assert_billed(100.0, 60.0, 60.0, 80.0)

    def test_what_the_last_delivery_does_not_cover_is_paid_back(self):
        order = self.make_order((self.cable, 30))
        self.pay_down(order, 121.0)
        order.order_line[0].write({"product_uom_qty": 4, "qty_delivered": 4})
        self.bill("2026-02-01")
        credit = order.invoice_ids.filtered(lambda move: move.move_type == "out_refund")
        self.assertEqual((credit.state, credit.amount_untaxed), ("posted", 60.0))

    def test_a_part_of_an_order_paid_down_goes_with_the_subscription(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        order = self.make_order(self.switch)
        self.pay_down(order, 121.0)
        self.bill("2026-02-01")
        self.assert_billed(100.0, 130.0)
        final = self.get_invoices()[1]
        self.assertEqual(len(final.invoice_line_ids), 3)
        self.assertEqual(final.amount_tax, 27.3)

    def test_a_discount_that_was_credited_is_not_given_again(self):
        order = self.make_order(
            order_line=[
                Command.create({"product_id": self.switch.id}),
                Command.create({"product_id": self.cable.id, "product_uom_qty": -1, "qty_delivered": -1}),
            ]
        )
        self.bill("2026-02-01")
        self.assert_billed(190.0)
        self.credit(self.get_invoices())
        self.assertFalse(self.bill("2026-03-01").line_ids)
        self.assertEqual(order.order_line.mapped("qty_invoiced"), [0.0, 0.0])

    # === CORRECTED

    def test_a_corrected_invoice_bills_the_order_in_the_place_of_the_reversed_one(self):
        order = self.make_order((self.hours, 20), (self.switch, 2))
        self.log_hours(order, "2026-01-05", 10)
        self.bill("2026-02-01")
        invoice = self.get_invoices()
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        wizard = wizard.create({"journal_id": invoice.journal_id.id})
        wizard.modify_moves()
        corrected = wizard.new_move_ids
        self.assertEqual(self.get_sale_charges(order).move_id, corrected)
        self.assertEqual(sum(corrected.timesheet_ids.mapped("unit_amount")), 10)
        self.assertFalse(self.bill("2026-02-01").line_ids)
        corrected.action_post()
        self.log_hours(order, "2026-02-05", 5)
        self.bill("2026-03-01")
        self.assert_billed(1400.0, 1400.0, 500.0)
        self.assertEqual(order.order_line.mapped("qty_invoiced"), [15, 2])
