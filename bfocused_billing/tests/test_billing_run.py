from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import UserError

from .common import BillingCase, day


class TestBillingRun(BillingCase):
    """R4: the month turn bills each customer once, and one bad customer never stops the others."""

    # === WHAT IS BILLED

    def test_one_invoice_per_customer_for_all_cycles(self):
        self.make_subscription(self.month, self.cloudbox)
        self.make_subscription(self.quarter, self.internet)
        self.make_subscription(self.year, self.domain)
        run = self.bill("2026-01-01")
        invoice = self.get_invoices()
        self.assertEqual(len(invoice), 1)
        self.assertEqual(invoice.amount_untaxed, 30 + 120 + 15)
        self.assertEqual(
            self.get_periods(invoice),
            [("2026-01-01", "2026-01-31"), ("2026-01-01", "2026-03-31"), ("2026-01-01", "2026-12-31")],
        )
        self.assertEqual(invoice.invoice_line_ids.mapped("billing_cycle"), ["month", "quarter", "year"])
        self.assertRecordValues(
            run.line_ids,
            [
                {
                    "partner_id": self.customer.id,
                    "outcome": "invoiced",
                    "move_id": invoice.id,
                    "amount_untaxed": 165,
                    "amount_total": 199.65,
                }
            ],
        )

    def test_a_customer_with_two_invoice_addresses_gets_two_invoices(self):
        address = self.env["res.partner"].create({"name": "Branch", "parent_id": self.customer.id, "type": "invoice"})
        self.make_subscription(self.month, self.cloudbox, partner_invoice_id=self.customer.id)
        self.make_subscription(self.month, self.cloudbox, partner_invoice_id=address.id)
        self.bill("2026-01-01")
        self.assertEqual(self.get_invoices().partner_id, self.customer + address)

    def test_mandates_chosen_for_a_subscription_make_invoices_of_their_own(self):
        other = self.make_mandate(self.customer, signature_date="2024-01-01")
        self.make_subscription(self.month, self.cloudbox)
        self.make_subscription(self.month, self.cloudbox, mandate_id=other.id)
        self.bill("2026-01-01")
        self.assertEqual(len(self.get_invoices()), 2)
        self.assertIn(other, self.get_invoices().mandate_id)

    def test_the_period_stands_on_the_line_in_the_customers_language(self):
        english = self.make_customer("Smith Ltd", lang="en_US")
        self.make_subscription(self.quarter, self.internet)
        self.make_subscription(self.quarter, self.internet, customer=english)
        self.bill("2026-01-01")
        self.assertIn("1 januari 2026 t/m 31 maart 2026", self.get_invoices().invoice_line_ids.name)
        self.assertIn("1 January 2026 to 31 March 2026", self.get_invoices(english).invoice_line_ids.name)

    def test_a_first_broken_period_is_billed_by_day(self):
        self.make_subscription(self.quarter, self.internet, start="2026-02-10")
        self.bill("2026-03-01")
        line = self.get_invoices().invoice_line_ids
        self.assertEqual(self.get_periods(self.get_invoices()), [("2026-02-10", "2026-03-31")])
        self.assertEqual(line.price_subtotal, 66.67)  # 120 * 50 / 90
        self.assertEqual(line.quantity, 1)

    def test_a_broken_period_keeps_quantity_and_discount_and_is_exact(self):
        subscription = self.make_subscription(self.month, self.cloudbox, start="2026-02-10")
        subscription.sale_subscription_line_ids.write({"product_uom_qty": 7, "discount": 12.5, "price_unit": 33.33})
        self.bill("2026-03-01")
        first = self.get_invoices().invoice_line_ids.sorted("start_date")[0]
        self.assertEqual(first.price_subtotal, 138.53)  # 204.15 * 19 / 28
        self.assertEqual((first.quantity, first.discount), (7, 12.5))

    def test_missed_months_are_caught_up_in_one_invoice(self):
        self.make_subscription(self.month, self.cloudbox, self.internet)
        self.bill("2026-03-01")
        self.assertEqual(len(self.get_invoices()), 1)
        self.assertEqual(len(self.get_invoices().invoice_line_ids), 6)

    def test_a_year_that_turns_later_in_the_month_goes_along_with_the_turn_of_that_month(self):
        self.make_subscription(self.year, self.domain, self.internet, start="2025-03-12")
        self.bill("2025-03-01")
        self.assertFalse(self.get_invoices())
        self.bill("2025-04-01")
        self.bill("2026-02-01")
        self.assertEqual(len(self.get_invoices()), 1)
        self.bill("2026-03-01")
        self.assertIn(("2026-03-12", "2027-03-11"), self.get_periods(self.get_invoices()))

    def test_in_arrears_a_period_is_billed_after_its_last_day(self):
        self.quarter.billing_timing = "arrears"
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-03-31")
        self.assertFalse(self.get_invoices())
        self.bill("2026-04-01")
        self.assertEqual(self.get_periods(self.get_invoices()), [("2026-01-01", "2026-03-31")])

    def test_a_draft_subscription_is_not_billed(self):
        self.make_subscription(self.month, self.cloudbox, running=False)
        self.assertFalse(self.bill("2026-01-01").line_ids)

    # === ONCE

    def test_running_the_same_date_twice_bills_nobody_twice(self):
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        again = self.bill("2026-01-01")
        self.assertFalse(again.line_ids)
        self.assertEqual(len(self.get_invoices()), 1)

    def test_an_executed_run_can_not_be_run_again_or_deleted(self):
        run = self.bill("2026-01-01")
        with self.assertRaisesRegex(UserError, 'A run with the state "Done"'):
            run.action_run()
        with self.assertRaisesRegex(UserError, "wasn't executed"):
            run.unlink()

    # === HELD

    def test_an_invoice_of_a_locked_day_is_booked_on_the_next_open_one_and_says_so(self):
        self.make_subscription(self.quarter, self.internet)
        self.company.sale_lock_date = "2026-01-31"
        run = self.bill("2026-01-01")
        invoice = self.get_invoices()
        self.assertEqual(str(invoice.invoice_date), "2026-01-01")
        self.assertGreater(str(invoice.date), "2026-01-31")
        self.assertIn("The books are locked on the day of the invoice", run.line_ids.message)

    def test_a_customer_without_mandate_is_held_with_the_reason_and_billed_once_there_is_one(self):
        customer = self.make_customer("Hotel", with_mandate=False)
        self.make_subscription(self.quarter, self.internet, customer=customer)
        self.make_subscription(self.quarter, self.internet)
        run = self.bill("2026-01-01")
        self.assertRecordValues(
            run.line_ids.sorted("outcome"),
            [
                {
                    "partner_id": customer.id,
                    "outcome": "held",
                    "amount_total": 145.2,
                    "move_id": False,
                    "message": "No direct-debit mandate. Ask Hotel to sign one.",
                },
                {
                    "partner_id": self.customer.id,
                    "outcome": "invoiced",
                    "amount_total": 145.2,
                    "move_id": self.get_invoices().id,
                    "message": False,
                },
            ],
        )
        self.assertFalse(self.get_invoices(customer))
        self.make_mandate(customer)
        run.action_retry()
        self.assertEqual(self.get_periods(self.get_invoices(customer)), [("2026-01-01", "2026-03-31")])
        self.assertRecordValues(run, [{"invoice_count": 2, "held_count": 0, "state": "done"}])

    def test_what_was_held_is_dated_on_the_day_it_can_be_billed(self):
        customer = self.make_customer("Hotel", with_mandate=False)
        with freeze_time("2026-01-01"):
            self.make_subscription(self.quarter, self.internet, customer=customer)
            run = self.bill("2026-01-01")
        with freeze_time("2026-03-20"):
            self.make_mandate(customer)
            run.action_retry()
        invoice = self.get_invoices(customer)
        self.assertEqual([str(day) for day in (invoice.invoice_date, invoice.invoice_date_due)], ["2026-03-20"] * 2)

    def test_a_credit_needs_no_mandate_and_no_product_in_the_range(self):
        with freeze_time("2026-02-10"):
            subscription = self.make_subscription(self.quarter, self.internet)
            self.bill("2026-01-01")
            self.customer.bank_ids.mandate_ids.cancel()
            self.internet.active = False
            subscription.date = "2026-02-01"
            run = self.bill("2026-02-10")
        self.assertRecordValues(run.line_ids, [{"outcome": "invoiced", "amount_untaxed": -78.67, "message": False}])

    def test_a_preview_counts_nothing_for_the_ranks_of_customers(self):
        self.make_subscription(self.quarter, self.internet)
        self.customer.customer_rank = 3
        self.make_run("2026-01-01").action_preview()
        counted = self.env.cr.postcommit.data.get("account.res.partner.increase_rank.customer_rank") or {}
        self.assertNotIn(self.customer.id, counted)
        self.bill("2026-01-01")
        counted = self.env.cr.postcommit.data["account.res.partner.increase_rank.customer_rank"]
        self.assertEqual(counted[self.customer.id], 1)

    def test_an_executed_run_keeps_its_date(self):
        run = self.bill("2026-01-01")
        with self.assertRaisesRegex(UserError, "keeps its date"):
            run.date = "2026-03-05"

    def test_a_cancelled_expired_or_draft_mandate_is_said_to_be_so(self):
        mandate = self.customer._get_billing_mandate(self.company)
        self.make_subscription(self.quarter, self.internet)
        for state, words in (("draft", "not signed"), ("expired", "has expired"), ("cancel", "was cancelled")):
            mandate.state = state
            self.assertEqual(self.customer.mandate_status, state)
            run = self.make_run("2026-01-01")
            run.action_preview()
            self.assertEqual(run.line_ids.outcome, "held")
            self.assertIn(words, run.line_ids.message)

    def test_a_mandate_of_another_company_does_not_count(self):
        other = self.env["res.company"].create({"name": "Other"})
        customer = self.make_customer("Elsewhere", with_mandate=False)
        self.make_mandate(customer, company_id=other.id)
        self.assertEqual(customer.mandate_status, "none")

    # === FAILED

    def test_a_broken_customer_falls_out_alone_and_can_be_retried(self):
        customers = [self.make_customer(f"Customer {number}") for number in range(5)]
        for customer in customers:
            self.make_subscription(self.quarter, self.internet, customer=customer)
        bad = customers[2].subscription_ids
        bad.journal_id = self.company_data["default_journal_sale"].copy({"code": "OLD"})
        bad.journal_id.active = False
        run = self.bill("2026-01-01", may_fail=True)
        self.assertRecordValues(run, [{"state": "done", "invoice_count": 4, "held_count": 1, "failed_count": 0}])
        held = run.line_ids.filtered(lambda line: line.outcome == "held")
        self.assertEqual(held.partner_id, customers[2])
        self.assertIn("archived journal", held.message)
        self.assertFalse(self.get_invoices(customers[2]))
        bad.journal_id = False
        run.action_retry()
        self.assertRecordValues(run, [{"state": "done", "invoice_count": 5, "failed_count": 0}])

    def test_an_unexpected_error_of_one_customer_does_not_stop_the_others(self):
        other = self.make_customer("Broken")
        self.make_subscription(self.quarter, self.internet)
        broken = self.make_subscription(self.quarter, self.internet, customer=other)
        prepare = self.env.registry["sale.subscription.line"]._prepare_account_move_line

        def fail(line):
            if line.sale_subscription_id == broken:
                raise KeyError("unit of measure")
            return prepare(line)

        with (
            patch.object(self.env.registry["sale.subscription.line"], "_prepare_account_move_line", fail),
            self.assertLogs("odoo.addons.bfocused_billing.models.run.billing_run", "ERROR"),
        ):
            run = self.bill("2026-01-01", may_fail=True)
        self.assertEqual(run.failed_count, 1)
        self.assertTrue(self.get_invoices())

    # === PREVIEW

    def test_the_preview_writes_nothing_and_equals_the_run(self):
        held = self.make_customer("Held", with_mandate=False)
        for customer in (self.customer, held):
            self.make_subscription(self.quarter, self.internet, customer=customer)
        small = self.make_customer("Small")
        self.make_subscription(self.month, self.cloudbox, customer=small, start="2026-02-01")
        run = self.make_run("2026-02-01")
        run.action_preview()
        preview = self.read_outcome(run)
        self.assertEqual(run.state, "draft")
        self.assertFalse(self.get_invoices() + self.get_invoices(small))
        self.assertFalse(self.env["bfocused.billing.charge"].search([("company_id", "=", self.company.id)]))
        run.action_run()
        self.assertEqual(self.read_outcome(run), preview)
        self.assertEqual([row[1] for row in preview], ["deferred", "held", "invoiced"])

    def read_outcome(self, run):
        names = ("partner_id", "outcome", "amount_untaxed", "amount_total", "message")
        return sorted((tuple(line[name] for name in names) for line in run.line_ids), key=lambda row: row[1])

    # === OTHER

    def test_a_company_without_billing_can_not_run(self):
        self.company.use_billing = False
        with self.assertRaisesRegex(UserError, "doesn't use B/Focused billing"):
            self.make_run("2026-01-01").action_run()

    def test_the_automatic_run_is_made_on_the_billing_day_and_once(self):
        self.company.write({"billing_auto": True, "billing_day": 5})
        self.make_subscription(self.quarter, self.internet)
        cron = self.env.ref("bfocused_billing.ir_cron_billing_run")
        for today, runs in (("2026-02-04", 0), ("2026-02-05", 1), ("2026-02-06", 1), ("2026-03-09", 2)):
            with (
                self.subTest(today),
                patch(
                    "odoo.addons.bfocused_billing.models.run.billing_run.fields.Date.context_today",
                    lambda *args, today=today: day(today),
                ),
                self.enter_registry_test_mode(),
            ):
                self.assertIs(cron.method_direct_trigger(), True)
            self.assertEqual(
                self.env["bfocused.billing.run"].search_count([("company_id", "=", self.company.id)]), runs
            )
        self.assertEqual(self.get_invoices().invoice_date, day("2026-02-05"))

    def test_the_run_hands_its_unsent_invoices_to_odoos_send_and_print(self):
        self.make_subscription(self.quarter, self.internet)
        run = self.bill("2026-01-01")
        action = run.action_send()
        self.assertIn(action["res_model"], ("account.move.send.wizard", "account.move.send.batch.wizard"))
        run.invoice_ids.is_move_sent = True
        with self.assertRaisesRegex(UserError, "were sent"):
            run.action_send()

    def test_a_date_beyond_the_coming_month_turn_is_refused(self):
        run = self.make_run(fields.Date.context_today(self.company) + timedelta(days=40))
        with self.assertRaisesRegex(UserError, "beyond the coming month turn"):
            run.action_run()

    def test_a_run_is_named_in_the_users_language_and_found_by_its_date(self):
        run = self.make_run("2026-05-01")
        self.assertEqual(run.display_name, "Billing run of 1 May 2026")
        self.assertEqual(run.with_context(lang="nl_NL").display_name, "Facturatierun van 1 mei 2026")
        runs = self.env["bfocused.billing.run"]
        for typed in ("2026-05", "01-05-2026"):
            self.assertIn((run.id, run.display_name), runs.name_search(typed))
        self.assertFalse(runs.name_search("2026-07"))
        self.assertFalse(self.env["bfocused.billing.run.line"].search([("run_id", "ilike", "2026-05")]))

    def test_another_date_drops_the_preview(self):
        self.make_subscription(self.quarter, self.internet)
        run = self.make_run("2026-01-01")
        run.action_preview()
        run.date = "2026-02-01"
        self.assertFalse(run.line_ids)

    def test_an_error_while_collecting_is_that_customers_alone(self):
        other = self.make_customer("Broken")
        self.make_subscription(self.quarter, self.internet)
        broken = self.make_subscription(self.quarter, self.internet, customer=other)
        reason = self.env.registry["sale.subscription"]._get_hold_reason

        def fail(subscription, *args):
            if subscription == broken:
                raise ValueError("no idea")
            return reason(subscription, *args)

        with (
            patch.object(self.env.registry["sale.subscription"], "_get_hold_reason", fail),
            self.assertLogs("odoo.addons.bfocused_billing.models.run.billing_run", "ERROR"),
        ):
            run = self.bill("2026-01-01", may_fail=True)
        self.assertRecordValues(run, [{"invoice_count": 1, "failed_count": 1}])

    def test_a_mandate_that_is_not_the_payers_own_is_held(self):
        stranger = self.make_customer("Stranger")
        mandate = stranger._get_billing_mandate(self.company)
        self.make_subscription(self.quarter, self.internet, mandate_id=mandate.id)
        run = self.bill("2026-01-01")
        self.assertEqual(run.line_ids.outcome, "held")
        self.assertIn("was signed by Stranger", run.line_ids.message)

    def test_a_mandate_for_one_collection_is_held(self):
        self.customer._get_billing_mandate(self.company).type = "oneoff"
        self.make_subscription(self.quarter, self.internet)
        self.assertIn("one collection only", self.bill("2026-01-01").line_ids.message)

    def test_a_forgotten_draft_run_does_not_stop_the_automatic_one_and_a_failure_is_shown(self):
        self.company.billing_auto = True
        self.make_subscription(self.quarter, self.internet)
        today = fields.Date.context_today(self.company)
        forgotten = self.make_run(today + timedelta(days=20))
        runs = self.env["bfocused.billing.run"]
        self.assertTrue(runs._is_automatic_run_due(self.company, today))
        with (
            patch.object(self.env.registry["bfocused.billing.run"], "_bill", side_effect=ValueError("no disk")),
            self.assertLogs("odoo.addons.bfocused_billing.models.run.billing_run", "ERROR"),
        ):
            runs._run_automatically(self.company, today.replace(day=1))
        run = runs.search([("company_id", "=", self.company.id), ("id", "!=", forgotten.id)])
        self.assertRecordValues(run, [{"state": "draft", "message": "no disk"}])
        runs._run_automatically(self.company, today.replace(day=1))
        self.assertRecordValues(run, [{"state": "done", "message": False, "invoice_count": 1}])
        self.assertFalse(runs._is_automatic_run_due(self.company, today))

    def test_taxes_included_in_the_price_are_prorated_too(self):
        included = self.company_data["default_tax_sale"].copy(
            {"price_include_override": "tax_included", "name": "incl"}
        )
        self.internet.taxes_id = [Command.set(included.ids)]
        self.make_subscription(self.quarter, self.internet, start="2026-02-10")
        self.bill("2026-03-01")
        self.assertEqual(self.get_invoices().amount_total, 66.67)
