import random

from odoo.tests import tagged

from odoo.addons.bfocused_billing.tests.size import at_size

from .money_common import MoneyCase

# PAYT's readings of a list of payments: the whole one; that of the bookkeeping, in which its own are recognised by
# number, or are new; each with what the connection is set to
READINGS = (
    ({"payments_are_whole": True, "knows_own_payments": True}, "all"),
    ({"payments_are_whole": False, "knows_own_payments": True}, "all"),
    ({"payments_are_whole": False, "knows_own_payments": False}, "own"),
)
MOVES_IN_A_STORY = at_size(12, 5)
STORIES = at_size(20, 2)


@tagged("post_install", "-at_install")
class TestPaymentsList(MoneyCase):
    """What PAYT collected and what Odoo booked are both at PAYT, whichever way it takes the list of payments."""

    def read_as(self, settings, payments_list):
        for name, value in settings.items():
            self.sandbox.world.set(name, value)
        self.backend.payments_list = payments_list

    def push_again(self):
        """Without the pause after what is followed first."""
        self.env["payt.outbox"].sudo().search([("state", "=", "pending")]).next_try_at = False
        self.push()

    def come_to_rest(self):
        for _time in range(3):
            self.push_again()
            self.pull()

    def get_own_deleted(self, rows):
        return [row for row in rows if ((row.payload or {}).get("psp_transaction") or {}).get("id")]

    def get_sources(self, move):
        number = self.get_theirs(move)["id"]
        return sorted(
            (one["_source"], one["total_amount"])
            for one in self.sandbox.state()["payments"]
            if one["invoice_id"] == number
        )

    def test_a_payment_of_ours_beside_one_of_payt(self):
        for settings, payments_list in READINGS:
            with self.subTest(settings=settings, payments_list=payments_list):
                self.read_as(settings, payments_list)
                move = self.make_invoice_at_payt()
                self.play("pay", move, amount="21.00")
                self.pull()
                self.pay(move, 30.0)
                self.push()
                self.assertEqual(self.get_sources(move), [("given", "30.00"), ("psp", "21.00")])
                self.assertEqual(self.get_theirs(move)["open_amount"], "70.00")
                self.pull()
                self.assert_agrees(move)

    def test_what_is_changed_beside_money_says_nothing_of_money(self):
        self.read_as(*READINGS[0])
        move = self.make_invoice_at_payt()
        self.pay(move, 30.0)
        self.push()
        self.play("pay", move, amount="21.00")  # which Odoo doesn't know yet
        move.ref = "PO-77"
        self.push()
        theirs = self.get_theirs(move)
        self.assertEqual((theirs["order_number"], theirs["open_amount"]), ("PO-77", "70.00"))
        self.assertEqual(self.get_sources(move), [("given", "30.00"), ("psp", "21.00")])

    def test_what_payt_collected_meanwhile_is_followed_first(self):
        for settings, payments_list in READINGS:
            with self.subTest(settings=settings, payments_list=payments_list):
                self.read_as(settings, payments_list)
                move = self.make_invoice_at_payt()
                self.pull()
                self.play("pay", move, amount="21.00")  # which Odoo doesn't know yet
                self.pay(move, 30.0)
                self.push()
                self.assertEqual(self.get_sources(move), [("psp", "21.00")])
                self.follow()
                self.push_again()
                self.assertEqual(self.get_sources(move), [("given", "30.00"), ("psp", "21.00")])
                self.pull()
                self.assert_agrees(move)

    def test_an_invoice_that_payt_lost_goes_whole(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        move.ref = "PO-77"
        self.push()
        self.push_again()
        self.assertEqual(self.get_theirs(move)["order_number"], "PO-77")
        self.assertEqual(self.get_theirs(move)["open_amount"], "121.00")

    def test_any_order_of_our_money_and_payt_s(self):
        for seed in range(STORIES):
            for settings, payments_list in READINGS:
                with self.subTest(seed=seed, settings=settings, payments_list=payments_list):
                    self.read_as(settings, payments_list)
                    self.tell_story(random.Random(seed))

    def tell_story(self, dice):
        move = self.make_invoice_at_payt()
        ours = self.env["account.payment"]
        for _move in range(MOVES_IN_A_STORY):
            what = dice.choice(("ours", "theirs", "undo", "reference", "push", "pull"))
            amount = round(dice.uniform(0.5, 12), 2)
            if what == "ours" and move.amount_residual > amount:
                ours |= self.pay(move, amount)
            elif what == "theirs":
                self.play("pay", move, amount=f"{amount:.2f}")
            elif what == "undo" and ours:
                ours[:1].action_draft()
                ours[:1].action_cancel()
                ours -= ours[:1]
            elif what == "reference":
                move.ref = f"PO-{dice.random()}"
            elif what == "push":
                self.push_again()
            elif what == "pull":
                self.pull()
        self.come_to_rest()
        self.assertEqual(self.get_own_deleted(self.get_rows(resource="payments").filtered("deleted_at")), [])
        self.assert_agrees(move)
        self.assert_push_changes_nothing(move)
