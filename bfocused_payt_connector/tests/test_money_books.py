from datetime import UTC, datetime

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from .money_common import MoneyCase


@tagged("post_install", "-at_install")
class TestCosts(MoneyCase):
    def setUp(self):
        super().setUp()
        accounts = self.env["account.account"]
        self.costs, self.interest = accounts.create(
            [
                {"name": name, "code": code, "account_type": "income_other", "company_ids": [self.company.id]}
                for name, code in (("Incassokosten", "848101"), ("Rente", "848102"))
            ]
        )

    def get_income(self, account):
        lines = self.env["account.move.line"].search([("account_id", "=", account.id), ("parent_state", "=", "posted")])
        return -sum(lines.mapped("balance"))

    def test_costs_and_interest_have_their_own_accounts(self):
        move = self.make_invoice_at_payt()
        self.play("collection", move, interest="3.00")
        self.play("pay_costs", move, amount="40.00")
        self.play("pay_costs", move, amount="3.00", cost_type="interest_costs")
        self.pull()
        rows = self.get_rows(resource="payments")
        self.assertEqual(rows.mapped("state"), ["error", "error"])
        self.assertTrue(all("account for" in message for message in rows.mapped("message")))
        self.backend.write({"costs_account_id": self.costs.id, "interest_account_id": self.interest.id})
        self.follow()
        self.assertEqual((self.get_income(self.costs), self.get_income(self.interest)), (40.0, 3.0))
        self.assertEqual(move.amount_residual, 121.0)
        self.pull()
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)

    def test_costs_taken_back(self):
        self.backend.write({"costs_account_id": self.costs.id})
        move = self.make_invoice_at_payt()
        self.play("collection", move)
        self.play("pay_costs", move, amount="40.00")
        self.pull()
        self.play("reverse", move)
        self.pull()
        self.assertEqual((self.get_income(self.costs), move.amount_residual), (0.0, 121.0))
        self.assertEqual(self.get_cleared(), 0.0)
        self.assert_agrees(move)


