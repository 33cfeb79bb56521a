"""What nobody thought of in PAYT's records stops neither the others nor the reading."""

from datetime import timedelta
from unittest.mock import patch

from psycopg2 import IntegrityError, OperationalError

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..handlers import HANDLERS, lookup
from .money_common import MoneyCase

FOLLOWING = "odoo.addons.bfocused_payt_connector.models.incoming.payt_mirror"


@tagged("post_install", "-at_install")
class TestStumbling(MoneyCase):
    def spoil(self, rows, **values):
        for row in rows.sudo():
            row.write({"payload": {**row.payload, **values}, "state": "pending"})

    @mute_logger(FOLLOWING)
    def test_a_row_that_is_not_as_it_should_be_stops_no_other(self):
        moves = self.make_invoice_at_payt() | self.make_invoice_at_payt(50.0)
        for move in moves:
            self.play("pay", move)
        for mark in self.env["payt.sync.mark"].sudo()._get_marks(self.backend):
            mark._read()
        first, second = self.get_rows(resource="payments").sorted("id")
        self.spoil(first, payment_date="yesterday")
        self.follow()
        self.assertEqual((first.state, second.state), ("error", "done"))
        self.assertIn("yesterday", first.message)
        self.assertEqual(sorted(moves.mapped("payment_state")), ["not_paid", "paid"])

    @mute_logger(FOLLOWING)
    def test_a_row_that_can_not_be_looked_up_stops_no_other(self):
        self.make_invoice_at_payt()
        self.make_invoice_at_payt(50.0)
        self.pull()
        rows = self.get_rows(resource="invoices").sorted("id")
        self.spoil(rows[0], total_amount="a lot", invoice_identifier="9")
        rows[1:].sudo().state = "pending"
        self.follow()
        self.assertEqual(rows.mapped("state"), ["error"] + ["done"] * (len(rows) - 1))

    def test_a_debtor_without_its_number(self):
        self.make_invoice_at_payt()
        self.pull()
        rows = self.get_rows(resource="debtors").sudo()
        for row in rows:
            row.write({"payload": {"id": row.payt_id}, "state": "pending", "model": False, "res_id": False})
        self.follow()
        self.assertEqual(set(rows.mapped("state")), {"done"})

    def test_what_somebody_else_did_at_the_same_time_is_tried_again(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        with patch.object(HANDLERS["payments"], "_book_payment", side_effect=IntegrityError("duplicate key")):
            self.pull()
        self.assertEqual(self.get_rows(resource="payments").state, "waiting")
        self.get_rows(state="waiting").sudo().next_try_at = False
        self.follow()
        self.assertEqual(move.payment_state, "paid")

    def test_the_job_hears_of_the_database(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        with (
            patch.object(HANDLERS["payments"], "_book_payment", side_effect=OperationalError),
            self.assertRaises(OperationalError),
        ):
            self.pull()

    def test_where_much_comes_a_row_does_not_wait_for_ever(self):
        self.make_invoice_at_payt()
        self.pull()
        row = self.get_rows(resource="invoices")[:1].sudo()
        row.state = "pending"
        row._retry_later("Waits.")
        for _wake in range(3):
            row._wake_waiting()
            row._retry_later("Waits.")
        self.assertEqual((row.state, row.tries), ("waiting", 1))
        row.waiting_since = fields.Datetime.now() - timedelta(days=3)
        row._wake_waiting()
        row._retry_later("Waits.")
        self.assertEqual(row.state, "error")
        row.action_try_again()
        row._retry_later("Waits.")
        self.assertEqual(row.state, "waiting", "from here on it waits anew")

    def test_what_was_paid_before_the_invoice_was_in_odoo_is_booked(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        with patch.object(lookup, "_choose_move", lambda record, candidates, follower: candidates.browse()):
            self.pull()
        self.assertFalse(self.get_payments())
        self.get_rows(resource="invoices").sudo().state = "pending"
        self.follow()
        self.assertEqual(move.payment_state, "paid")
        self.get_rows().sudo().state = "pending"
        self.follow()
        self.assertEqual(len(self.get_payments()), 1)


@tagged("post_install", "-at_install")
class TestMoving(MoneyCase):
    def test_the_number_of_the_only_administration_changes_nothing(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        self.env.cr.execute("UPDATE payt_backend SET administration_id = NULL WHERE id = %s", [self.backend.id])
        self.env.invalidate_all()
        self.backend.action_test_connection()
        self.assertTrue(self.backend.administration_id)
        self.assertEqual(move.payt_state, "paid")
        self.assertTrue(self.get_payments())
        self.assertTrue(self.get_rows())

    def test_what_was_paid_is_told_to_another_administration(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        payment = self.get_payments()
        self.assertEqual([one["origin_identifier"] for one in move._prepare_payt_payments()], [payment.payt_payment_id])
        self.backend.administration_id = "99"
        self.assertFalse(payment.payt_payment_id, "its number may be another payment's there")
        [told] = move._prepare_payt_payments()
        self.assertEqual(told["amount"], 121.0)

    def test_the_number_of_a_plan_is_of_its_administration(self):
        move = self.make_invoice_at_payt(100.0)
        self.pull()
        first = fields.Date.add(fields.Date.today(), days=30)
        arrangement = self.env["bfocused.payment.arrangement"].create(move._prepare_arrangement(3, first))
        arrangement.action_agree()
        self.push()
        self.assertTrue(arrangement.payt_plan_id)
        self.backend.administration_id = "99"
        self.assertEqual((arrangement.payt_plan_id, arrangement.payt_state), (False, "none"))
        self.assertEqual(arrangement.state, "agreed")


@tagged("post_install", "-at_install")
class TestDeletedAndSentAgain(MoneyCase):
    def test_what_payt_collected_before_it_deleted_the_invoice_is_told(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move, amount="21.00")
        self.pull()
        self.assertEqual(move.amount_residual, 100.0)
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.pull()
        self.assertTrue(move.payt_deleted_at)
        move.action_payt_retry()
        self.push()
        self.assertEqual(self.get_theirs(move)["open_amount"], "100.00")
        self.pull()
        self.assertEqual((len(self.get_payments()), move.amount_residual), (1, 100.0))
        self.assert_push_changes_nothing(move)
