from collections import Counter
from decimal import Decimal
from unittest.mock import patch

from odoo import SUPERUSER_ID
from odoo.tests import HttpCase, tagged

from odoo.addons.bfocused_billing.tests.size import at_size

from .test_pull import PullCase
from .webhook_common import ToldMixin

CUSTOMERS = at_size(40, 8)
INVOICES = 5 * CUSTOMERS  # two of each story at least
PRICE = 100.0  # without VAT

# What befalls an invoice: the sandbox' plays, in order. Each story is told of as many invoices as any other.
STORIES = {
    "paid at once": [("pay", {})],
    "paid in part": [("pay", {"amount": "30.00"})],
    "paid in two parts": [("pay", {"amount": "30.00"}), ("pay", {"method": "creditcard"})],
    "paid too much": [("pay", {"amount": "150.00"})],
    "debited": [("debit", {}), ("settle_debit", {})],
    "debit refused": [("debit", {}), ("fail_debit", {"code": "AM04"}), ("remind", {})],
    "reversed": [("debit", {}), ("settle_debit", {}), ("reverse", {"code": "AM04"})],
    "reversed and paid later": [("debit", {}), ("settle_debit", {}), ("reverse", {"code": "MD06"}), ("pay", {})],
    "refunded": [("pay", {}), ("refund", {})],
    "reminded": [("remind", {"step": "pre_reminder"}), ("remind", {"step": "reminder_1"})],
    "final notice": [("remind", {"step": "reminder_1"}), ("remind", {"step": "final_reminder"})],
    "in collection": [("make_collectable", {}), ("collection", {"interest": "1.23"}), ("case_step", {})],
    "costs paid": [("make_collectable", {}), ("collection", {}), ("pay_costs", {}), ("pay", {})],
    "at the bailiff": [("collection", {}), ("bailiff", {}), ("pay_bailiff", {"amount": "25.00"})],
    "disputed": [("dispute", {"content": "Dit klopt niet"})],
    "bounced": [("bounce", {}), ("pay", {"amount": "0.01"})],
    "deleted": [("delete", {"resource": "invoices"})],
    "proposed a plan": [("propose_plan", {})],
    "paid to us": [],  # see pay_here
    "paid together": [],  # see pay_together
}