@tagged("post_install", "-at_install")
class TestBooks(MoneyCase):
    def test_without_a_clearing_journal_it_needs_attention(self):
        self.backend.journal_id = False
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        row = self.get_rows(resource="payments")
        self.assertEqual(row.state, "error")
        self.assertIn("clearing journal", row.message)
        self.backend.journal_id = self.journal
        self.follow()
        self.assertEqual(move.payment_state, "paid")

    def test_the_payout_clears_the_journal(self):
        move, other = self.make_invoice_at_payt(), self.make_invoice_at_payt(50.0)
        self.play("pay", move)
        self.play("pay", other)
        self.pull()
        bank, expense = self.company_data["default_journal_bank"], self.company_data["default_account_expense"]
        line = self.env["account.bank.statement.line"].create(
            {"journal_id": bank.id, "date": "2026-12-01", "payment_ref": "Mollie payout", "amount": 178.2}
        )
        _liquidity, suspense, _others = line._seek_for_lines()
        line.move_id.with_context(skip_readonly_check=True).write(
            {
                "line_ids": [
                    Command.update(suspense.id, {"account_id": self.clearing.id, "balance": -181.5}),
                    Command.create({"account_id": expense.id, "balance": 3.3, "name": "Fees"}),
                ]
            }
        )
        items = (line.move_id | self.get_payments().move_id).line_ids
        items.filtered(lambda item: item.account_id == self.clearing).reconcile()
        self.assertTrue(line.is_reconciled)
        self.assertEqual(set(self.get_payments().mapped("is_matched")), {True})
        self.assertEqual(self.get_cleared(), 0.0)
        # taken back after the payout: the next payout is so much less
        self.play("reverse", move)
        self.pull()
        self.assertEqual((move.amount_residual, self.get_cleared()), (121.0, -121.0))
        self.assertTrue(line.is_reconciled)

    def test_a_locked_period_is_booked_on_the_first_open_day(self):
        self.sandbox.clock.set(datetime(2026, 2, 10, 10, tzinfo=UTC))
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.company.fiscalyear_lock_date = "2026-01-31"
        self.company.hard_lock_date = "2026-02-28"
        self.pull()
        payment = self.get_payments()
        self.assertEqual((str(payment.date), move.payment_state), ("2026-03-01", "paid"))
        self.assertIn("paid on", payment.memo)
        self.company.fiscalyear_lock_date = "2026-03-31"
        self.play("reverse", move)
        self.pull()
        self.assertEqual(move.amount_residual, 121.0)
        returned = self.env["payment.return"].search([("journal_id", "=", self.journal.id)])
        self.assertEqual((str(returned.date), str(returned.line_ids.date)), ("2026-04-01", "2026-02-10"))
        self.assert_agrees(move)

    def test_all_days_locked_needs_attention(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.company.fiscalyear_lock_date = "2099-12-31"
        self.pull()
        row = self.get_rows(resource="payments")
        self.assertEqual(row.state, "error")
        self.assertIn("locked until", row.message)
        self.company.fiscalyear_lock_date = False
        row.action_try_again()
        self.follow()
        self.assert_agrees(move)

    def test_money_for_a_cancelled_invoice_is_the_customer_s(self):
        move = self.make_invoice_at_payt()
        move.button_draft()
        move.button_cancel()
        self.push()
        self.play("pay", move, amount="121.00")
        self.pull()
        line = self.get_payments()._get_payt_counterparts()
        self.assertEqual((line.amount_residual, line.partner_id), (-121.0, self.customer))
        self.assertTrue(move.activity_ids)
        self.assertEqual(self.get_theirs(move)["open_amount"], "-121.00")
        self.assert_push_changes_nothing(move)

    def test_a_customer_merged_in_between(self):
        before = self.make_customer("Jansen B.V.", with_mandate=False, ref="D2001", email="b@jansen.example")
        move = self.make_invoice_at_payt(partner=before)
        self.pull()
        self.play("pay", move)
        other = self.make_customer("Jansen Holding", with_mandate=False, ref="D2002", email="a@jansen.example")
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge([before.id, other.id], other)
        self.env.invalidate_all()
        self.assertEqual(move.partner_id, other)
        self.pull()
        self.assertEqual((move.payment_state, self.get_payments().partner_id), ("paid", other))

    def test_an_archived_customer(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.customer.active = False
        self.pull()
        self.assertEqual(move.payment_state, "paid")

    def test_an_account_is_asked_for_on_a_journal_without_one(self):
        self.journal.inbound_payment_method_line_ids.payment_account_id = False
        with self.assertRaisesRegex(UserError, "outstanding account"):
            self.backend._get_clearing_method()

    def test_shuffled_and_twice(self):
        moves = self.env["account.move"]
        for price in (100.0, 50.0, 25.0, 10.0):
            moves |= self.make_invoice_at_payt(price)
        self.play("pay", moves[:2], amount="150.00")
        self.play("reverse", moves[0], code="MD06")
        self.play("pay", moves[0])
        self.sign_mandate()
        self.play("debit", moves[2])
        self.play("settle_debit", moves[2])
        self.pay(moves[3], 2.0)
        self.push()
        marks = self.env["payt.sync.mark"].with_user(self.env.ref("base.user_root"))._get_marks(self.backend)
        for mark in marks.sorted("id", reverse=True):
            mark._read()
            self.follow()
        self.get_rows(state="waiting").sudo().write({"next_try_at": False})
        self.follow()
        self.assert_agrees(*moves)
        before = self.get_payments().ids
        self.get_rows().sudo().write({"state": "pending", "tries": 0})
        self.follow()
        self.pull()
        self.assertEqual(self.get_payments().ids, before)
        self.assert_agrees(*moves)
        self.assert_push_changes_nothing(*moves)
