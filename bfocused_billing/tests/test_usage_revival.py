from odoo import Command
from odoo.exceptions import UserError

from .common import day
from .usage_common import HEADER, UsageCase


class TestUsageRevival(UsageCase):
    """Calls are billed once, also where what was cancelled or credited comes back to life."""

    def bill_calls(self, count=3, date="2026-02-01"):
        self.load(HEADER + self.get_rows(count))
        return self.bill_new(date)

    def get_rows(self, count, number="0201234567"):
        return "".join(
            f"{number},06,2026-01-{index + 5:02} 10:00:00,60,50.00,mobile,{number}-{index}\n" for index in range(count)
        )

    def bill_new(self, date="2026-02-01", customer=None):
        before = self.get_invoices(customer)
        self.bill(date)
        return self.get_invoices(customer) - before

    def cancel(self, move):
        move.button_draft()
        move.button_cancel()

    def credit(self, move):
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=move.ids)
        wizard = wizard.create({"journal_id": move.journal_id.id, "bill_again": True})
        credit = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        credit.action_post()
        return credit

    def assert_asked(self, amount, customer=None):
        """What the customer is asked for in the end, and the calls behind it."""
        partner = customer or self.customer
        moves = self.env["account.move"].search([("commercial_partner_id", "=", partner.id), ("state", "=", "posted")])
        self.assertEqual(-sum(moves.line_ids.filtered("product_id").mapped("balance")), amount)
        charges = self.get_charges().filtered(lambda charge: charge.partner_id == partner and charge.state != "void")
        for charge in charges:
            self.assertEqual(charge.usage_calls, len(charge.usage_record_ids))
            self.assertEqual(charge.usage_amount, sum(charge.usage_record_ids.mapped("amount")))

    def test_calls_come_back_to_a_cancelled_invoice_that_is_posted_after_all(self):
        first = self.bill_calls()
        self.cancel(first)
        second = self.bill_new()
        self.cancel(second)
        first.button_draft()
        first.action_post()
        self.assertFalse(self.bill_new("2026-03-01"))
        self.assertFalse(self.bill_new("2026-04-01"))
        self.assert_asked(150)

    def test_a_cancelled_invoice_whose_calls_are_on_another_one_stays_cancelled(self):
        first = self.bill_calls()
        self.cancel(first)
        second = self.bill_new()
        with self.assertRaisesRegex(UserError, f"billed again on .*{second.name}"):
            first.button_draft()
        self.cancel(second)
        first.button_draft()
        with self.assertRaisesRegex(UserError, "billed again"):
            second.button_draft()
        self.cancel_draft(first)
        second.button_draft()
        second.action_post()
        self.assertFalse(self.bill_new("2026-03-01"))
        self.assert_asked(150)

    def cancel_draft(self, move):
        move.button_cancel()

    def test_two_invoices_of_the_same_calls_cannot_come_back_together(self):
        first = self.bill_calls()
        self.cancel(first)
        second = self.bill_new()
        self.cancel(second)
        with self.assertRaisesRegex(UserError, "billed again"):
            (first + second).button_draft()

    def test_an_invoice_whose_calls_went_on_before_that_was_remembered_stays_cancelled(self):
        first = self.bill_calls()
        self.cancel(first)
        self.bill_new()
        self.env["bfocused.usage.former"].sudo().search([]).unlink()
        self.cancel(self.get_invoices() - first)
        with self.assertRaisesRegex(UserError, "it isn't known which"):
            first.button_draft()

    def test_a_credit_note_that_is_undone_after_its_calls_were_billed_again_and_cancelled(self):
        first = self.bill_calls()
        credit = self.credit(first)
        second = self.bill_new()
        with self.assertRaisesRegex(UserError, "billed again"):
            credit.button_draft()
        self.cancel(second)
        self.cancel(credit)
        self.assertFalse(self.bill_new("2026-03-01"))
        self.assert_asked(150)

    def test_calls_that_came_in_while_the_invoice_was_cancelled_go_to_the_next_month(self):
        first = self.bill_calls(2)
        self.cancel(first)
        self.load(HEADER + self.get_rows(3))
        first.button_draft()
        first.action_post()
        self.assertEqual(first.amount_untaxed, 100)
        self.assertEqual(
            self.get_charges().filtered(lambda charge: charge.state == "open").mapped("period_start"),
            [day("2026-02-01")],
        )
        self.bill("2026-03-01")
        self.bill("2026-04-01")
        self.assert_asked(150)

    def test_calls_booked_anew_and_not_yet_billed_come_back(self):
        first = self.bill_calls()
        self.cancel(first)
        self.env["bfocused.billing.charge"]._rebook_void_usage(self.company)
        self.load(HEADER + self.get_rows(4))
        first.button_draft()
        first.action_post()
        self.bill("2026-03-01")
        self.bill("2026-04-01")
        self.assert_asked(200)

    def test_a_cancelled_invoice_that_is_deleted_frees_its_calls_once(self):
        self.load(self.calls(3))
        draft = self.bill_new()
        draft.button_cancel()
        again = self.bill_new()
        draft.unlink()
        self.assertFalse(self.bill_new("2026-02-01"))
        again.button_cancel()
        again.unlink()
        third = self.bill_new("2026-02-01")
        self.assertRecordValues(third, [{"amount_untaxed": 0.36, "state": "draft"}])
        self.assertRecordValues(
            self.get_charges().filtered("usage_record_ids"), [{"usage_calls": 3, "state": "drafted"}]
        )

    def test_calls_of_a_cancelled_invoice_go_to_who_had_the_number_on_their_day(self):
        first = self.bill_calls(4)
        other = self.make_customer("Second")
        self.number.date_end = day("2026-01-07")
        self.make_number("0201234567", other, date_start="2026-01-08")
        self.cancel(first)
        self.bill("2026-02-01")
        self.assert_asked(100)
        self.assert_asked(50, other)
        waiting = self.env["bfocused.usage.unknown"].search([("company_id", "=", self.company.id)])
        self.assertRecordValues(waiting, [{"number": "+31201234567", "calls": 1}])

    def test_a_part_of_a_preview_books_only_its_own_customers_calls_anew(self):
        other = self.make_customer("Second")
        self.make_number("0209999999", other)
        self.load(HEADER + self.get_rows(3) + self.get_rows(2, "0209999999"))
        self.bill("2026-02-01")
        own, others = self.get_invoices(), self.get_invoices(other)
        self.cancel(own + others)
        run = self.make_run("2026-02-01")
        run._settle_before_collecting(self.customer)
        self.assertFalse(own.line_ids.charge_ids.usage_record_ids)
        self.assertEqual(len(others.line_ids.charge_ids.usage_record_ids), 2)

    def test_a_preview_tells_that_calls_go_to_another_customer(self):
        first = self.bill_calls(2)
        other = self.make_customer("Second")
        self.number.date_end = day("2026-01-06")
        self.make_number("0201234567", other, date_start="2026-01-06")
        self.cancel(first)
        run = self.make_run("2026-02-01")
        run.action_preview()
        amounts = {line.partner_id: line.amount_untaxed for line in run.line_ids}
        self.assertEqual(amounts, {self.customer: 50, other: 50})
        self.assertEqual(len(first.line_ids.charge_ids.usage_record_ids), 2)


