from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.tests import tagged

from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestPayments(PaytDataCase):
    """What is booked in Odoo reaches PAYT as one ordered list; what PAYT told us doesn't go back."""

    def get_payments(self, move):
        """The list PAYT would get, after looking that the open amount follows from it."""
        payload = self.prepare(move, "invoice")
        follows = Decimal(payload["amount_total"]) - sum(Decimal(payment["amount"]) for payment in payload["payments"])
        self.assertEqual(Decimal(payload["amount_open"]), follows)
        keys = [payment["origin_identifier"] for payment in payload["payments"]]
        self.assertEqual(len(set(keys)), len(keys))
        days = [payment["payment_date"] for payment in payload["payments"]]
        self.assertEqual(days, sorted(days))
        return payload["payments"]

    def summarise(self, move):
        return [(p["payment_date"], p["transaction_type"], p["amount"]) for p in self.get_payments(move)]

    def reconcile(self, move, entry):
        lines = (move | entry).line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        lines.reconcile()

    def make_entry(self, account, amount, date="2026-01-25", journal="default_journal_misc"):
        receivable = self.customer.property_account_receivable_id
        entry = self.env["account.move"].create(
            {
                "date": date,
                "journal_id": self.company_data[journal].id,
                "line_ids": [
                    Command.create({"account_id": account.id, "debit": amount}),
                    Command.create({"account_id": receivable.id, "credit": amount, "partner_id": self.customer.id}),
                ],
            }
        )
        entry.action_post()
        return entry

    # === KINDS

    def test_partial_payments_oldest_first(self):
        move = self.make_pushed_invoice()
        self.pay(move, 21.0, date="2026-01-30")
        self.pay(move, 50.0, date="2026-01-20")
        self.assertEqual(self.summarise(move), [("2026-01-20", "payment", "50.00"), ("2026-01-30", "payment", "21.00")])
        self.assertEqual(self.prepare(move, "invoice")["amount_open"], "50.00")
        self.assertEqual(self.get_payments(move)[0]["payment_method"], "bank_transfer")

    def test_a_bank_statement_line_is_a_payment(self):
        move = self.make_pushed_invoice()
        journal = self.company_data["default_journal_bank"]
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": journal.id, "date": "2026-01-22", "payment_ref": "factuur", "amount": 121.0}
        )
        receivable = self.customer.property_account_receivable_id
        suspense = line.move_id.line_ids.filtered(lambda item: item.account_id == journal.suspense_account_id)
        suspense.write({"account_id": receivable.id, "partner_id": self.customer.id})
        self.reconcile(move, line.move_id)
        self.assertEqual(self.summarise(move), [("2026-01-22", "payment", "121.00")])

    def test_a_credit_note_credits_and_is_itself_used_up(self):
        move = self.make_pushed_invoice()
        refund = self.make_pushed_invoice(40.0, move_type="out_refund", invoice_date="2026-01-10")
        self.reconcile(move, refund)
        self.assertEqual(self.summarise(move), [("2026-01-10", "credit", "48.40")])
        self.assertEqual(self.summarise(refund), [("2026-01-05", "credit", "-48.40")])
        self.assert_put(move | refund, "invoice")

    def test_a_write_off_by_entry(self):
        move = self.make_pushed_invoice()
        self.reconcile(move, self.make_entry(self.company_data["default_account_expense"], 121.0))
        self.assertEqual(self.summarise(move), [("2026-01-25", "write_off", "121.00")])

    def test_a_payment_with_the_rest_written_off(self):
        move = self.make_pushed_invoice()
        self.pay(
            move,
            120.0,
            payment_difference_handling="reconcile",
            writeoff_account_id=self.company_data["default_account_expense"].id,
        )
        self.assertEqual(
            self.summarise(move), [("2026-01-20", "payment", "120.00"), ("2026-01-20", "write_off", "1.00")]
        )

    def test_an_offset_against_another_account_is_a_settlement(self):
        move = self.make_pushed_invoice()
        self.reconcile(move, self.make_entry(self.company_data["default_account_payable"], 100.0))
        self.assertEqual(self.summarise(move), [("2026-01-25", "settlement", "100.00")])

    def test_a_refunded_credit_note_is_negative(self):
        refund = self.make_pushed_invoice(move_type="out_refund")
        self.pay(refund)
        self.assertEqual(self.summarise(refund), [("2026-01-20", "payment", "-121.00")])

    def test_a_payment_in_another_currency_and_its_difference(self):
        dollar = self.setup_other_currency("USD", rates=[("2026-01-01", 2.0), ("2026-01-15", 4.0)])
        move = self.make_pushed_invoice(currency_id=dollar.id)
        self.pay(move)
        payments = self.get_payments(move)
        self.assertEqual(
            sorted((p["transaction_type"], p["amount"], p["book_amount"]) for p in payments),
            [("payment", "121.00", "30.25"), ("revaluation", "0.00", "30.25")],
        )
        self.assertEqual(self.prepare(move, "invoice")["book_amount_open"], "0.00")

    # === RETURNED

    def test_a_reversal_has_the_bank_s_code(self):
        move = self.make_pushed_invoice()
        payments = self.pay(move)
        before = self.get_payments(move)[0]["origin_identifier"]
        self.clear_outbox()
        self.return_payment(payments)
        self.assert_put(move, "invoice")
        paid, reversed_ = self.get_payments(move)
        self.assertEqual(paid["origin_identifier"], before)
        self.assertEqual((paid["amount"], paid["transaction_type"]), ("121.00", "payment"))
        self.assertEqual((reversed_["amount"], reversed_["transaction_type"]), ("-121.00", "reversal"))
        self.assertEqual((reversed_["reversal_code"], reversed_["payment_date"]), ("AM04", "2026-02-02"))

    def test_paid_again_after_a_reversal(self):
        move = self.make_pushed_invoice()
        self.return_payment(self.pay(move), code="MS03")
        self.pay(move, date="2026-02-10")
        self.assertEqual([kind for _day, kind, _amount in self.summarise(move)], ["payment", "reversal", "payment"])

    def test_a_returned_payment_of_two_invoices_is_reversed_on_both(self):
        first, second = self.make_pushed_invoice(), self.make_pushed_invoice(50.0)
        self.return_payment(self.pay(first | second, group_payment=True))
        self.assertEqual([amount for _day, _kind, amount in self.summarise(first)], ["121.00", "-121.00"])
        self.assertEqual([amount for _day, _kind, amount in self.summarise(second)], ["60.50", "-60.50"])

    # === PAYT'S OWN

    def test_what_payt_told_us_is_not_told_to_payt(self):
        move = self.make_pushed_invoice()
        self.pay(move, 21.0)
        self.pay(move, 50.0).payt_payment_id = "4711"
        payload = self.prepare(move, "invoice")
        self.assertEqual([payment["amount"] for payment in payload["payments"]], ["21.00"])
        self.assertEqual(payload["amount_open"], "50.00")

    def test_a_reversal_of_payt_s_own_is_not_told_either(self):
        move = self.make_pushed_invoice()
        payments = self.pay(move)
        payments.payt_payment_id = "4711"
        self.return_payment(payments)
        self.assertEqual(self.get_payments(move), [])

    # === WHEN

    def test_each_change_of_what_is_open_is_one_row(self):
        move = self.make_pushed_invoice()
        payments = self.pay(move)
        self.assert_put(move, "invoice")
        keys = [payment["origin_identifier"] for payment in self.get_payments(move)]
        self.clear_outbox()
        lines = payments.move_id.line_ids.filtered("reconciled")
        lines.remove_move_reconcile()
        self.assert_put(move, "invoice")
        self.assertEqual(self.get_payments(move), [])
        self.reconcile(move, payments.move_id)
        self.assertEqual([payment["origin_identifier"] for payment in self.get_payments(move)], keys)

    def test_invoices_payt_does_not_know_are_left_alone(self):
        move = self.make_invoice()
        self.pay(move)
        self.assertFalse(self.get_rows(move))

    def test_paid_is_seen_once_payt_took_it(self):
        move = self.make_pushed_invoice()
        self.pay(move)
        self.assertEqual(move.payt_state, "pushed")
        self.take(move, "invoice")
        self.assertEqual(move.payt_state, "paid")

    def test_any_split_adds_up(self):
        @settings(max_examples=8)
        @given(st.lists(st.integers(min_value=1, max_value=3000), min_size=1, max_size=4))
        def check(cents):
            with self.env.cr.savepoint() as savepoint:
                move = self.make_invoice()
                move.payt_sent_by = "odoo"
                for amount in cents:
                    self.pay(move, amount / 100)
                payments = self.get_payments(move)
                self.assertEqual(sorted(int(p["amount"].replace(".", "")) for p in payments), sorted(cents))
                self.env.flush_all()
                savepoint.rollback()
                self.env.invalidate_all()

        check()

    def test_the_rest_of_a_payment_returned_in_part_has_the_same_name(self):
        move = self.make_pushed_invoice()
        item = self.pay(move).move_id.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        reason = self.env["payment.return.reason"].create({"code": "MD06", "name": "Refund on request"})
        line = {"partner_id": self.customer.id, "move_line_ids": item.ids, "amount": 40, "reason_id": reason.id}
        journal = self.company_data["default_journal_bank"]
        self.env["payment.return"].create(
            {"journal_id": journal.id, "date": "2026-02-02", "line_ids": [Command.create(line)]}
        ).action_confirm()
        (item | move._get_payt_receivables()).reconcile()
        payments = self.get_payments(move)
        self.assertEqual([payment["amount"] for payment in payments], ["121.00", "-40.00"])
        self.assertEqual(len({payment["origin_identifier"] for payment in payments}), 2)

    def test_a_returned_payment_in_another_currency_is_told_in_the_invoice_s(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "company_id": self.company.id, "name": "2026-01-01", "rate": 2.0}
        )
        move = self.make_pushed_invoice(currency_id=dollar.id)
        payment = self.pay(move, currency_id=self.company.currency_id.id)
        self.return_payment(payment)
        payments = self.get_payments(move)
        self.assertEqual([payment["amount"] for payment in payments], ["121.00", "-121.00"])
        self.assertEqual([payment["book_amount"] for payment in payments], ["60.50", "-60.50"])
