"""Payment arrangements and payment plans: both ways, over HTTP."""

from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from ..payt_api import backoff
from ..payt_api import operations as op
from .test_pull import PullCase


class PlanCase(PullCase):
    def setUp(self):
        super().setUp()
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: None))
        self.move = self.make_invoice_at_payt(100.0)
        self.pull()

    # === PAYT

    def get_plans(self):
        return self.sandbox.state()["payment_plans"]

    def play(self, what, **values):
        return self.sandbox.play(do=what, **values)

    def propose(self, *amounts, moves=None, **values):
        moves = moves or self.move
        amounts = amounts or (60.0, moves[0].amount_residual - 60.0)
        first = fields.Date.add(fields.Date.today(), days=30)
        terms = [
            {"amount": f"{amount:.2f}", "due_date": str(fields.Date.add(first, months=number))}
            for number, amount in enumerate(amounts)
        ]
        return self.play("propose_plan", invoice=moves.mapped("name"), terms=terms, **values)["payment_plan_id"]

    # === ODOO

    def push_again(self):
        """Without the pause after a failure."""
        self.env["payt.outbox"].sudo().search([("state", "=", "pending")]).next_try_at = False
        self.push()

    def make_arrangement(self, moves=None, count=3):
        moves = moves or self.move
        first = fields.Date.add(fields.Date.today(), days=30)
        return self.env["bfocused.payment.arrangement"].create(moves._prepare_arrangement(count, first))

    def agree(self, **values):
        arrangement = self.make_arrangement(**values)
        arrangement.action_agree()
        self.assertEqual(arrangement.payt_state, "queued")
        self.push()
        self.assertEqual(arrangement.payt_state, "pushed", arrangement.payt_message)
        return arrangement

    def get_arrangement(self, plan_id):
        return self.env["bfocused.payment.arrangement"].search([("payt_plan_id", "=", plan_id)])

    def read_proposal(self, **values):
        plan_id = self.propose(**values)
        self.pull()
        return self.get_arrangement(plan_id)

    def count(self, resource):
        return self.env["payt.outbox"].sudo().search_count([("resource", "=", resource)])

    def assert_nothing_goes_back(self):
        for resource in ("payment_plan", "payment_plan_approval", "payment_plan_rejection", "payment_plan_end"):
            self.assertEqual(self.count(resource), 0, resource)


@tagged("post_install", "-at_install")
class TestPlansFromOdoo(PlanCase):
    def test_what_was_agreed_is_a_plan_at_payt(self):
        arrangement = self.agree()
        [plan] = self.get_plans()
        self.assertEqual(arrangement.payt_plan_id, plan["id"])
        self.assertTrue(plan["active"])
        terms = [(term["due_date"], float(term["total_amount"])) for term in plan["payment_terms"]]
        self.assertEqual(terms, [(str(term.due_date), term.amount) for term in arrangement.term_ids])
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "pushed", "move_ids": self.move.ids}])
        self.assertEqual(len(arrangement.term_ids), 3)
        self.assertEqual(self.env["bfocused.payment.arrangement"].search_count([("move_ids", "in", self.move.ids)]), 1)

    def test_a_lost_answer_makes_no_second_plan(self):
        arrangement = self.make_arrangement()
        arrangement.action_agree()
        self.sandbox.fail("lost_answer", method="POST", path="/v1/payment_plans", times=1)
        self.push()
        self.assertEqual(arrangement.payt_state, "queued")
        self.assertEqual(len(self.get_plans()), 1)
        self.push_again()
        [plan] = self.get_plans()
        self.assertRecordValues(arrangement, [{"payt_state": "pushed", "payt_plan_id": plan["id"]}])

    def test_a_plan_whose_answer_was_lost_is_known_when_it_is_read(self):
        arrangement = self.make_arrangement()
        arrangement.action_agree()
        self.sandbox.fail("lost_answer", method="POST", path="/v1/payment_plans", times=1)
        self.push()
        self.pull()
        [plan] = self.get_plans()
        self.assertEqual(self.get_arrangement(plan["id"]), arrangement)
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "pushed"}])
        self.push_again()
        self.assertEqual(len(self.get_plans()), 1)

    def test_ended_before_we_knew_that_payt_has_it(self):
        arrangement = self.make_arrangement()
        arrangement.action_agree()
        self.sandbox.fail("lost_answer", method="POST", path="/v1/payment_plans", times=1)
        self.push()
        arrangement.action_end()
        self.pull()
        self.assertEqual(arrangement.state, "broken")
        self.push_again()
        [plan] = self.get_plans()
        self.assertTrue(plan["deactivated_at"])
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "broken", "payt_state": "pushed"}])

    def test_a_refusal_has_payts_words_and_can_be_tried_again(self):
        arrangement = self.make_arrangement()
        self.play("pay", invoice=self.move.name, amount="10.00", method="bank_transfer")
        arrangement.action_agree()
        self.push()
        self.assertEqual(arrangement.payt_state, "error")
        self.assertIn("open amount", arrangement.payt_message)
        self.assertEqual(arrangement.state, "agreed")
        self.assertTrue(arrangement.activity_ids)
        [payment] = [one for one in self.sandbox.state()["payments"] if float(one["total_amount"]) == 10.0]
        self.play("delete", resource="payments", id=payment["id"])
        arrangement.action_payt_retry()
        self.push()
        self.assertRecordValues(arrangement, [{"payt_state": "pushed", "payt_message": False}])

    def test_what_odoo_ends_payt_ends(self):
        arrangement = self.agree()
        arrangement.action_end()
        self.push()
        [plan] = self.get_plans()
        self.assertTrue(plan["deactivated_at"])
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "broken", "payt_state": "pushed", "payt_asked": False}])
        self.assertEqual(self.count("payment_plan_end"), 1)

    def test_without_payt_it_stays_here(self):
        move = self.make_invoice(50.0)
        arrangement = self.make_arrangement(moves=move)
        arrangement.action_agree()
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "none"}])
        self.assert_nothing_goes_back()


