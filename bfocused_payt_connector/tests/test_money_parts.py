import random
from decimal import Decimal

from odoo.tests import tagged

from odoo.addons.bfocused_billing.tests.size import at_size

from .money_common import MoneyCase


@tagged("post_install", "-at_install")
class TestParts(MoneyCase):
    """PAYT takes back a part of what it collected, and another part, and what doesn't fit."""

    def setUp(self):
        super().setUp()
        income = self.company_data["default_account_revenue"]
        self.costs = income.copy({"code": "880001", "name": "Collection costs"})
        self.backend.write({"costs_account_id": self.costs.id, "interest_account_id": self.costs.id})

    def pay_costs(self):
        move = self.make_invoice_at_payt()
        self.play("make_collectable", move)
        self.play("collection", move)
        self.play("pay_costs", move)
        self.pull()
        return self.get_payments().ensure_one()

    def take_back(self, payment, amount, code="MD06"):
        self.sandbox.play(do="reverse_part", payment=payment.payt_payment_id, amount=f"{amount:.2f}", code=code)

    def get_booked_costs(self):
        lines = self.env["account.move.line"].search(
            [("account_id", "=", self.costs.id), ("parent_state", "=", "posted")]
        )
        return round(-sum(lines.mapped("balance")), 2)

    def test_a_part_of_booked_costs_is_taken_back_and_the_rest_stays(self):
        payment = self.pay_costs()
        paid = payment.amount
        self.assertEqual(self.get_booked_costs(), paid)
        self.take_back(payment, 8.40)
        self.pull()
        self.assertEqual(self.get_booked_costs(), round(paid - 8.40, 2))
        self.assertEqual(payment._get_payt_standing(), round(paid - 8.40, 2))
        self.assertFalse(payment.payt_reversal_id)
        self.assertEqual(self.get_cleared(), self.get_collected())
        self.take_back(payment, paid - 8.40)
        self.pull()
        self.assertEqual((self.get_booked_costs(), payment._get_payt_standing()), (0.0, 0.0))
        self.assertTrue(payment.payt_reversal_id)
        self.assertEqual(self.get_cleared(), 0.0)

    def test_more_costs_than_still_stand_are_left_to_a_person_with_the_amounts(self):
        payment = self.pay_costs()
        paid = payment.amount
        self.take_back(payment, 8.40)
        self.pull()
        self.take_back(payment, paid)
        self.pull()
        row = self.get_rows(state="error").ensure_one()
        for text in (f"{paid:.2f}", f"{paid - 8.40:.2f}", payment.display_name):
            self.assertIn(text, row.message)
        self.assertEqual(self.get_booked_costs(), round(paid - 8.40, 2))

    def test_two_parts_of_a_payment_open_the_invoice_by_as_much(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        payment = self.get_payments()
        for amount, is_open in ((20.0, 20.0), (30.0, 50.0), (71.0, 121.0)):
            self.take_back(payment, amount, "AM04")
            self.pull()
            self.assertEqual(move.amount_residual, is_open)
            self.assert_agrees(move)
            self.assert_push_changes_nothing(move)
        reversals = self.env["bfocused.payment.reversal"].search([("move_ids", "in", move.ids)])
        self.assertEqual(sorted(reversals.mapped("amount")), [20.0, 30.0, 71.0])

    def test_two_parts_heard_of_at_once(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        self.take_back(self.get_payments(), 20.0)
        self.take_back(self.get_payments(), 30.0)
        self.pull()
        self.pull()
        self.assertEqual(move.amount_residual, 50.0)
        self.assert_agrees(move)

    def test_parts_read_again_take_nothing_back_twice(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        self.take_back(self.get_payments(), 20.0)
        self.pull()
        self.get_rows().sudo().unlink()
        self.env["payt.sync.mark"].sudo().search([("backend_id", "=", self.backend.id)]).write({"mark": False})
        self.pull()
        self.assertEqual(move.amount_residual, 20.0)
        self.assert_agrees(move)

    def test_deleted_at_payt_after_a_part_was_taken_back(self):
        move = self.make_invoice_at_payt()
        self.play("pay", move)
        self.pull()
        payment = self.get_payments()
        self.take_back(payment, 20.0)
        self.pull()
        self.sandbox.play(do="delete", resource="payments", id=payment.payt_payment_id)
        self.pull()
        row = self.get_rows(state="error").ensure_one()
        row.action_undo_payment()
        self.follow()
        self.assertEqual((move.amount_residual, self.get_cleared()), (121.0, 0.0))

    def test_random_parts_against_a_model(self):
        for seed in range(at_size(20, 4)):
            with self.subTest(seed=seed):
                self.play_parts(random.Random(seed))

    def play_parts(self, dice):
        """Payments of one invoice and parts of them taken back; the model only adds and subtracts cents."""
        move = self.make_invoice_at_payt()
        known = set(self.get_payments().ids)
        left, is_open = {}, Decimal("121.00")
        for _turn in range(dice.randint(3, 6)):
            if not left or dice.random() < 0.4:
                amount = Decimal(dice.randint(1, 6000)) / 100
                self.play("pay", move, amount=f"{amount:.2f}")
                self.pull()
                [payment] = self.get_payments().filtered(lambda one: one.id not in known)
                known.add(payment.id)
                left[payment] = amount
                is_open -= amount
            else:
                payment = dice.choice(sorted(left, key=lambda one: one.id))
                amount = (
                    left[payment] if dice.random() < 0.3 else Decimal(dice.randint(1, int(left[payment] * 100))) / 100
                )
                self.take_back(payment, amount)
                self.pull()
                left[payment] -= amount
                is_open += amount
                if not left[payment]:
                    del left[payment]
            self.assertEqual(f"{move.amount_residual - move._get_payt_excess()[0]:.2f}", f"{is_open:.2f}")
            for payment, amount in left.items():
                self.assertEqual(f"{payment._get_payt_standing():.2f}", f"{amount:.2f}")
            self.assert_agrees(move)