class PlayCase(PullCase):
    """What happens at PAYT to many invoices ends up here to the cent."""

    def setUp(self):
        super().setUp()
        self.backend.action_make_journal()
        income = self.company_data["default_account_revenue"]
        self.backend.write(
            {
                "costs_account_id": income.copy({"code": "880001", "name": "Collection costs"}).id,
                "interest_account_id": income.copy({"code": "880002", "name": "Interest"}).id,
            }
        )
        self.customers = self.env["res.partner"].concat(
            *(
                self.make_customer(f"Debiteur {place}", email=f"d{place}@debiteur.example", ref=f"P{place:03}")
                for place in range(CUSTOMERS)
            )
        )
        self.push()

        module = "odoo.addons.bfocused_payt_connector.models.incoming.payt_mirror"
        self.enterContext(patch(f"{module}.APPLIED_PER_JOB", INVOICES // 4))

    # === THE PLAY

    def make_invoices(self):
        """:return: dict of story to invoices"""
        moves = self.env["account.move"].concat(
            *(
                self.make_invoice(
                    PRICE,
                    partner=self.customers[place % CUSTOMERS],
                    mandate_id=self.customers[place % CUSTOMERS]._get_billing_mandate(self.company).id,
                )
                for place in range(INVOICES)
            )
        )
        self.send(moves, sending_methods=["payt"])
        self.push()
        self.assertEqual(set(moves.mapped("payt_state")), {"pushed"}, set(moves.mapped("payt_message")))
        self.sandbox.play("send_all")
        stories = list(STORIES)
        # five stories for each customer, so that those of one story have different customers
        return {
            story: moves.filtered(lambda move, at=at: moves.ids.index(move.id) // CUSTOMERS % 5 == at % 5).sorted("id")[
                at // 5 :: 4
            ]
            for at, story in enumerate(stories)
        }

    def play(self):
        """:return: dict of story to invoices"""
        by_story = self.make_invoices()
        for story, moves in by_story.items():
            for move in moves:
                for do, values in STORIES[story]:
                    self.sandbox.play(do, invoice=move.name, **self.complete(do, values, move))
        self.pay_together(by_story["paid together"])
        self.pay_here(by_story["paid to us"])
        return by_story

    def complete(self, do, values, move):
        if do != "propose_plan":
            return values
        half = f"{move.amount_total / 2:.2f}"
        rest = f"{Decimal(f'{move.amount_total:.2f}') - Decimal(half):.2f}"
        return {"terms": [{"amount": half, "due_date": "2027-01-15"}, {"amount": rest, "due_date": "2027-02-15"}]}

    def pay_together(self, moves):
        """Invoices of one customer in one payment, together with another one that is open."""
        for move in moves:
            mates = self.env["account.move"].search(
                [("partner_id", "=", move.partner_id.id), ("payt_state", "=", "pushed"), ("id", "!=", move.id)], limit=1
            )
            names = [move.name, *(mate.name for mate in mates if self.theirs(mate))]
            self.sandbox.play("pay", invoice=names)

    def pay_here(self, moves):
        for move in moves:
            wizard = self.env["account.payment.register"].with_context(active_model="account.move", active_ids=move.ids)
            wizard.create({"amount": 50.0, "payment_date": "2026-01-20"}).action_create_payments()

    # === WHAT CAME OF IT

    def theirs(self, move):
        found = [one for one in self.sandbox.state()["invoices"] if one["invoice_number"] == move.name]
        return found[0] if found else None

    def assert_equal_here_and_there(self, by_story):
        """Invoice by invoice, and the clearing journal, to the cent."""
        self.push()
        self.assert_nothing_left()
        state = self.sandbox.state()
        invoices = {one["invoice_number"]: one for one in state["invoices"]}
        for story, moves in by_story.items():
            for move in moves:
                with self.subTest(story=story, invoice=move.name):
                    if story == "deleted":
                        self.assertNotIn(move.name, invoices)
                        self.assertEqual(move.payt_state, "error")
                        continue
                    there = invoices[move.name]
                    self.assertEqual(f"{move.amount_residual:.2f}", f"{max(Decimal(there['open_amount']), 0):.2f}")
                    self.assertEqual(move.payt_state, self.get_expected_state(there), there)
        self.assert_clearing(state)

    def get_expected_state(self, there):
        if Decimal(there["open_amount"]) <= 0:
            return "paid"
        if there.get("paused_at"):
            return "paused"
        for name, state in (
            ("bailiff_at", "bailiff"),
            ("debt_collection_at", "collection"),
            ("collectable_at", "collection"),
            ("final_reminder_at", "final_notice"),
            ("reminder_1_at", "reminded"),
            ("pre_reminder_at", "reminded"),
            ("sent_at", "sent"),
        ):
            if there.get(name):
                return state
        return "pushed"

    def assert_clearing(self, state):
        """What PAYT collected, less what was taken back, stands on the clearing journal; costs on their accounts."""
        collected, costs = Decimal(0), Decimal(0)
        for payment in state["payments"]:
            is_payts = payment.get("_psp_transaction_id") or payment["description"] == "Paid to the bailiff"
            if is_payts:
                collected += Decimal(payment["total_book_amount"])
                if payment["cost_type"] != "principal":
                    costs += Decimal(payment["total_book_amount"])
        items = self.env["account.move.line"].search(
            [("journal_id", "=", self.backend.journal_id.id), ("parent_state", "=", "posted")]
        )
        account = self.backend.journal_id.inbound_payment_method_line_ids.payment_account_id
        on_clearing = sum(items.filtered(lambda item: item.account_id in account).mapped("balance"))
        self.assertEqual(f"{on_clearing:.2f}", f"{collected:.2f}")
        booked = (self.backend.costs_account_id | self.backend.interest_account_id).mapped("current_balance")
        self.assertEqual(f"{-sum(booked):.2f}", f"{costs:.2f}")
        self.assertEqual(f"{sum(items.mapped('balance')):.2f}", "0.00")

    def assert_nothing_left(self):
        rows = self.get_rows()
        self.assertEqual(Counter(rows.mapped("state")), {"done": len(rows)}, set(rows.mapped("message")))

    def get_counts(self):
        """How much there is of everything that following makes."""
        models = ("account.payment", "account.move", "account.move.line", "account.partial.reconcile", "payt.event")
        models += ("mail.activity", "payment.return", "payt.credit.case", "bfocused.payment.arrangement", "payt.signal")
        return {model: self.env[model].sudo().search_count([]) for model in models}


@tagged("post_install", "-at_install")
class TestPlay(ToldMixin, PlayCase, HttpCase):
    def work_off(self):
        events = self.env["payt.webhook.event"].with_user(SUPERUSER_ID)
        while events.search_count(events._get_pending_domain(self.backend), limit=1):
            events._job_work_off(self.backend.id)
        self.follow()

    def test_all_stories_with_bad_webhooks(self):
        self.order(duplicate=0.3, shuffle=True, wrong_signature=0.2, drop=0.2, delay=0.001, seed=6)
        by_story = self.play()
        counts = self.deliver()
        self.assertTrue(counts["delivered"] > INVOICES and counts["dropped"] > INVOICES / 5, counts)
        self.work_off()
        self.pull()  # the truth, for what was dropped
        self.assert_equal_here_and_there(by_story)
        before = self.get_counts()
        self.deliver()
        self.work_off()
        self.env["payt.sync.mark"].sudo().search([]).write({"mark": False})
        self.pull()
        self.assertEqual(self.get_counts(), before, "all of it once more changes nothing")
        self.assert_equal_here_and_there(by_story)

    def test_all_stories_by_pull_alone(self):
        self.sandbox.world.set("payments_are_whole", True)  # the other reading of the contract
        by_story = self.play()
        self.pull()
        self.assert_equal_here_and_there(by_story)
        before = self.get_counts()
        self.pull()
        self.assertEqual(self.get_counts(), before)
