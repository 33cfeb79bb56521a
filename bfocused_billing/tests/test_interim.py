from collections import Counter
from datetime import timedelta

from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg2 import IntegrityError

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from .common import day
from .sale_common import SaleBillingCase
from .size import at_size
from .usage_common import HEADER, UsageCase


class InterimCase(UsageCase, SaleBillingCase):
    """Calls, hours and subscriptions, billed between two month turns (R4)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.billing_min_amount = 0
        cls.other = cls.make_customer("Slagerij Smit")

    def call(self, date, reference, number="0201234567", amount="1.00", time="10:00:00"):
        """One call, rated at EUR 1.00 a minute by its supplier."""
        return self.load(f"{HEADER}{number},0612345678,{date} {time},60,{amount},mobile,{reference}\n")

    def bill_now(self, date, customers=None, **scope):
        customers = self.customer if customers is None else customers
        run = self.env["bfocused.billing.run"]._make_interim(self.company, customers, day(date), **scope)
        run.action_run()
        failed = run.line_ids.filtered(lambda line: line.outcome == "failed")
        self.assertFalse(failed, failed.mapped("message"))
        return run

    def get_live_charges(self):
        domain = [("company_id", "=", self.company.id), ("state", "!=", "void"), ("amount_untaxed", "!=", 0)]
        return self.env["bfocused.billing.charge"].search(domain, order="period_start, id")

    def get_spans(self):
        return [
            (str(charge.period_start), str(charge.period_end), charge.usage_calls, charge.state)
            for charge in self.get_live_charges().filtered(lambda charge: charge.kind == "usage")
        ]


class TestBillNow(InterimCase):
    def test_bill_now_bills_calls_so_far_and_the_month_turn_the_rest(self):
        self.call("2026-01-05", "a")
        self.bill_now("2026-01-15")
        self.call("2026-01-20", "b")
        self.call("2026-01-10", "late")
        self.bill("2026-02-01")
        self.assertEqual(
            self.get_spans(), [("2026-01-01", "2026-01-15", 1, "billed"), ("2026-01-16", "2026-01-31", 2, "billed")]
        )
        self.assertEqual(len(self.get_invoices()), 2)
        self.assertFalse(self.bill("2026-02-01").line_ids)

    def test_bill_now_twice_on_a_day_bills_calls_in_between_with_the_month_turn(self):
        self.call("2026-01-05", "a")
        self.bill_now("2026-01-15")
        self.call("2026-01-15", "b", time="15:00:00")
        self.assertFalse(self.bill_now("2026-01-15").line_ids)
        self.bill("2026-02-01")
        self.assertEqual([span[2:] for span in self.get_spans()], [(1, "billed"), (1, "billed")])

    def test_bill_now_on_the_last_day_leaves_its_evening_to_the_month_turn(self):
        self.call("2026-01-05", "a")
        self.bill_now("2026-01-31")
        self.call("2026-01-31", "b", time="20:00:00")
        self.bill("2026-02-01")
        self.assertEqual([span[3] for span in self.get_spans()], ["billed", "billed"])

    def test_bill_now_bills_no_subscription_ahead(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-01-01")
        self.bill("2026-01-01")
        self.assertFalse(self.bill_now("2026-01-15").line_ids)
        self.bill("2026-02-01")
        self.assertEqual(
            self.get_periods(self.get_invoices()), [("2026-01-01", "2026-01-31"), ("2026-02-01", "2026-02-28")]
        )

    def test_bill_now_bills_hours_so_far_and_the_month_turn_the_rest(self):
        order = self.make_order(self.hours, date="2026-01-10 12:00:00")
        self.log_hours(order, "2026-01-12", 2)
        self.log_hours(order, "2026-01-20", 3)
        self.bill_now("2026-01-15")
        self.bill("2026-02-01")
        self.assertEqual(self.get_sale_charges(order).mapped("quantity"), [2, 3])
        self.assert_billed(200, 300)

    def test_a_run_of_one_customer_bills_nobody_else(self):
        self.make_subscription(self.month, self.cloudbox)
        self.make_subscription(self.month, self.cloudbox, customer=self.other)
        self.bill_now("2026-01-15")
        self.assertTrue(self.get_invoices())
        self.assertFalse(self.get_invoices(self.other))

    def test_a_run_of_product_groups_bills_only_those(self):
        self.make_subscription(self.month, self.cloudbox, self.internet)
        self.call("2026-01-05", "a")
        run = self.make_run("2026-01-15")
        run.scope_categ_ids = self.cloudbox.categ_id
        run.action_run()
        self.assertEqual(run.invoice_ids.invoice_line_ids.product_id, self.cloudbox)
        run = self.make_run("2026-01-15")
        run.scope_categ_ids = self.calls_product.categ_id
        run.action_run()
        self.assertEqual(run.invoice_ids.invoice_line_ids.product_id, self.calls_product)
        self.bill("2026-02-01")
        self.assertIn(self.internet, self.get_invoices().invoice_line_ids.product_id)

    def test_a_run_of_a_kind_of_charges_bills_only_those(self):
        self.make_subscription(self.month, self.cloudbox)
        self.call("2026-01-05", "a")
        order = self.make_order(self.switch)
        for scope, product in (
            ("scope_usage", self.calls_product),
            ("scope_sales", self.switch),
            ("scope_subscriptions", self.cloudbox),
        ):
            run = self.bill_now("2026-01-15", **{scope: True})
            self.assertEqual(run.invoice_ids.invoice_line_ids.product_id, product)
        self.assertEqual(order.invoice_status, "invoiced")

    def test_a_customer_without_mandate_is_held_and_retried(self):
        customer = self.make_customer("Zonder", with_mandate=False)
        self.make_number("0201111111", customer)
        self.call("2026-01-05", "a", number="0201111111")
        run = self.bill_now("2026-01-15", customer)
        self.assertEqual(run.line_ids.outcome, "held")
        self.make_mandate(customer)
        run.action_retry()
        self.assertEqual(run.line_ids.outcome, "invoiced")
        self.assertEqual(run.invoice_ids.invoice_line_ids._get_earlier_outcomes().outcome, "held")

    def test_under_the_minimum_an_interim_bill_waits_and_joins_at_the_quarter_turn(self):
        self.company.billing_min_amount = 50
        self.call("2026-02-05", "a")
        run = self.bill_now("2026-02-15")
        self.assertEqual(run.line_ids.outcome, "deferred")
        self.call("2026-02-20", "b")
        self.bill("2026-04-01")
        self.assertEqual(len(self.get_invoices()), 1)
        self.assertEqual(self.get_invoices().amount_untaxed, 2)

    def test_a_cancelled_interim_bill_is_billed_again_without_overlap(self):
        self.call("2026-01-05", "a")
        self.bill_now("2026-01-15")
        self.call("2026-01-20", "b")
        self.get_invoices().button_draft()
        self.get_invoices().button_cancel()
        self.bill("2026-02-01")
        self.assertEqual(
            self.get_spans(), [("2026-01-01", "2026-01-15", 1, "billed"), ("2026-01-16", "2026-01-31", 1, "billed")]
        )

    def test_a_run_can_not_be_limited_to_a_customer_of_another_company(self):
        company = self.env["res.company"].create({"name": "Other"})
        stranger = self.env["res.partner"].create({"name": "Stranger", "company_id": company.id})
        with self.assertRaises(UserError):
            self.bill_now("2026-01-15", stranger)

    def test_a_run_limited_to_a_customer_that_was_archived_bills_nobody_else(self):
        self.make_subscription(self.month, self.cloudbox, customer=self.other)
        run = self.env["bfocused.billing.run"]._make_interim(self.company, self.customer, day("2026-01-15"))
        self.customer.active = False
        self.env.invalidate_all()
        run.action_run()
        self.assertFalse(run.line_ids)
        self.assertFalse(self.get_invoices(self.other))

    def test_a_customer_to_whom_a_run_is_limited_can_not_be_deleted(self):
        loner = self.make_customer("Niemand", with_mandate=False)
        self.env["bfocused.billing.run"]._make_interim(self.company, loner, day("2026-01-15"))
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            loner.unlink()

    def test_a_run_that_was_executed_keeps_its_limits(self):
        self.call("2026-01-05", "a")
        run = self.bill_now("2026-01-15")
        with self.assertRaises(UserError):
            run.scope_partner_ids = self.other

    @freeze_time("2026-02-20")
    def test_bill_now_does_not_stand_in_the_way_of_the_automatic_month_turn(self):
        self.company.billing_auto = True
        self.call("2026-02-05", "a")
        self.bill_now("2026-02-15")
        self.assertTrue(self.env["bfocused.billing.run"]._is_automatic_run_due(self.company, day("2026-02-20")))

    @freeze_time("2026-01-15")
    def test_bill_now_opens_the_preview_of_today_from_each_record(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        order = self.make_order(self.switch)
        calls = self.call("2026-01-05", "a").record_ids
        for records, kinds in ((self.customer, 3), (subscription, 1), (order, 1), (calls, 1)):
            run = self.env["bfocused.billing.run"].browse(
                records.with_company(self.company).action_bill_now()["res_id"]
            )
            self.assertRecordValues(run, [{"state": "draft", "date": day("2026-01-15"), "is_scoped": True}])
            self.assertEqual(run.scope_partner_ids, self.customer)
            self.assertEqual(run.line_ids.outcome, "invoiced")
            self.assertTrue(run.line_ids.amount_new > 0, kinds)
        self.assertEqual(
            self.customer.with_company(self.company).action_bill_now()["res_id"],
            self.customer.with_company(self.company).action_bill_now()["res_id"],
        )
        self.assertFalse(self.get_invoices())

    def test_the_preview_of_one_customer_is_the_run_undone(self):
        self.make_subscription(self.month, self.cloudbox)
        self.call("2026-01-05", "a")
        [row] = self.customer._preview_billing(self.company, day("2026-01-15"))
        self.assertEqual((row["outcome"], row["amount_untaxed"], row["move_id"]), ("invoiced", 31, False))
        self.assertEqual([line["price_subtotal"] for line in row["lines"]], [30, 1])
        self.assertFalse(self.get_invoices())
        self.assertFalse(self.env["bfocused.billing.run"].search([("company_id", "=", self.company.id)]))
        self.assertEqual(self.get_spans(), [("2026-01-01", "2026-01-31", 1, "open")])
        self.assertEqual(self.bill_now("2026-01-15").line_ids.amount_untaxed, 31)


@freeze_time("2026-01-20")
class TestLimit(InterimCase):
    def job(self):
        return self.env["bfocused.billing.run"].with_company(self.company)._bill_over_limit(self.company)

    def test_without_a_limit_nothing_is_billed_before_the_month_turn(self):
        self.call("2026-01-05", "a", amount="1000.00")
        self.assertFalse(self.job())

    def test_over_the_limit_an_interim_invoice_is_made_and_the_month_turn_bills_the_rest(self):
        self.company.billing_limit_amount = 100
        self.call("2026-01-05", "a", amount="100.00")
        self.assertFalse(self.job())
        order = self.make_order(self.hours)
        self.log_hours(order, "2026-01-12", 1)
        self.assertEqual(self.customer.with_company(self.company).unbilled_amount, 200)
        run = self.job()
        self.assertEqual(run.line_ids.amount_untaxed, 200)
        self.customer.invalidate_recordset(["unbilled_amount"])
        self.assertEqual(self.customer.with_company(self.company).unbilled_amount, 0)
        self.assertFalse(self.job())
        self.call("2026-01-25", "b", amount="7.00")
        self.bill("2026-02-01")
        self.assert_billed(200, 7)

    def test_a_customer_has_a_limit_of_its_own_or_none(self):
        self.company.billing_limit_amount = 100
        customer = self.customer.with_company(self.company)
        self.call("2026-01-05", "a", amount="150.00")
        customer.write({"billing_limit_rule": "own", "billing_limit_own": 200})
        self.assertEqual(customer.billing_limit, 200)
        self.assertFalse(self.job())
        customer.billing_limit_rule = "never"
        self.company.billing_limit_amount = 1
        self.assertFalse(self.job())
        customer.write({"billing_limit_rule": "own", "billing_limit_own": 149.99})
        self.assertTrue(self.job())

    def test_by_setting_a_person_is_asked_once(self):
        self.company.write({"billing_limit_amount": 100, "billing_limit_action": "ask"})
        self.call("2026-01-05", "a", amount="150.00")
        self.job()
        self.job()
        self.assertEqual(len(self.customer.activity_ids), 1)
        self.assertFalse(self.get_invoices())

    def test_who_is_held_is_not_on_a_new_run_each_day(self):
        self.company.billing_limit_amount = 100
        self.customer._get_billing_mandate(self.company).cancel()
        self.call("2026-01-05", "a", amount="150.00")
        self.assertEqual(self.job().line_ids.outcome, "held")
        self.assertFalse(self.job())

    def test_the_limits_of_200_customers_take_as_many_queries_as_those_of_10(self):
        self.company.billing_limit_amount = 10000
        counts = []
        for first, last in ((0, 10), (10, 200)):
            customers = [self.make_customer(f"K{index}", with_mandate=False) for index in range(first, last)]
            rows = []
            for index, customer in enumerate(customers, start=first):
                self.make_number(f"02050{index:05}", customer)
                rows.append(f"02050{index:05},06,2026-01-05 10:00:00,60,5.00,mobile,k{index}\n")
            self.load(HEADER + "".join(rows))
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            self.assertFalse(self.env["res.partner"]._find_over_limit(self.company))
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])


class TestAnyMoments(InterimCase):
    """However often is billed in between, the month turns complete it to the same."""

    def play(self, calls, hours, moments):
        """Sums of what was billed per kind, by month of the call or day of the subscription; all is undone."""
        with self.env.cr.savepoint() as savepoint:
            self.make_subscription(self.month, self.cloudbox, start="2026-01-01")
            order = self.make_order(self.hours, date="2026-01-01 12:00:00")
            for offset in range(59):
                date = day("2026-01-01") + timedelta(days=offset)
                if date.day == 1:
                    self.bill(str(date))
                for index, late in enumerate(calls.get(offset, ())):
                    called = max(date - timedelta(days=late), day("2026-01-01"))
                    self.call(str(called), f"{offset}-{index}")
                if offset in hours:
                    self.log_hours(order, str(date), hours[offset])
                for scope in moments.get(offset, ()):
                    self.bill_now(str(date), **scope)
            self.bill("2026-03-01")
            self.bill("2026-04-01")
            totals = self.get_totals()
            savepoint.rollback()
        self.env.invalidate_all(flush=False)
        return totals

    def get_totals(self):
        totals, days = Counter(), Counter()
        for charge in self.get_live_charges():
            self.assertEqual(charge.state, "billed")
            self.assertEqual(charge.move_line_id.price_subtotal, charge.amount_untaxed)
            totals[charge.kind] += round(100 * charge.amount_untaxed)
            if charge.kind == "subscription":
                days[charge.period_start] += 1
        records = self.env["bfocused.usage.record"].search([("company_id", "=", self.company.id)])
        self.assertEqual(sum(self.get_live_charges().mapped("usage_calls")), len(records))
        self.assertTrue(all(record.charge_id.state == "billed" for record in records))
        return totals, days

    @settings(max_examples=at_size(20, 3), deadline=None, derandomize=True)
    @given(
        calls=st.dictionaries(st.integers(0, 58), st.lists(st.integers(0, 20), min_size=1, max_size=2), max_size=5),
        hours=st.dictionaries(st.integers(0, 58), st.integers(1, 8), max_size=3),
        moments=st.dictionaries(
            st.integers(0, 58),
            st.lists(
                st.sampled_from([{}, {"scope_usage": True}, {"scope_sales": True}, {"scope_subscriptions": True}]),
                min_size=1,
                max_size=2,
            ),
            max_size=4,
        ),
    )
    def test_any_moments_of_bill_now_come_to_the_same_as_month_turns_only(self, calls, hours, moments):
        self.assertEqual(self.play(calls, hours, moments), self.play(calls, hours, {}))
