from unittest.mock import patch

from psycopg2 import OperationalError

from odoo import Command

from .common import day
from .mandate_common import SIGNATURE, MandateCase, Signing

MIXIN = "odoo.addons.bfocused_billing.models.mandate.mandate_action_mixin"


class ReleaseCase(Signing, MandateCase):
    """Quotations and subscriptions that wait for a mandate."""

    def accept(self, order):
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()
        self.assertTrue(order.awaits_mandate)
        return order

    def make_waiting(self, customer=None):
        subscription = self.make_subscription(
            self.month, self.cloudbox, customer=customer or self.newcomer, running=False
        )
        subscription._start_or_wait()
        self.assertTrue(subscription.awaits_mandate)
        return subscription

    def fail(self, model, method, *broken, error=None):
        """Let ``method`` fail for the records ``broken``."""
        original = getattr(self.env.registry[model], method)

        def do(records, *args, **kwargs):
            if records in broken:
                raise error or ValueError("boom")
            return original(records, *args, **kwargs)

        return patch.object(self.env.registry[model], method, do)


class TestOneThatFails(ReleaseCase):
    """An unexpected error with one stops neither the signature, nor the run, nor the daily job, nor the others."""

    def test_the_signature_counts_and_the_others_start(self):
        broken, fine = self.make_waiting(), self.make_waiting()
        order = self.accept(self.make_order(self.cloudbox))
        with (
            self.fail("sale.subscription", "action_start_subscription", broken),
            self.fail("sale.order", "_create_subscriptions", order),
            self.fail("sale.order", "create_subscription", order),
            self.assertLogs(MIXIN, "ERROR") as logged,
        ):
            mandate = self.sign(self.make_request(self.newcomer))
        self.assertEqual(mandate.state, "valid")
        self.assertEqual((broken + fine).mapped("in_progress"), [False, True])
        self.assertRecordValues(order, [{"state": "draft", "awaits_mandate": True}])
        for record in (broken, order):
            self.assertIn("boom", record.message_ids[0].body)
            self.assertIn(str(record), str(logged.output))

    def test_the_question_itself_may_fail(self):
        broken, fine = self.make_waiting(), self.make_waiting()
        with self.fail("sale.subscription", "_get_mandate_problem", broken), self.assertLogs(MIXIN, "ERROR"):
            self.make_mandate(self.newcomer)
        self.assertEqual((broken + fine).mapped("in_progress"), [False, True])

    def test_the_run_and_the_daily_job_go_on_and_say_it_once(self):
        broken = self.make_waiting()
        account = self.make_mandate(self.newcomer, state="draft").partner_bank_id
        account.active = False
        account.mandate_ids.state = "valid"
        account.active = True
        with self.fail("sale.subscription", "action_start_subscription", broken), self.assertLogs(MIXIN, "ERROR"):
            run = self.bill("2026-02-01")
            self.env["sale.subscription"]._start_and_end_billed(day("2026-02-01"))
        self.assertIn(broken.partner_id, run.line_ids.partner_id)
        self.assertEqual(sum("boom" in message.body for message in broken.message_ids), 1)
        self.env["sale.subscription"]._start_and_end_billed(day("2026-02-01"))
        self.assertTrue(broken.in_progress)

    def test_a_transaction_the_database_gave_up_is_repeated_as_a_whole(self):
        broken = self.make_waiting()
        failing = self.fail("sale.subscription", "action_start_subscription", broken, error=OperationalError("again"))
        with failing, self.assertRaises(OperationalError):
            self.make_mandate(self.newcomer)


class TestDailyJob(ReleaseCase):
    """A mandate that becomes usable without a write on it releases what waited with the daily job."""

    def test_an_account_out_of_the_archive_confirms_what_was_accepted(self):
        account = self.make_mandate(self.newcomer).partner_bank_id
        account.active = False
        order = self.accept(self.make_order(self.cloudbox))
        untouched = self.make_order(self.cloudbox)
        self.env["sale.subscription"].cron_subscription_management()
        self.assertEqual(order.state, "draft")
        account.active = True
        self.env["sale.subscription"].cron_subscription_management()
        self.assertRecordValues(order, [{"state": "sale", "awaits_mandate": False}])
        self.assertTrue(order.subscription_ids.in_progress)
        self.assertEqual(untouched.state, "draft")


class TestChangedAfterAcceptance(ReleaseCase):
    """What was changed after the customer accepted it is accepted again before it is confirmed."""

    def assert_asked_again(self, order):
        self.assertRecordValues(order, [{"state": "draft", "awaits_mandate": False, "signed_by": False}])
        self.assertFalse(order.signature)
        self.assertIn("has to be accepted again", order.message_ids[0].body)

    def test_another_price_quantity_or_product_is_accepted_again(self):
        term = self.env["account.payment.term"].create({"name": "Later"})
        add, remove = Command.create({"product_id": self.router.id}), Command.delete
        for changes in (
            lambda order: order.order_line[0].write({"price_unit": 9999}),
            lambda order: order.order_line[0].write({"product_uom_qty": 2}),
            lambda order: order.write({"order_line": [add]}),
            lambda order: order.write({"order_line": [remove(order.order_line[1].id)]}),
            lambda order: order.order_line[1].unlink(),
            lambda order: self.env["sale.order.line"].create({"order_id": order.id, "product_id": self.router.id}),
            lambda order: order.write({"note": "Other terms"}),
            lambda order: order.write({"payment_term_id": term.id}),
        ):
            order = self.accept(self.make_order(self.cloudbox, self.router))
            changes(order)
            self.assert_asked_again(order)
        self.make_mandate(self.newcomer)
        self.assertEqual(order.state, "draft")
        self.accept_again(order)

    def accept_again(self, order):
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()
        self.assertEqual(order.state, "sale")

    def test_what_is_no_term_of_it_changes_nothing(self):
        order = self.accept(self.make_order(self.cloudbox))
        order.write({"client_order_ref": "PO-1", "order_line": [Command.update(order.order_line.id, {"sequence": 5})]})
        order.order_line.write({"price_unit": order.order_line.price_unit})
        self.assertRecordValues(order, [{"awaits_mandate": True, "signed_by": "Jan"}])
        self.make_mandate(self.newcomer)
        self.assertEqual(order.state, "sale")
