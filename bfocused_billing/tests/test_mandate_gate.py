from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import UserError

from .common import day
from .mandate_common import SIGNATURE, MandateCase

REFUSED = "No direct-debit mandate. Ask Hotel Zonder to sign one."


class TestMandateProblem(MandateCase):
    """One question, with a sentence for each thing that can be wrong."""

    def setUp(self):
        super().setUp()
        self.mandate = self.customer._get_billing_mandate(self.company)
        self.subscription = self.make_subscription(self.month, self.cloudbox)

    def assert_problem(self, words):
        """The customer, the subscription, an order and the run say the same."""
        problem = self.subscription._get_mandate_problem()
        self.assertIn(words, problem)
        self.assertEqual(self.make_order(self.cloudbox, customer=self.customer)._get_mandate_problem(), problem)
        self.assertEqual(self.subscription.mandate_problem, problem)
        run = self.make_run("2026-01-01")
        run.action_preview()
        self.assertRecordValues(run.line_ids, [{"outcome": "held", "message": problem}])

    def test_a_usable_mandate_is_no_problem(self):
        self.assertFalse(self.subscription._get_mandate_problem())
        self.assertFalse(self.subscription.mandate_problem)
        self.assertFalse(self.make_order(self.cloudbox, customer=self.customer).mandate_problem)

    def test_none(self):
        self.mandate.unlink()
        self.assert_problem("No direct-debit mandate. Ask Bakkerij Jansen to sign one.")

    def test_draft(self):
        self.mandate.state = "draft"
        self.assert_problem("is not signed yet")

    def test_expired(self):
        self.mandate.state = "expired"
        self.assert_problem("has expired")

    def test_cancelled(self):
        self.mandate.cancel()
        self.assert_problem("was cancelled")

    def test_for_one_collection_only(self):
        self.mandate.type = "oneoff"
        self.assert_problem("for one collection only")

    def test_archived_bank_account(self):
        self.mandate.partner_bank_id.active = False
        self.assert_problem("is archived")

    def test_another_company(self):
        other = self.env["res.company"].create({"name": "Other B.V."})
        self.mandate.unlink()
        foreign = self.make_mandate(self.customer, company_id=other.id)
        self.assert_problem("are for another company than Creditor Test B.V.")
        self.assertIn("was signed for Other B.V.", self.customer._get_mandate_problem(self.company, foreign))

    def test_wrong_account_holder(self):
        foreign = self.make_customer("Stranger")._get_billing_mandate(self.company)
        self.assertEqual(
            self.customer._get_mandate_problem(self.company, foreign),
            f"Mandate {foreign.unique_mandate_reference} was signed by Stranger, not by Bakkerij Jansen.",
        )

    def test_b2b_that_is_not_registered_at_the_bank(self):
        self.mandate.scheme = "B2B"
        self.assert_problem("isn't registered at the customer's bank yet")
        self.mandate.b2b_registered_date = "2026-01-01"
        self.assertFalse(self.subscription._get_mandate_problem())

    def test_no_direct_debit_payment_mode(self):
        self.company.billing_payment_mode_id = False
        self.subscription.unlink()
        self.subscription = self.make_subscription(self.month, self.cloudbox)
        self.assert_problem("No direct-debit payment mode")

    def test_the_mandate_of_the_commercial_entity_counts_for_its_contacts(self):
        contact = self.env["res.partner"].create({"name": "Jan", "parent_id": self.customer.id})
        self.assertFalse(self.make_order(self.cloudbox, customer=contact)._get_mandate_problem())


