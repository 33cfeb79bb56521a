from freezegun import freeze_time

from odoo.exceptions import AccessError, ValidationError
from odoo.modules.migration import load_script
from odoo.tests import new_test_user
from odoo.tools import file_path

from .collection_common import CollectionCase
from .common import day


@freeze_time("2026-03-02")
class TestMandateLife(CollectionCase):
    """A mandate's life: recurring from the start, warned of when unused, expired after 36 months (T11-T13)."""

    def setUp(self):
        super().setUp()
        self.mandate = self.customer.bank_ids.mandate_ids
        self.env["account.banking.mandate"].search([("id", "!=", self.mandate.id)]).state = "cancel"

    def run_cron(self, today):
        with freeze_time(today), self.enter_registry_test_mode():
            cron = self.env.ref("account_banking_sepa_direct_debit.sdd_mandate_expire_cron")
            self.assertIs(cron.method_direct_trigger(), True)
        self.env.invalidate_all()

    def get_summaries(self, record=None):
        return (record or self.mandate).activity_ids.sorted("id").mapped("summary")

    # === sequence type (T13)

    def test_a_new_mandate_is_recurring_where_billing_is_used(self):
        values = {"partner_bank_id": self.mandate.partner_bank_id.id}
        mandates = self.env["account.banking.mandate"]
        self.assertEqual(
            mandates.create({**values, "company_id": self.company.id}).recurrent_sequence_type, "recurring"
        )
        self.assertEqual(mandates.with_company(self.company).create(values).recurrent_sequence_type, "recurring")
        other = self.env["res.company"].create({"name": "Without billing"})
        self.assertEqual(mandates.create({**values, "company_id": other.id}).recurrent_sequence_type, "first")
        self.assertEqual(
            mandates.with_company(other).default_get(["recurrent_sequence_type"]), {"recurrent_sequence_type": "first"}
        )

    # === expiry (T12)

    def test_it_expires_36_months_after_the_last_collection_to_the_day(self):
        self.mandate.write({"signature_date": "2023-01-10", "last_debit_date": "2023-03-15"})
        self.assertEqual(self.mandate.expiry_date, day("2026-03-15"))
        self.run_cron("2026-03-14")
        self.assertEqual(self.mandate.state, "valid")
        self.run_cron("2026-03-15")
        self.assertEqual(self.mandate.state, "expired")

    def test_without_a_collection_the_months_count_from_the_signature(self):
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2026-03-14")
        self.assertEqual(self.mandate.state, "valid")
        self.run_cron("2026-03-15")
        self.assertEqual(self.mandate.state, "expired")

    def test_it_is_not_usable_from_its_last_day_on_also_before_the_cron_ran(self):
        self.mandate.signature_date = "2023-03-15"
        for today, problem in (("2026-03-14", ""), ("2026-03-15", "has expired")):
            with freeze_time(today):
                self.assertIn(problem, self.mandate._get_mandate_problem() or "")
        with freeze_time("2026-03-15"):
            self.company.use_billing = False
            self.assertFalse(self.mandate._get_mandate_problem())

    def test_a_leap_day_counts_to_the_last_day_of_february(self):
        self.mandate.write({"signature_date": "2023-01-10", "last_debit_date": "2024-02-29"})
        self.assertEqual(self.mandate.expiry_date, day("2027-02-28"))

    def test_warnings_come_at_30_33_and_35_months_once_each(self):
        self.mandate.signature_date = "2023-03-15"
        for today, expected in [
            ("2025-09-14", 0),
            ("2025-09-15", 1),
            ("2025-09-16", 1),
            ("2025-12-14", 1),
            ("2025-12-15", 2),
            ("2026-02-14", 2),
            ("2026-02-15", 3),
            ("2026-03-14", 3),
        ]:
            self.run_cron(today)
            self.assertEqual(len(self.mandate.activity_ids), expected, today)
        self.assertEqual(self.get_summaries(), [f"Mandate unused for {months} months" for months in (30, 33, 35)])
        self.assertEqual(self.mandate.activity_ids.mapped("date_deadline"), [day("2026-03-15")] * 3)

    def test_the_warning_of_a_leap_day_and_of_a_month_end_comes_on_time(self):
        self.mandate.signature_date = "2023-08-31"  # 30 months later is 28 February
        self.run_cron("2026-02-27")
        self.assertFalse(self.mandate.activity_ids)
        self.run_cron("2026-02-28")
        self.assertEqual(len(self.mandate.activity_ids), 1)

    def test_after_days_without_the_cron_only_the_last_warning_is_given(self):
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2026-02-20")
        self.assertEqual(self.get_summaries(), ["Mandate unused for 35 months"])

    def test_a_collection_starts_the_months_and_the_warnings_anew(self):
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2026-02-20")
        self.mandate.last_debit_date = "2026-03-01"
        self.run_cron("2026-03-15")
        self.assertEqual(self.mandate.state, "valid")
        self.run_cron("2028-09-01")
        self.assertEqual(self.get_summaries()[-1], "Mandate unused for 30 months")

    def test_the_months_are_a_setting(self):
        self.mandate.signature_date = "2023-03-15"
        self.company.mandate_warning_months = "34"
        self.run_cron("2026-01-14")
        self.assertFalse(self.mandate.activity_ids)
        self.run_cron("2026-01-15")
        self.assertEqual(self.get_summaries(), ["Mandate unused for 34 months"])
        for wrong in ("36", "0", "thirty", "30;33", "-3"):
            with self.assertRaises(ValidationError):
                self.company.mandate_warning_months = wrong
        self.company.mandate_warning_months = False
        self.run_cron("2026-03-14")
        self.assertEqual(len(self.mandate.activity_ids), 1)

    def test_expiry_asks_a_customer_with_a_subscription_for_a_new_mandate_once(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-01-01")
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2026-03-15")
        self.run_cron("2026-03-16")
        self.assertEqual(self.get_summaries(self.customer), ["Ask for a new direct-debit mandate"])
        self.assertIn("36 months", self.customer.activity_ids.note)
        self.assertFalse(self.mandate.activity_ids)

    def test_expiry_asks_a_customer_who_owes_an_invoice_for_a_new_mandate(self):
        self.mandate.signature_date = "2023-03-15"
        self.make_invoice(self.mandate)
        self.run_cron("2026-03-15")
        self.assertEqual(self.get_summaries(self.customer), ["Ask for a new direct-debit mandate"])

    def test_expiry_of_a_mandate_nobody_needs_is_only_noted(self):
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2026-03-15")
        self.run_cron("2026-03-16")
        self.assertEqual(self.get_summaries(), ["Mandate expired"])
        self.assertFalse(self.customer.activity_ids)

    def test_who_is_told_is_the_salesperson(self):
        seller = new_test_user(
            self.env(su=True),
            "seller",
            groups="base.group_user",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        self.customer.user_id = seller
        self.mandate.signature_date = "2023-03-15"
        self.run_cron("2025-09-15")
        self.assertEqual(self.mandate.activity_ids.user_id, seller)

    def test_only_sepa_mandates_expire_where_billing_is_used(self):
        self.mandate.write({"signature_date": "2023-03-15", "format": "basic"})
        self.run_cron("2027-01-01")
        self.assertEqual(self.mandate.state, "valid")

    def test_without_billing_all_stays_as_in_the_oca_add_on(self):
        self.mandate.write({"signature_date": "2023-03-15", "format": "basic"})
        self.company.use_billing = False
        self.run_cron("2026-03-14")
        self.assertRecordValues(self.mandate, [{"state": "valid", "activity_ids": []}])
        self.run_cron("2026-03-16")
        self.assertRecordValues(self.mandate, [{"state": "expired", "activity_ids": []}])

    def test_one_broken_mandate_does_not_stop_the_others(self):
        self.mandate.signature_date = "2023-03-15"
        other = self.make_mandate(self.make_customer("Second", with_mandate=False), signature_date="2023-03-15")
        original = type(self.mandate)._expire

        def expire(mandate):
            original(mandate)
            if mandate.id == self.mandate.id:
                raise ZeroDivisionError

        self.patch(type(self.mandate), "_expire", expire)
        with self.assertLogs("odoo.addons.bfocused_billing.models.mandate.account_banking_mandate", "ERROR"):
            self.run_cron("2026-03-15")
        self.assertRecordValues(self.mandate + other, [{"state": "valid"}, {"state": "expired"}])

    # === format

    def test_a_mandate_that_is_no_sepa_mandate_is_not_usable_where_billing_is_used(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-03-01")
        for values in ({"format": "basic"}, {"type": "generic"}, {"type": False}):
            self.mandate.write({"format": "sepa", "type": "recurrent"})
            self.assertFalse(self.mandate._get_mandate_problem())
            self.mandate.write(values)
            self.assertIn("is no SEPA mandate", self.mandate._get_mandate_problem(), values)
        self.company.use_billing = False
        self.assertFalse(self.mandate._get_mandate_problem())

    # === B2B

    def test_a_b2b_mandate_is_usable_once_it_is_registered_at_the_bank(self):
        self.assertFalse(self.mandate._get_mandate_problem())
        self.mandate.scheme = "B2B"
        self.assertIn("isn't registered at the customer's bank", self.mandate._get_mandate_problem())
        self.make_subscription(self.month, *[self.cloudbox] * 2, start="2026-03-01")
        self.assertEqual(self.bill("2026-03-01").line_ids.mapped("outcome"), ["held"])
        self.mandate.b2b_registered_date = "2026-03-01"
        self.assertFalse(self.mandate._get_mandate_problem())
        self.assertEqual(self.bill("2026-03-02").line_ids.mapped("outcome"), ["invoiced"])

    def test_a_registered_b2b_mandate_is_preferred_to_an_unregistered_one(self):
        newer = self.make_mandate(self.customer, scheme="B2B", signature_date="2026-02-01")
        self.assertEqual(self.customer._get_billing_mandate(self.company), self.mandate)
        newer.b2b_registered_date = "2026-02-10"
        self.assertEqual(self.customer._get_billing_mandate(self.company), newer)

    def test_without_billing_a_b2b_mandate_needs_no_registration(self):
        self.mandate.scheme = "B2B"
        self.company.use_billing = False
        self.assertFalse(self.mandate._get_mandate_problem())

    def test_b2b_mandates_in_use_before_the_upgrade_stay_usable(self):
        used, unused = self.mandate, self.make_mandate(self.customer, scheme="B2B")
        used.write({"scheme": "B2B", "last_debit_date": "2026-02-01"})
        self.env.flush_all()
        script = load_script(file_path("bfocused_billing/migrations/19.0.1.2.0/post-migrate.py"), "post-migrate")
        script.migrate(self.env.cr, "19.0.1.1.0")
        self.env.invalidate_all()
        self.assertEqual((used + unused).mapped("b2b_registered_date"), [day("2026-02-01"), False])

    # === last debit (T11)

    def test_the_last_debit_is_the_day_of_the_collection_and_not_of_the_file(self):
        self.mandate = self.make_sample_customer("K1001")
        order = self.make_order(self.make_invoice(self.mandate, due="2026-03-20"))
        with freeze_time("2026-03-04"):
            self.upload(order)
        self.assertEqual(self.mandate.last_debit_date, day("2026-03-20"))
        self.assertEqual(self.mandate.expiry_date, day("2029-03-20"))

    def test_an_order_that_is_cancelled_after_all_gives_the_last_debit_back(self):
        self.mandate = self.make_sample_customer("K1001")
        self.mandate.last_debit_date = "2026-01-05"
        first, second = self.make_invoice(self.mandate), self.make_invoice(self.mandate, due="2026-04-10")
        self.upload(self.make_order(first))
        collected = self.mandate.last_debit_date
        order = self.upload(self.make_order(second))
        self.assertEqual(self.mandate.last_debit_date, day("2026-04-10"))
        order.action_uploaded_cancel()
        self.assertEqual(self.mandate.last_debit_date, collected)
        first.line_ids.payment_line_ids.order_id.action_uploaded_cancel()
        self.assertEqual(self.mandate.last_debit_date, day("2026-01-05"))

    def test_an_earlier_collection_uploaded_later_does_not_set_the_last_debit_back(self):
        self.mandate = self.make_sample_customer("K1001")
        self.upload(self.make_order(self.make_invoice(self.mandate, due="2026-04-10")))
        self.upload(self.make_order(self.make_invoice(self.mandate)))
        self.assertEqual(self.mandate.last_debit_date, day("2026-04-10"))

    # === calendar

    def test_the_calendar_shows_signature_last_debit_and_expiry(self):
        self.mandate.write({"signature_date": "2025-01-10", "last_debit_date": "2026-02-02"})
        events = self.env["bfocused.mandate.event"]
        found = events.search([("mandate_id", "=", self.mandate.id)])
        self.assertEqual(
            [(event.kind, str(event.date)) for event in found],
            [("signature", "2025-01-10"), ("debit", "2026-02-02"), ("expiry", "2029-02-02")],
        )
        self.mandate.state = "cancel"
        found = events.search([("mandate_id", "=", self.mandate.id)])
        self.assertEqual(found.mapped("kind"), ["signature", "debit"])
        self.assertEqual(events.search([("mandate_id", "=", self.mandate.id), ("state", "=", "cancel")]), found)
        self.assertTrue(events.get_views([(False, "calendar"), (False, "list"), (False, "search")])["views"])

    def test_the_calendar_is_for_billing_users_of_the_company(self):
        events = self.env["bfocused.mandate.event"]
        domain = [("mandate_id", "=", self.mandate.id)]
        other = self.env["res.company"].create({"name": "Other"})
        foreign = new_test_user(
            self.env(su=True),
            "foreign",
            groups="bfocused_billing.group_billing_user",
            company_id=other.id,
            company_ids=[(6, 0, other.ids)],
        )
        self.assertFalse(events.with_user(foreign).search(domain))
        employee = new_test_user(self.env(su=True), "employee", groups="base.group_user")
        with self.assertRaises(AccessError):
            events.with_user(employee).search(domain)