class TestUsagePrices(UsageCase):
    """Calls cost what their charge says, without VAT, whatever the product's prices include."""

    def test_where_prices_include_vat_the_amount_is_still_without(self):
        tax = self.company_data["default_tax_sale"]
        tax.price_include_override = "tax_included"
        fixed = tax.copy({"name": "Levy", "amount_type": "fixed", "amount": 1.0, "include_base_amount": True})
        for taxes, rounding in ((tax, "round_per_line"), (tax, "round_globally"), (fixed + tax, "round_per_line")):
            self.company.tax_calculation_rounding_method = rounding
            self.calls_product.taxes_id = [Command.set(taxes.ids)]
            number = self.make_number(f"02077777{len(self.get_charges()):02}", self.make_customer("Of a levy"))
            for index, amount in enumerate(("121.00", "0.24", "59.99", "77.77", "1234.56")):
                self.load(
                    f"{HEADER}{number.name},06,2026-01-05 10:00:00,60,{amount},class {index},{number.name}{index}\n"
                )
            self.bill("2026-02-01")
            lines = self.get_invoices(number.partner_id).invoice_line_ids
            with self.subTest(taxes=taxes.mapped("name"), rounding=rounding):
                self.assertEqual(lines.mapped("price_subtotal"), [121.0, 0.24, 59.99, 77.77, 1234.56])
                self.assertEqual(lines.charge_ids.mapped("amount_untaxed"), [121.0, 0.24, 59.99, 77.77, 1234.56])
                if len(taxes) == 1:
                    self.assertEqual(lines[0].price_total, 146.41)
                explained = [part for part in lines[1]._explain_billing() if part.amount]
                self.assertEqual([float(part.amount) for part in explained], [0.24])