class TestMandateGate(MandateCase):
    """No path reaches a running subscription or a posted subscription invoice without a valid mandate (R1)."""

    def assert_refused(self, do, words=REFUSED):
        running = [("stage_id.type", "=", "in_progress"), ("partner_id", "=", self.newcomer.id)]
        with self.assertRaisesRegex(UserError, words), self.cr.savepoint():
            do()
        self.env.invalidate_all()
        self.assertFalse(self.env["sale.subscription"].search(running))

    # === orders

    def test_an_order_with_subscriptions_is_not_confirmed(self):
        order = self.make_order(self.cloudbox, self.router)
        self.assert_refused(order.action_confirm)
        self.assertEqual(order.state, "draft")
        self.assertEqual(order.mandate_problem, REFUSED)
        self.make_mandate(self.newcomer)
        order.action_confirm()
        self.assertTrue(order.subscription_ids.in_progress)

    def test_an_order_without_subscriptions_needs_no_mandate(self):
        order = self.make_order(self.router)
        self.assertFalse(order.mandate_problem)
        order.action_confirm()
        self.assertEqual(order.state, "sale")

    def test_a_copied_order_is_not_confirmed_either(self):
        mandate = self.make_mandate(self.newcomer)
        order = self.make_order(self.cloudbox)
        mandate.cancel()
        self.assert_refused(order.copy().action_confirm, "was cancelled")

    def test_a_subscription_line_is_not_added_to_a_confirmed_order(self):
        order = self.make_order(self.router)
        order.action_confirm()
        self.assert_refused(lambda: order.write({"order_line": [Command.create({"product_id": self.cloudbox.id})]}))

    def test_an_order_whose_state_is_written_makes_no_subscription(self):
        order = self.make_order(self.cloudbox)
        order.state = "sale"
        self.assertFalse(self.newcomer.subscription_ids)
        today = fields.Date.today()
        order.date_order = today.replace(day=1) - timedelta(days=5)
        self.assertFalse(self.bill(str(today.replace(day=1))).line_ids)

    def test_an_order_for_renewal_is_not_confirmed(self):
        subscription = self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, running=False)
        self.assert_refused(subscription.create_sale_order, "invoiced by a billing run")
        renewal = self.make_order(self.cloudbox, order_subscription_id=subscription.id)
        self.assert_refused(renewal.action_confirm)

    def test_an_order_paid_by_transfer_still_needs_a_mandate_for_its_subscriptions(self):
        order = self.make_order(self.cloudbox, payment_mode_id=self.make_transfer_mode().id)
        self.assert_refused(order.action_confirm)

    def test_without_the_billing_nothing_changes(self):
        self.company.use_billing = False
        order = self.make_order(self.router)
        order.order_line.product_id.subscribable = True
        order.order_line.product_id.subscription_template_id = self.month
        order.action_confirm()
        self.assertTrue(order.subscription_ids.in_progress)

    # === subscriptions

    def make_draft(self, **values):
        return self.make_subscription(self.month, self.cloudbox, customer=self.newcomer, running=False, **values)

    def test_the_start_button_refuses(self):
        self.assert_refused(self.make_draft().action_start_subscription)

    def test_writing_the_stage_or_the_mark_refuses(self):
        subscription = self.make_draft()
        in_progress = self.make_stage("in_progress")
        self.assert_refused(lambda: subscription.write({"stage_id": in_progress.id}))
        self.assert_refused(lambda: subscription.write({"in_progress": True}))

    def test_creating_one_that_runs_refuses(self):
        self.assert_refused(lambda: self.make_draft(stage_id=self.make_stage("in_progress").id))
        self.assert_refused(lambda: self.make_draft(in_progress=True))

    def test_importing_one_that_runs_refuses(self):
        columns = ["code", "partner_id/.id", "template_id/.id", "pricelist_id/.id", "date_start", "stage_id/.id"]
        pricelist = self.company._ensure_billing_pricelist(self.company.currency_id)
        stage = self.make_stage("in_progress")
        row = ["IMP-1", self.newcomer.id, self.month.id, pricelist.id, "2026-01-01", stage.id]
        subscriptions = self.env["sale.subscription"].with_company(self.company)
        result = subscriptions.load(columns, [[str(cell) for cell in row]])
        self.assertFalse(result["ids"])
        self.assertIn("No direct-debit mandate", result["messages"][0]["message"])
        self.assertFalse(self.newcomer.subscription_ids)

    def test_a_stage_that_becomes_in_progress_refuses(self):
        subscription = self.make_draft()
        stage = self.env["sale.subscription.stage"].create({"name": "Trial", "type": "pre"})
        subscription.stage_id = stage
        self.assert_refused(lambda: stage.write({"type": "in_progress"}))

    def test_reopening_refuses(self):
        mandate = self.make_mandate(self.newcomer)
        subscription = self.make_draft()
        subscription.action_start_subscription()
        subscription.close_subscription()
        mandate.cancel()
        self.assert_refused(subscription.action_start_subscription, "was cancelled")

    def test_unarchiving_a_running_one_refuses(self):
        mandate = self.make_mandate(self.newcomer)
        subscription = self.make_draft()
        subscription.sale_subscription_line_ids.unlink()
        subscription.action_start_subscription()
        subscription.active = False
        mandate.cancel()
        self.assert_refused(lambda: subscription.write({"active": True}), "was cancelled")

    def test_a_running_one_is_not_given_to_a_payer_without_mandate(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        for name in ("partner_id", "partner_invoice_id"):
            with self.subTest(name), self.assertRaisesRegex(UserError, REFUSED), self.cr.savepoint():
                subscription[name] = self.newcomer

    def test_one_that_lost_its_mandate_can_still_be_changed(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.customer._get_billing_mandate(self.company).cancel()
        subscription.partner_invoice_id = self.customer
        other = self.make_customer("With mandate")
        subscription.partner_invoice_id = other
        self.assertFalse(subscription.mandate_problem)

    def test_the_daily_job_starts_none_without_mandate(self):
        subscription = self.make_draft()
        subscription.stage_id = self.make_stage("ready")
        subscription.cron_subscription_management()
        self.assertRecordValues(subscription, [{"stage_type": "pre", "awaits_mandate": True}])
        self.make_mandate(self.newcomer)
        self.assertTrue(subscription.in_progress)

    def test_another_cycle_for_a_held_one_does_not_start_a_running_one(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.customer._get_billing_mandate(self.company).cancel()
        change = self.env["bfocused.subscription.change"].create(
            {
                "line_id": subscription.sale_subscription_line_ids.id,
                "date": "2026-02-01",
                "template_id": self.quarter.id,
            }
        )
        change.action_apply()
        successor = self.customer.subscription_ids - subscription
        self.assertRecordValues(successor, [{"stage_type": "pre", "awaits_mandate": True}])

    # === held and released

    def test_an_imported_one_waits_is_held_by_the_run_and_starts_with_the_mandate(self):
        subscription = self.make_draft()
        subscription._start_or_wait()
        self.assertRecordValues(subscription, [{"stage_type": "pre", "in_progress": False, "awaits_mandate": True}])
        run = self.bill("2026-01-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "held", "message": REFUSED}])
        self.make_mandate(self.newcomer)
        self.assertRecordValues(subscription, [{"in_progress": True, "awaits_mandate": False}])
        self.assertEqual(subscription.date_start, day("2026-01-01"))
        run.action_retry()
        self.assertEqual(self.get_periods(self.get_invoices(self.newcomer)), [("2026-01-01", "2026-01-31")])

    def test_a_mandate_made_usable_by_another_way_starts_them_with_the_run(self):
        account = self.make_mandate(self.newcomer).partner_bank_id
        account.active = False
        subscription = self.make_draft()
        subscription._start_or_wait()
        account.active = True
        self.assertFalse(subscription.in_progress)
        run = self.make_run("2026-01-01")
        run.action_preview()
        self.assertFalse(subscription.in_progress, "a preview changes nothing")
        self.assertTrue(run.line_ids.outcome != "held")
        run.action_run()
        self.assertTrue(subscription.in_progress)
        self.assertEqual(self.get_periods(self.get_invoices(self.newcomer)), [("2026-01-01", "2026-01-31")])

    def test_the_user_s_move_to_another_stage_ends_the_waiting(self):
        subscription = self.make_draft()
        subscription._start_or_wait()
        subscription.stage_id = self.make_stage("draft")
        self.make_mandate(self.newcomer)
        self.assertFalse(subscription.in_progress)

    def test_running_ones_without_mandate_are_on_a_list(self):
        fine = self.make_subscription(self.month, self.cloudbox)
        lost = self.make_subscription(self.month, self.cloudbox, customer=self.make_customer("Lost"))
        lost.partner_id._get_billing_mandate(self.company).cancel()
        waiting, draft = self.make_draft(), self.make_draft()
        waiting._start_or_wait()
        listed = self.env["sale.subscription"].search([("mandate_problem", "!=", False)])
        self.assertEqual(listed & (fine + lost + waiting + draft), lost + waiting)
        others = self.env["sale.subscription"].search([("mandate_problem", "=", False)])
        self.assertEqual(others & (fine + lost + waiting + draft), fine + draft)

    @freeze_time("2026-02-10")
    def test_a_lost_mandate_holds_what_is_due_and_a_new_one_releases_it_by_itself(self):
        subscription = self.make_subscription(self.month, self.cloudbox, self.cloudbox)
        self.bill("2026-01-01")
        self.customer._get_billing_mandate(self.company).cancel()
        run = self.bill("2026-02-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertTrue(subscription.in_progress, "it goes on")
        self.make_mandate(self.customer)
        self.bill("2026-03-01")
        months = [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31")]
        self.assertEqual(self.get_periods(self.get_invoices()), [month for month in months for _line in range(2)])

    # === invoices

    def make_waiting_invoice(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-02-01")
        self.bill("2026-02-01")
        invoice = self.get_invoices()
        self.assertEqual(invoice.state, "draft", "under the minimum, so it waits")
        return invoice

    def test_a_waiting_invoice_is_not_posted_without_mandate(self):
        invoice = self.make_waiting_invoice()
        invoice.mandate_id.cancel()
        invoice.action_post()
        self.assertEqual(invoice.state, "draft", "it waits on")
        for post in (invoice.action_send_anyway, invoice._post):
            with self.assertRaisesRegex(UserError, "was cancelled"), self.cr.savepoint():
                post()
        self.env.invalidate_all()
        self.assertEqual(invoice.state, "draft")

    def test_a_subscription_invoice_is_not_posted_with_another_payment_mode(self):
        invoice = self.make_waiting_invoice()
        invoice.payment_mode_id = self.make_transfer_mode()
        with self.assertRaisesRegex(UserError, "paid by direct debit"):
            invoice.action_send_anyway()

    def test_a_waiting_invoice_goes_with_the_mandate_that_replaced_its_own(self):
        invoice = self.make_waiting_invoice()
        invoice.mandate_id.cancel()
        newer = self.make_mandate(self.customer)
        invoice.action_send_anyway()
        self.assertRecordValues(invoice, [{"state": "posted", "mandate_id": newer.id}])

    def test_other_invoices_are_posted_without_mandate(self):
        invoice = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "company_id": self.company.id,
                "partner_id": self.newcomer.id,
                "invoice_date": "2026-01-01",
                "invoice_line_ids": [Command.create({"product_id": self.router.id, "price_unit": 99})],
            }
        )
        invoice.action_post()
        self.assertEqual(invoice.state, "posted")


class TestAcceptedQuotation(MandateCase):
    """A quotation accepted on the portal is confirmed with the mandate; nothing of the acceptance is lost."""

    def accept(self, order):
        order.write({"signed_by": "Jan", "signature": SIGNATURE})
        order._validate_order()

    def test_it_waits_and_is_confirmed_with_the_mandate(self):
        order = self.make_order(self.cloudbox)
        self.accept(order)
        self.assertRecordValues(order, [{"state": "draft", "awaits_mandate": True, "signed_by": "Jan"}])
        self.make_mandate(self.newcomer)
        self.assertRecordValues(order, [{"state": "sale", "awaits_mandate": False}])
        self.assertTrue(order.subscription_ids.in_progress)

    def test_a_quotation_nobody_accepted_is_not_confirmed_by_a_mandate(self):
        order = self.make_order(self.cloudbox)
        self.make_mandate(self.newcomer)
        self.assertEqual(order.state, "draft")

    def test_a_cancelled_one_is_not_confirmed(self):
        order = self.make_order(self.cloudbox)
        self.accept(order)
        order._action_cancel()
        self.make_mandate(self.newcomer)
        self.assertEqual(order.state, "cancel")

    def test_one_that_fails_does_not_stop_the_mandate_or_the_others(self):
        broken, fine = self.make_order(self.cloudbox), self.make_order(self.internet)
        for order in broken + fine:
            self.accept(order)
        original = type(broken)._confirmation_error_message
        with patch.object(
            type(broken),
            "_confirmation_error_message",
            lambda order: "Broken." if order == broken else original(order),
        ):
            mandate = self.make_mandate(self.newcomer)
        self.assertEqual((broken + fine).mapped("state"), ["draft", "sale"])
        self.assertEqual(mandate.state, "valid")
        self.assertIn("Broken.", broken.message_ids[0].body)

    def make_payment(self, order, state="done"):
        provider = self.env["payment.provider"].create({"name": "Test", "code": "none", "company_id": self.company.id})
        return self.env["payment.transaction"].create(
            {
                "provider_id": provider.id,
                "payment_method_id": self.env.ref("payment.payment_method_unknown").id,
                "reference": f"{order.name}-{state}",
                "amount": order.amount_total,
                "currency_id": order.currency_id.id,
                "partner_id": order.partner_id.id,
                "sale_order_ids": order.ids,
                "state": state,
            }
        )

    def test_a_paid_one_keeps_its_payment_and_waits(self):
        order = self.make_order(self.cloudbox, require_payment=True, prepayment_percent=1.0)
        payment = self.make_payment(order)
        self.assertFalse(payment._check_amount_and_confirm_order())
        self.assertRecordValues(order, [{"state": "draft", "awaits_mandate": True}])
        self.make_mandate(self.newcomer)
        self.assertEqual(order.state, "sale")

    def test_a_part_payment_is_no_acceptance(self):
        order = self.make_order(self.cloudbox, require_payment=True, prepayment_percent=1.0)
        payment = self.make_payment(order)
        payment.amount = 1
        payment._check_amount_and_confirm_order()
        self.assertFalse(order.awaits_mandate)

    def test_a_paid_one_with_a_mandate_is_confirmed_at_once(self):
        self.make_mandate(self.newcomer)
        order = self.make_order(self.cloudbox, require_payment=True, prepayment_percent=1.0)
        self.assertEqual(self.make_payment(order)._check_amount_and_confirm_order(), order)
        self.assertEqual(order.state, "sale")
