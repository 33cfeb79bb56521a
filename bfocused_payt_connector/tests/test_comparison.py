from unittest.mock import patch

from odoo import SUPERUSER_ID, Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from ..handlers.payload import read_moment
from .test_pull import PullCase


class ComparisonCase(PullCase):
    """Nothing is only on its way: a difference is one at once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.biller = new_test_user(
            cls.env,
            "comparing_biller",
            "bfocused_billing.group_billing_user",
            company_id=cls.company.id,
            company_ids=[Command.set(cls.company.ids)],
        )

    def setUp(self):
        super().setUp()
        self.backend.compare_grace_minutes = 0
        self.sandbox.world.clock.advance(-600)  # PAYT's moments are whole seconds: each reading gets one, see pull

    def pull(self):
        """What happens at PAYT afterwards has a later moment than what was read."""
        result = super().pull()
        self.sandbox.world.clock.advance(1)
        return result

    def compare(self):
        """A whole comparison, as its jobs do it."""
        self.env.flush_all()
        comparison = self.env["payt.comparison"].with_user(SUPERUSER_ID)._start(self.backend)
        for _job in range(50):
            if comparison.state != "running":
                break
            comparison._job_compare()
        self.assertEqual(comparison.state, "done", comparison.message)
        return comparison

    def get_differences(self, **values):
        domain = [(name, "=", value) for name, value in {"state": "open", **values}.items()]
        return self.env["payt.difference"].search(domain)

    def assert_difference(self, kind, move, cause):
        """There is one difference, this one."""
        difference = self.get_differences()
        self.assertEqual((difference.mapped("kind"), difference.mapped("cause")), ([kind], [cause]))
        self.assertEqual((difference.move_id, difference.number), (move, move.name))
        return difference

    def assert_solved(self, difference):
        self.compare()
        self.assertEqual(self.get_differences().mapped("kind"), [])
        self.assertEqual(difference.state, "solved")
        self.assertTrue(difference.solved_at)

    def get_theirs(self, move):
        [found] = [one for one in self.sandbox.state()["invoices"] if one["invoice_number"] == move.name]
        return found


@tagged("post_install", "-at_install")
class TestComparison(ComparisonCase):
    def test_what_is_the_same_is_no_difference(self):
        self.make_invoice_at_payt()
        self.make_invoice_at_payt(50.0)
        self.make_invoice_at_payt(30.0, move_type="out_refund")
        self.pull()
        comparison = self.compare()
        self.assertEqual(comparison.invoice_count, 3)
        self.assertFalse(self.get_differences())

    def test_what_was_paid_there_is_read_again(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.sandbox.play(do="pay", invoice=move.name)
        self.compare()
        difference = self.assert_difference("paid_there", move, "not_read")
        self.assertIn("121.00", difference.shown_here)
        self.assertIn("0.00", difference.shown_there)
        self.assertFalse(self.get_rows(resource="payments"))
        difference.with_user(self.biller).action_pull()
        payment = self.get_rows(resource="payments")
        self.assertEqual(payment.payload["invoice_id"], difference.payt_id)
        self.assertEqual(payment.state, "pending")
        self.assertEqual(difference.mended_by_id, self.biller)
        opened = difference.with_user(self.biller).action_open_payments()
        self.assertIn(payment, self.env["payt.mirror"].search(opened["domain"]))

    def test_an_invoice_paid_twice_has_one_row_or_none(self):
        same = self.make_invoice_at_payt()
        self.sandbox.play(do="pay", invoice=same.name, amount="150.00")
        self.pull()
        self.compare()
        self.assertLessEqual(len(self.get_differences()), 1)
        self.assertNotIn("unexplained", self.get_differences().mapped("cause"))
        self.assertNotIn("state", self.get_differences().mapped("kind"))

    def test_what_was_written_off_there_has_one_row(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.sandbox.play(do="pay", invoice=move.name)
        self.pull()
        payment = self.get_rows(resource="payments")
        payment.sudo().write({"state": "dismissed", "message": "Written off at PAYT."})
        self.env["account.payment"].search([("payt_move_id", "=", move.id)]).action_draft()
        self.clear_outbox()
        move.sudo().payt_state = "paid"
        self.compare()
        self.assertEqual(self.get_differences().mapped("kind"), ["paid_there"])

    def test_a_change_in_the_second_of_the_reading_is_explained(self):
        self.sandbox.world.clock.set(self.sandbox.world.clock.now(), frozen=True)
        move = self.make_invoice_at_payt()
        PullCase.pull(self)
        self.sandbox.play(do="pay", invoice=move.name)  # in the same second
        self.env.flush_all()
        self.compare()
        self.assert_difference("paid_there", move, "not_read")

    def test_a_payment_that_could_not_be_booked_says_why(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play(do="pay", invoice=move.name, amount="20.00")
        self.pull()
        payment = self.get_rows(resource="payments")
        payment.sudo().write({"state": "error", "message": "The period is locked."})
        self.compare()
        difference = self.get_differences(kind="open_amount")
        self.assertEqual(difference.cause, "not_followed")
        self.assertIn("The period is locked.", difference.explanation)
        self.assertTrue(difference.can_book)
        difference.with_user(self.biller).action_book()
        self.assertEqual(payment.state, "pending")

    def test_what_changed_here_is_pushed_again(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.pay(move, 21.0)
        self.compare()
        difference = self.assert_difference("open_amount", move, "outbox_waits")
        self.clear_outbox()  # as if it had been lost
        self.compare()
        self.assert_difference("open_amount", move, "unexplained")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assertEqual(self.get_theirs(move)["open_amount"], "100.00")
        self.assert_solved(difference)

    def test_what_was_paid_here_is_pushed_again(self):
        move = self.make_invoice_at_payt()
        self.pay(move)
        self.clear_outbox()
        self.compare()
        difference = self.assert_difference("paid_here", move, "not_read")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assert_solved(difference)

    def test_a_refusal_of_payt_is_the_cause(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.pay(move, 21.0)
        self.sandbox.fail("record_error", method="POST", path="/v1/invoices")
        self.push()
        self.compare()
        money = self.get_differences(kind="open_amount")
        self.assertEqual((money.move_id, money.cause), (move, "outbox_refused"))
        self.assertTrue(money.detail)
        self.assertIn(money.detail, money.explanation)

    def test_what_was_deleted_there_is_shown_and_pushed_as_a_new_one(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play(do="send", invoice=move.name)
        move._mark_sent_by_payt(read_moment(self.get_theirs(move)["sent_at"]))
        sent_at = self.get_theirs(move)["sent_at"]
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.compare()
        difference = self.assert_difference("deleted", move, "deleted")
        self.assertEqual(difference.state, "open")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assertEqual(self.get_theirs(move)["sent_at"], sent_at)  # so it isn't sent twice
        self.assert_solved(difference)

    def test_what_never_arrived_is_pushed(self):
        move = self.make_invoice_at_payt()
        store = self.sandbox.world.store
        store.invoices.remove(store.invoices.by("invoice_number", move.name))
        self.compare()
        difference = self.assert_difference("missing_at_payt", move, "unknown_there")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assert_solved(difference)

    def test_what_was_never_handed_over_is_handed_over(self):
        move = self.make_invoice()
        self.clear_outbox()
        self.compare()
        difference = self.assert_difference("missing_at_payt", move, "never_handed")
        difference.with_user(self.biller).action_push()
        self.perform(self.get_sending_jobs())
        self.push()
        self.assertEqual(move.payt_state, "pushed")
        self.assert_solved(difference)

    def test_what_another_way_of_sending_took_is_not_missing(self):
        self.customer.invoice_sending_method = "email"
        move = self.make_invoice()
        self.clear_outbox()
        self.compare()
        self.assertFalse(self.get_differences())
        self.assertEqual(move.payt_state, "none")

    def test_what_only_payt_has_is_listed_until_it_is_paid(self):
        move = self.make_invoice_at_payt()
        store = self.sandbox.world.store
        record = store.invoices.by("invoice_number", move.name)
        # by chance, its identifier is the id of an invoice of ours
        foreign = {**record, "invoice_number": "OLD-1", "invoice_identifier": str(move.id), "_payment_ids": []}
        store.invoices.add(foreign)
        self.compare()
        difference = self.get_differences()
        self.assertEqual(
            (difference.kind, difference.number, difference.cause), ("missing_in_odoo", "OLD-1", "foreign")
        )
        self.assertFalse(difference.can_push)
        difference.with_user(self.biller).action_check_again()
        self.assertEqual(difference.state, "open")
        self.sandbox.play(do="pay", invoice="OLD-1")
        difference.with_user(self.biller).action_check_again()
        self.assertEqual(difference.state, "solved")

    def test_a_reminder_that_odoo_does_not_know_is_a_difference(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.sandbox.play(do="remind", invoice=move.name)
        self.compare()
        difference = self.assert_difference("state", move, "not_read")
        self.assertEqual((difference.here, difference.there), ("pushed", "reminded"))
        self.assertEqual(difference.shown_there, "Reminded")
        difference.with_user(self.biller).action_pull()
        self.assertTrue(self.get_rows(payt_id=difference.payt_id).payload["reminder_1_at"])
        move.sudo().payt_state = "reminded"  # what following does with it
        self.assert_solved(difference)

    def test_a_draft_that_payt_goes_on_reminding_is_stopped(self):
        move = self.make_invoice_at_payt()
        move.button_draft()
        self.clear_outbox()
        self.compare()
        difference = self.assert_difference("state", move, "draft")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assertTrue(self.get_theirs(move)["paused_at"])
        self.assert_solved(difference)

    def test_another_payment_method_is_pushed_again(self):
        move = self.make_invoice_at_payt()
        record = self.sandbox.world.store.invoices.by("invoice_number", move.name)
        record["payment_method"] = "direct_debit"
        self.sandbox.world.store.invoices.touch(record)
        self.pull()
        self.compare()
        difference = self.assert_difference("payment_method", move, "unexplained")
        difference.with_user(self.biller).action_push()
        self.push()
        self.assert_solved(difference)

    def test_another_currency_is_compared_in_its_own(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        move = self.make_invoice_at_payt(currency_id=dollar.id)
        self.pull()
        self.compare()
        self.assertFalse(self.get_differences())
        self.sandbox.play(do="pay", invoice=move.name, amount="21.00")
        self.compare()
        difference = self.assert_difference("open_amount", move, "not_read")
        self.assertIn("$", difference.shown_there)


@tagged("post_install", "-at_install")
class TestComparisonRuns(ComparisonCase):
    def test_what_is_on_its_way_is_no_difference_for_an_hour(self):
        self.backend.compare_grace_minutes = 60
        paid_here, paid_there, new = self.make_invoice_at_payt(), self.make_invoice_at_payt(), self.make_invoice()
        self.pull()
        self.pay(paid_here, 21.0)
        self.sandbox.play(do="pay", invoice=paid_there.name)
        self.compare()
        self.assertFalse(self.get_differences())
        self.backend.compare_grace_minutes = 0
        self.compare()
        self.assertEqual(self.get_differences().move_id, paid_here | paid_there | new)

    def test_mending_is_not_solving(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.pay(move, 21.0)
        self.clear_outbox()
        self.compare()
        difference = self.get_differences()
        self.backend.compare_grace_minutes = 60
        difference.with_user(self.biller).action_push()
        self.compare()
        self.assertEqual(difference.state, "open")  # PAYT doesn't have it yet
        difference.with_user(self.biller).action_check_again()
        self.assertEqual(difference.state, "open")
        self.push()
        difference.with_user(self.biller).action_check_again()
        self.assertEqual(difference.state, "solved")

    def test_two_comparisons_at_once_are_one(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        comparisons = self.env["payt.comparison"].with_user(SUPERUSER_ID)
        first = comparisons._start(self.backend)
        self.assertEqual(comparisons._start(self.backend), first)
        first._job_compare()
        self.compare()
        self.compare()
        self.assertEqual(len(self.get_differences()), 1)
        self.assertEqual(comparisons.search_count([("backend_id", "=", self.backend.id)]), 2)

    def test_what_was_left_as_it_is_comes_back_when_it_changes(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.pay(move, 21.0)
        self.compare()
        difference = self.get_differences()
        difference.with_user(self.biller).action_dismiss()
        self.compare()
        self.assertEqual(difference.state, "dismissed")
        self.pay(move, 10.0)
        self.compare()
        self.assertEqual(difference.state, "open")

    def test_a_solved_one_stays_as_history(self):
        move = self.make_invoice_at_payt()
        self.pay(move, 21.0)
        self.compare()
        first = self.get_differences()
        self.push()
        self.assert_solved(first)
        self.pay(move, 10.0)
        self.compare()
        self.assertNotEqual(self.get_differences(), first)
        self.assertEqual(first.state, "solved")

    def test_a_long_list_is_compared_in_steps(self):
        moves = [self.make_invoice_at_payt() for _number in range(5)]
        for move in moves[:2]:
            self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.patch_sizes(per_page=1, steps=2)
        comparison = self.compare()
        self.assertEqual(comparison.invoice_count, 5)
        self.assertEqual(self.get_differences().mapped("kind"), ["deleted"] * 2)
        self.env.cr.execute("SELECT count(*) FROM payt_comparison_seen")
        self.assertEqual(self.env.cr.fetchone(), (0,))

    def patch_sizes(self, per_page, steps):
        module = "odoo.addons.bfocused_payt_connector.models.monitoring.payt_comparison"
        self.patch_const(f"{module}.COMPARED_PER_STEP", per_page)
        client = type(self.backend._get_client())
        read = client.iter_pages
        self.patch(client, "iter_pages", lambda *a, **k: read(*a, **{"per_page": per_page, **k}))
        comparison = type(self.env["payt.comparison"])
        go_on = comparison._go_on
        self.patch(comparison, "_go_on", lambda record, client: go_on(record, client, steps))

    def patch_const(self, name, value):
        self.enterContext(patch(name, value))

    def test_a_failed_comparison_solves_nothing(self):
        move = self.make_invoice_at_payt()
        self.pay(move, 21.0)
        self.compare()
        difference = self.get_differences()
        self.push()
        self.backend._note_stop("for the test")
        comparison = self.env["payt.comparison"].with_user(SUPERUSER_ID)._start(self.backend)
        comparison._job_compare()
        self.assertEqual((comparison.state, difference.state), ("failed", "open"))

    def test_a_forbidden_reading_stops_the_connection(self):
        self.sandbox.fail("forbidden", path="/v1/invoices")
        comparison = self.env["payt.comparison"].with_user(SUPERUSER_ID)._start(self.backend)
        comparison._job_compare()
        self.assertEqual(comparison.state, "failed")
        self.assertTrue(self.backend.paused)

    def test_only_billers_of_the_company_see_differences(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.backend.with_user(self.biller).action_compare()
        self.compare()
        difference = self.get_differences()
        self.assertEqual(self.env["payt.difference"].with_user(self.biller).search([]), difference)
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        outsider = new_test_user(
            self.env,
            "compare_outsider",
            "bfocused_billing.group_billing_user",
            company_id=elsewhere.id,
            company_ids=[Command.set(elsewhere.ids)],
        )
        self.assertFalse(self.env["payt.difference"].with_user(outsider).search([]))
        for action in ("action_push", "action_pull", "action_dismiss", "action_check_again", "action_open_payments"):
            with self.assertRaises(AccessError):
                getattr(difference.with_user(outsider), action)()
