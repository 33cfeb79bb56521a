from psycopg2 import IntegrityError

from odoo.tests import tagged
from odoo.tools import mute_logger

from .money_common import MoneyCase


@tagged("post_install", "-at_install")
class TestCollected(MoneyCase):
    def test_paid_by_ideal(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        self.assertEqual((move.payment_state, move.amount_residual), ("paid", 0.0))
        payment = self.get_payments()
        [theirs] = self.sandbox.state()["payments"]
        self.assertEqual((payment.payt_payment_id, payment.amount), (theirs["id"], 121.0))
        self.assertEqual((payment.journal_id, str(payment.date)), (self.journal, theirs["payment_date"]))
        self.assertIn(theirs["id"], payment.memo)
        self.assertFalse(self.env["payt.outbox"].search([("state", "=", "pending")]))
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)

    def test_reading_it_again_books_nothing(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="21.00")
        self.pull()
        self.push()
        self.get_rows(resource="payments").sudo().write({"state": "pending"})
        self.follow()
        self.pull()
        self.assertEqual(self.get_payments().mapped("amount"), [21.0])
        self.assert_agrees(move)

    def test_two_workers_can_not_book_it_twice(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        payment = self.get_payments()
        values = {"payt_payment_id": payment.payt_payment_id, "company_id": self.company.id}
        with mute_logger("odoo.sql_db"), self.assertRaises(IntegrityError), self.env.cr.savepoint():
            payment.copy(values).flush_recordset()

    def test_booked_once_even_after_the_rows_were_lost(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.play("reverse", move, code="AM04")
        self.pull()
        before = self.get_payments().ids
        self.get_rows().sudo().unlink()
        self.env["payt.sync.mark"].sudo().search([("backend_id", "=", self.backend.id)]).write({"mark": False})
        self.pull()
        self.assertEqual(self.get_payments().ids, before)
        self.assert_agrees(move)

    def test_partial_and_the_rest_later(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="21.00")
        self.pull()
        self.assertEqual((move.payment_state, move.amount_residual), ("partial", 100.0))
        self.assert_push_changes_nothing(move)
        self.play("pay", move)
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        self.assert_agrees(move)

    def test_one_transaction_over_two_invoices(self):
        moves = self.make_invoice_at_payt() | self.make_invoice_at_payt(50.0)
        self.play("pay", moves, amount="150.00")
        self.pull()
        self.assertEqual(moves.mapped("amount_residual"), [0.0, 31.5])
        self.assertEqual(sorted(self.get_payments().mapped("amount")), [29.0, 121.0])
        self.assertEqual(len(set(self.get_payments().mapped("payt_transaction_id"))), 1)
        self.assert_agrees(*moves)
        self.assert_push_changes_nothing(*moves)

    def test_payments_of_invoices_not_known_yet_wait(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        mark = self.env["payt.sync.mark"].with_user(self.env.ref("base.user_root"))._get_marks(self.backend)
        for resource in ("psp_transactions", "payments"):
            mark.filtered(lambda one, name=resource: one.resource == name and not one.is_deleted)._read()
        self.follow()
        self.assertEqual(set(self.get_rows().mapped("state")), {"waiting"})
        self.assertFalse(self.get_payments())
        self.pull()
        self.assert_agrees(move)
        self.assertEqual(move.payment_state, "paid")

    def test_an_over_payment_is_the_customer_s_credit(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="150.00")
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)

    def test_a_credit_used_for_another_invoice_is_told_to_payt(self):
        move, other = self.make_invoice_at_payt(), self.make_invoice_at_payt(10.0)
        self.play("pay", move, amount="150.00")
        self.pull()
        lines = self.get_payments()._get_payt_counterparts() | other._get_payt_receivables()
        lines.filtered(lambda line: not line.reconciled).reconcile()
        self.assertEqual(other.payment_state, "paid")
        self.push()
        self.assertEqual(self.get_theirs(move)["open_amount"], "-16.90")
        self.assertEqual(self.get_theirs(other)["open_amount"], "0.00")
        self.pull()
        self.assertEqual(len(self.get_payments()), 1)
        self.assert_agrees(move, other)

    def test_another_currency_is_booked_at_payt_s_amount(self):
        dollar = self.setup_other_currency("USD", rates=[("2026-01-01", 2.0), ("2026-09-01", 4.0)])
        move = self.make_invoice_at_payt(currency_id=dollar.id)
        self.play("pay", move)
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        payment = self.get_payments()
        self.assertEqual((payment.amount, payment.currency_id), (121.0, dollar))
        self.assertEqual(self.get_cleared(), 60.5)
        self.assert_agrees(move)
        self.play("reverse", move, code="AM04")
        self.pull()
        self.assertEqual((move.payment_state, move.amount_residual), ("not_paid", 121.0))
        self.assertEqual(self.get_cleared(), 0.0)
        self.assertTrue(all(line.reconciled for line in payment._get_payt_counterparts()))
        self.assert_agrees(move)

    def test_paid_to_the_bailiff(self):
        move = self.make_invoice_at_payt()
        self.play("collection", move)
        self.play("bailiff", move)
        self.play("pay_bailiff", move)
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        self.assertEqual(self.get_cleared(), 121.0)
        self.assert_push_changes_nothing(move)
        self.pull()
        self.assert_agrees(move)

    def test_a_direct_debit_keeps_the_mandate_alive(self):
        move = self.make_invoice_at_payt()
        mandate = move.mandate_id or self.customer._get_billing_mandate(self.company)
        self.sign_mandate()
        self.play("debit", move)
        self.pull()
        self.assertFalse(mandate.last_debit_date)
        self.assertFalse(self.get_payments())
        self.play("settle_debit", move)
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        self.assertEqual(mandate.last_debit_date, self.get_payments().date)
        self.assert_agrees(move)


@tagged("post_install", "-at_install")
class TestOwn(MoneyCase):
    """What Odoo reported comes back from PAYT, and isn't booked again."""

    def test_our_own_payments_are_recognised(self):
        move = self.make_invoice_at_payt()
        self.pay(move, 21.0)
        self.pay(move, 21.0)
        self.push()
        self.pull()
        rows = self.get_rows(resource="payments")
        self.assertEqual((len(rows), set(rows.mapped("state"))), (2, {"done"}))
        self.assertFalse(self.get_payments())
        self.assert_agrees(move)

    def test_the_same_amount_to_us_and_to_the_bailiff(self):
        move = self.make_invoice_at_payt()
        self.play("collection", move)
        self.play("bailiff", move)
        self.play("pay_bailiff", move, amount="21.00")
        self.pull()
        self.pay(move, 21.0, date=str(self.get_payments().date))
        self.push()
        self.pull()
        self.assertEqual(len(self.get_payments()), 1)
        self.assertEqual(move.amount_residual, 79.0)
        self.assert_agrees(move)

    def test_it_waits_for_what_payt_has_not_got_yet(self):
        move = self.make_invoice_at_payt()
        self.pay(move, 21.0)
        self.push()
        self.pay(move, 10.0)
        self.pull()
        self.assertEqual(self.get_rows(resource="payments").state, "waiting")
        self.push()
        self.pull()
        self.get_rows(state="waiting").sudo().write({"next_try_at": False})
        self.follow()
        self.assertFalse(self.get_payments())
        self.assert_agrees(move)

    def test_undone_in_odoo_before_its_row_is_followed(self):
        move = self.make_invoice_at_payt()
        self.pull()
        payment = self.pay(move, 21.0)
        self.push()
        marks = self.env["payt.sync.mark"].with_user(self.env.ref("base.user_root"))._get_marks(self.backend)
        marks.filtered(lambda mark: mark.resource == "payments" and not mark.is_deleted)._read()
        payment.action_draft()
        payment.action_cancel()
        self.push()
        self.follow()
        self.assertFalse(self.get_payments())
        self.pull()
        self.assertFalse(self.get_payments())
        self.assert_agrees(move)

    def test_undone_and_done_again_under_a_new_id(self):
        move = self.make_invoice_at_payt()
        payment = self.pay(move, 21.0)
        self.push()
        self.pull()
        lines = payment._get_payt_counterparts()
        lines.remove_move_reconcile()
        self.push()
        (lines | move._get_payt_receivables()).reconcile()
        self.push()
        marks = self.env["payt.sync.mark"].with_user(self.env.ref("base.user_root"))._get_marks(self.backend)
        marks.filtered(lambda mark: mark.resource == "payments" and not mark.is_deleted)._read()
        self.follow()
        self.assertFalse(self.get_payments())
        self.pull()
        self.assert_agrees(move)

    def test_our_own_reversal_is_recognised(self):
        move = self.make_invoice_at_payt()
        self.return_payment(self.pay(move))
        self.push()
        self.pull()
        self.assertEqual(len(self.get_rows(resource="payments")), 2)
        self.assertFalse(self.get_payments())
        self.assert_agrees(move)

    def test_what_payt_read_from_the_bank_odoo_books_itself(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, method="bank_transfer", amount="21.00")
        self.pull()
        row = self.get_rows(resource="payments")
        self.assertEqual(row.state, "done")
        self.assertIn("bank statement", row.message)
        self.assertFalse(self.get_payments())
        self.assertEqual(move.amount_residual, 121.0)
        self.assert_push_changes_nothing(move)
        self.pay(move, 21.0)
        self.assert_push_changes_nothing(move)
        self.pull()
        self.assert_agrees(move)


@tagged("post_install", "-at_install")
class TestTakenBack(MoneyCase):
    def test_a_reversal_opens_the_invoice_and_counts(self):
        move = self.make_invoice_at_payt()
        self.sign_mandate()
        self.play("debit", move)
        self.play("settle_debit", move)
        self.pull()
        self.play("reverse", move, code="AM04")
        self.pull()
        self.assertEqual((move.payment_state, move.amount_residual), ("not_paid", 121.0))
        reversal = self.env["bfocused.payment.reversal"].search([("move_ids", "in", move.ids)])
        self.assertEqual((reversal.code, reversal.policy_id.code), ("AM04", "AM04"))
        self.assertEqual(self.customer.reversal_count, 1)
        self.assertTrue(move.returned_payment)
        payment_return = reversal.return_line_id.return_id
        self.assertEqual((payment_return.journal_id, payment_return.state), (self.journal, "done"))
        self.assertEqual(self.get_cleared(), 0.0)
        self.assert_push_changes_nothing(move)
        self.pull()
        self.assertEqual(self.customer.reversal_count, 1)
        self.assert_agrees(move)

    def test_paid_and_reversed_before_we_heard_of_it(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.play("reverse", move, code="MS02")
        self.play("pay", move)
        self.pull()
        self.assertEqual(move.payment_state, "paid")
        self.assertEqual(len(self.get_payments()), 2)
        self.assertEqual(self.env["bfocused.payment.reversal"].search_count([("move_ids", "in", move.ids)]), 1)
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)

    def test_one_debit_of_two_invoices_is_one_reversal(self):
        moves = self.make_invoice_at_payt() | self.make_invoice_at_payt(50.0)
        self.sign_mandate()
        self.play("debit", moves)
        self.play("settle_debit", moves[0])
        self.play("reverse", moves[0], code="AM04")
        self.pull()
        self.assertEqual(moves.mapped("amount_residual"), [121.0, 60.5])
        reversal = self.env["bfocused.payment.reversal"].search([("move_ids", "in", moves.ids)])
        self.assertEqual((len(reversal), reversal.move_ids), (1, moves))
        self.assertEqual(self.customer.reversal_count, 1)
        self.assert_agrees(*moves)

    def test_the_reversal_is_followed_before_the_payment(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.play("pay", move)
        self.play("reverse", move)
        marks = self.env["payt.sync.mark"].with_user(self.env.ref("base.user_root"))._get_marks(self.backend)
        marks.filtered(lambda mark: mark.resource == "payments" and not mark.is_deleted)._read()
        paid, back = self.get_rows(resource="payments").sudo().sorted(lambda row: int(row.payt_id))
        paid.next_try_at = "2099-01-01"
        self.follow()
        self.assertEqual((paid.state, back.state), ("pending", "waiting"))
        paid.next_try_at = False
        self.pull()
        self.assertEqual(self.get_payments().payt_reversal_id, back.payt_id)
        self.assert_agrees(move)

    def test_a_refund(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="21.00")
        self.pull()
        self.play("refund", move)
        self.pull()
        self.assertEqual(move.amount_residual, 121.0)
        self.assert_agrees(move)

    def test_an_over_payment_taken_back(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="150.00")
        self.pull()
        self.play("reverse", move)
        self.pull()
        self.assertEqual(move.amount_residual, 121.0)
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)

    def test_a_refused_debit_has_its_policy_and_books_nothing(self):
        move = self.make_invoice_at_payt()
        self.sign_mandate()
        self.play("debit", move)
        self.play("fail_debit", move, code="AM04")
        self.pull()
        self.pull()
        self.assertFalse(self.get_payments())
        reversal = self.env["bfocused.payment.reversal"].search([("move_ids", "in", move.ids)])
        self.assertEqual((len(reversal), reversal.code, reversal.amount), (1, "AM04", 121.0))
        self.assertTrue((move.mandate_id or self.customer._get_billing_mandate(self.company)).last_debit_date)
        self.assert_agrees(move)

    def test_deleted_at_payt_is_shown_and_undone_by_a_person(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        payment = self.get_payments()
        self.sandbox.play(do="delete", resource="payments", id=payment.payt_payment_id)
        self.pull()
        row = self.get_rows(resource="payments")
        self.assertEqual((row.state, move.payment_state), ("error", "paid"))
        self.assertIn(payment.payt_payment_id, row.message)
        row.action_undo_payment()
        self.follow()
        self.assertEqual((row.state, move.amount_residual), ("done", 121.0))
        self.assertEqual(self.get_cleared(), 0.0)
        self.assert_push_changes_nothing(move)

    def test_what_odoo_deleted_itself_is_nothing(self):
        move = self.make_invoice_at_payt()
        payment = self.pay(move, 21.0)
        self.push()
        self.pull()
        payment.action_draft()
        payment.action_cancel()
        self.push()
        self.pull()
        self.assert_agrees(move)