@tagged("post_install", "-at_install")
class TestPlansFromPayt(PlanCase):
    def test_a_proposal_asks_for_an_answer(self):
        arrangement = self.read_proposal(reason="Late customers")
        self.assertRecordValues(
            arrangement,
            [
                {
                    "state": "requested",
                    "asked_by": "customer",
                    "reason": "Late customers",
                    "partner_id": self.customer.id,
                    "move_ids": self.move.ids,
                    "amount": self.move.amount_residual,
                }
            ],
        )
        self.assertEqual(len(arrangement.activity_ids), 1)
        self.assertFalse(arrangement._is_editable())
        self.pull()
        self.assertEqual(len(arrangement.activity_ids), 1)
        self.assert_nothing_goes_back()

    def test_an_approval_goes_through_the_outbox(self):
        arrangement = self.read_proposal()
        arrangement.action_agree()
        self.assertFalse(self.get_plans()[0]["active"], "not in the user's transaction")
        self.assertEqual(arrangement.payt_state, "queued")
        self.follow_again(arrangement)
        self.assertEqual(arrangement.state, "agreed", "what was read before doesn't take it back")
        self.push()
        self.assertTrue(self.get_plans()[0]["active"])
        self.follow_again(arrangement)
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "pushed"}])
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "pushed", "move_ids": self.move.ids}])
        self.assertIn("arrangement", self.move._get_debit_problem(fields.Date.today()))

    def follow_again(self, arrangement):
        self.get_rows(resource="payment_plans", payt_id=arrangement.payt_plan_id).sudo().state = "pending"
        self.follow()

    def test_an_approval_whose_answer_was_lost(self):
        arrangement = self.read_proposal()
        arrangement.action_agree()
        self.sandbox.fail("lost_answer", method="PATCH", path="/v1/payment_plans/.*", times=1)
        self.push()
        self.assertEqual(arrangement.payt_state, "queued")
        self.push_again()
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "pushed", "payt_message": False}])

    def test_a_refusal_goes_through_the_outbox(self):
        arrangement = self.read_proposal()
        arrangement.action_refuse()
        self.push()
        self.assertTrue(self.get_plans()[0]["rejected_at"])
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "refused", "payt_state": "pushed"}])

    def test_answered_at_payt_meanwhile(self):
        arrangement = self.read_proposal()
        self.answer_at_payt(arrangement, op.APPROVE_PAYMENT_PLAN)
        arrangement.action_refuse()
        self.push()
        self.assertEqual(arrangement.payt_state, "error")
        self.assertIn("not waiting", arrangement.payt_message)
        self.pull()
        self.assertEqual(arrangement.state, "agreed", "PAYT refused ours, so its state counts")
        self.assertTrue(arrangement.payt_message)

    def answer_at_payt(self, arrangement, operation):
        with self.backend._get_client() as client:
            client.write_one(operation, payt_id=arrangement.payt_plan_id)

    def test_answers_given_at_payt_are_followed(self):
        other = self.make_invoice_at_payt(70.0)
        accepted = self.read_proposal()
        rejected = self.read_proposal(moves=other)
        self.assertEqual(rejected.move_ids, other)
        self.answer_at_payt(accepted, op.APPROVE_PAYMENT_PLAN)
        self.answer_at_payt(rejected, op.REJECT_PAYMENT_PLAN)
        self.pull()
        self.assertEqual((accepted.state, rejected.state), ("agreed", "refused"))
        self.assertFalse((accepted + rejected).activity_ids)
        self.assert_nothing_goes_back()

    def test_the_invoices_are_those_payt_names(self):
        other = self.make_invoice_at_payt(100.0)
        plan_id = self.propose()
        self.pull()
        arrangement = self.get_arrangement(plan_id)
        self.assertFalse(arrangement.move_ids, "two of this amount: PAYT doesn't say which")
        self.answer_at_payt(arrangement, op.APPROVE_PAYMENT_PLAN)
        self.pull()
        self.assertEqual(arrangement.move_ids, self.move)
        self.assertFalse(other.has_arrangement)

    def test_the_plan_before_its_invoices(self):
        plan_id = self.propose()
        with self.backend._get_client() as client:
            client.write_one(op.APPROVE_PAYMENT_PLAN, payt_id=plan_id)
        self.backend._pull_records("payment_plans", [plan_id])
        self.follow_once()
        self.assertEqual(self.get_rows(resource="payment_plans").state, "waiting")
        self.pull()
        arrangement = self.get_arrangement(plan_id)
        self.assertRecordValues(arrangement, [{"state": "agreed", "move_ids": self.move.ids}])

    def follow_once(self):
        self.env["payt.mirror"].sudo()._job_apply(self.backend.id)

    def test_terms_are_paid_and_it_is_kept(self):
        arrangement = self.agree()
        self.play("pay", invoice=self.move.name, amount=f"{arrangement.term_ids[0].amount:.2f}")
        self.pull()
        self.assertEqual(arrangement.term_ids.mapped("open_amount")[0], 0.0)
        self.assertTrue(arrangement.term_ids[0].paid_date)
        self.assertGreater(arrangement.term_ids[1].open_amount, 0.0)
        self.assertEqual(arrangement.state, "agreed")
        self.play("pay", invoice=self.move.name)
        self.pull()
        self.assertEqual(arrangement.state, "kept")
        self.assertEqual(self.count("payment_plan_end"), 0)

    def test_a_plan_that_is_paid_in_full_is_kept_with_or_without_a_moment(self):
        for how in ("inactive", "active"):
            with self.subTest(how):
                self.sandbox.world.set("plan_finishes", how)
                move = self.make_invoice_at_payt(100.0)
                arrangement = self.agree(moves=move)
                self.play("pay", invoice=move.name)
                self.pull()
                self.assertEqual(arrangement.state, "kept")
                self.assertEqual(self.count("payment_plan_end"), 0)

    def test_a_plan_that_is_over_without_a_moment_is_broken_once_it_is_late(self):
        self.sandbox.world.set("plan_finishes", "inactive")
        arrangement = self.agree()
        with self.backend._get_client() as client:
            client.write_one(op.DEACTIVATE_PAYMENT_PLAN, payt_id=arrangement.payt_plan_id)
        self.pull()
        self.assertEqual(arrangement.state, "agreed", "no instalment is late yet")
        with freeze_time(fields.Date.add(arrangement.term_ids[-1].due_date, days=30)):
            arrangement._watch(fields.Date.today())
            self.follow()
        self.assertEqual(arrangement.state, "broken")
        self.assertEqual(self.count("payment_plan_end"), 0)

    def test_a_lost_plan_that_was_paid_meanwhile_is_no_second_one(self):
        arrangement = self.make_arrangement()
        arrangement.action_agree()
        self.sandbox.fail("lost_answer", method="POST", path="/v1/payment_plans", times=1)
        self.push()
        self.play("pay", invoice=self.move.name)
        self.push_again()
        [plan] = self.get_plans()
        self.assertRecordValues(arrangement, [{"payt_state": "pushed", "payt_plan_id": plan["id"]}])
        self.pull()
        self.assertEqual(arrangement.state, "kept")

    def test_broken_at_payt(self):
        arrangement = self.agree()
        self.play("break_plan", plan=arrangement.payt_plan_id)
        self.pull()
        self.assertEqual(arrangement.state, "broken")
        self.assertEqual(len(arrangement.activity_ids), 1)
        self.assertFalse(self.move.has_arrangement)
        self.pull()
        self.assertEqual(len(arrangement.activity_ids), 1)
        self.assertEqual(self.count("payment_plan_end"), 0)

    def test_a_late_term_is_told_once_and_payt_decides(self):
        arrangement = self.agree()
        with freeze_time(fields.Date.add(arrangement.term_ids[0].due_date, days=7)):
            arrangement._watch(fields.Date.today())
            self.assertEqual(arrangement.state, "agreed")
            [activity] = arrangement.activity_ids
            activity.action_done()
            arrangement._watch(fields.Date.today())
            self.assertFalse(arrangement.activity_ids)

    def test_a_term_that_expired_at_payt_changes_nothing_by_itself(self):
        arrangement = self.agree()
        self.sandbox.world.clock.advance(40 * 24 * 3600)
        self.assertEqual(self.play("expire_terms")["terms"], 1)
        self.pull()
        self.assertEqual(arrangement.state, "agreed")

    def test_deleted_at_payt_is_shown(self):
        arrangement = self.agree()
        self.play("delete", resource="payment_plans", id=arrangement.payt_plan_id)
        self.pull()
        self.assertRecordValues(arrangement, [{"state": "agreed", "payt_state": "deleted"}])
        self.assertEqual(len(arrangement.activity_ids), 1)
        arrangement.action_end()
        self.assertEqual(self.count("payment_plan_end"), 0)
