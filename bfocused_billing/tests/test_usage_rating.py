from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL

from ..usage import normalize_number
from ..usage.layout import bare_sql, is_amount, is_duration, is_moment, number_sql
from .usage_common import HEADER, UsageCase


class TestUsageRating(UsageCase):
    """What a call costs the customer: the supplier's amount with a margin, or the tariff's longest prefix."""

    def load_call(self, dialled="0612345678", seconds=60, amount="0.10", profile=None, **cells):
        self.calls_loaded = getattr(self, "calls_loaded", 0) + 1
        number, destination = cells.get("number", "0201234567"), cells.get("destination", "")
        row = f"{number},{dialled},2026-01-05 10:00:00,{seconds},{amount},{destination},{self.calls_loaded}\n"
        return self.load(HEADER + row, profile).record_ids

    def make_tariff_profile(self):
        return self.profile.copy({"company_id": self.company.id, "rating": "tariff", "tariff_id": self.tariff.id})

    def test_suppliers_amount_with_a_margin(self):
        profile = self.profile.copy({"margin_percent": 12.5})
        self.assertEqual(self.load_call(amount="0.0333", profile=profile).amount, 0.037463)

    def test_a_credit_of_the_supplier_is_a_credit(self):
        self.assertEqual(self.load_call(amount="-0.10").amount, -0.10)

    def test_the_longest_prefix_counts(self):
        profile = self.make_tariff_profile()
        cases = [
            ("0201234567", 60, 0.03, "national"),
            ("0612345678", 60, 0.17, "mobile"),
            ("+31612345678", 61, 0.29, "mobile"),
            ("0031612345678", 1, 0.17, "mobile"),
            ("0301234567", 1, 0.0005, "national"),
            ("0612345678", 0, 0.0, "mobile"),
        ]
        for dialled, seconds, amount, code in cases:
            with self.subTest(dialled=dialled, seconds=seconds):
                record = self.load_call(dialled, seconds, profile=profile)
                self.assertEqual((record.amount, record.destination_id.code), (amount, code))

    def test_a_number_may_have_a_tariff_of_its_own(self):
        cheap = self.tariff.copy({"name": "Cheap"})
        cheap.rate_ids.price_minute = 0.01
        self.number.tariff_id = cheap
        self.assertEqual(self.load_call("0301234567", profile=self.make_tariff_profile()).amount, 0.01)

    def test_a_call_without_rate_waits_until_the_tariff_has_one(self):
        record = self.load_call("+4420123456", profile=self.make_tariff_profile())
        self.assertRecordValues(record, [{"problem": "unrated", "charge_id": False, "amount": 0}])
        self.tariff.rate_ids = [(0, 0, {"prefix": "0044", "destination_id": self.national.id, "price_minute": 0.2})]
        records = self.env["bfocused.usage.record"].with_context(allowed_company_ids=self.company.ids)
        records.action_book_waiting()
        self.assertRecordValues(record, [{"problem": False, "amount": 0.2}])
        self.assertRecordValues(record.charge_id, [{"usage_calls": 1, "amount_untaxed": 0.2, "state": "open"}])

    def test_an_unknown_number_is_assigned_later(self):
        first = self.load(self.calls(3, "0205550000"))
        self.assert_counts(first, rows=3, new=3)
        unknown = self.env["bfocused.usage.unknown"].search([("company_id", "=", self.company.id)])
        self.assertRecordValues(unknown, [{"number": "+31205550000", "calls": 3, "seconds": 180}])
        wizard = self.env["bfocused.usage.assign"].with_context(**unknown.action_assign()["context"])
        wizard.create({"partner_id": self.customer.id}).action_assign()
        self.assertFalse(self.env["bfocused.usage.unknown"].search([("company_id", "=", self.company.id)]))
        charge = first.record_ids.charge_id
        self.assertRecordValues(charge, [{"usage_calls": 3, "amount_untaxed": 0.36, "quantity": 3.0}])
        self.assert_counts(self.load(self.calls(3, "0205550000"), again=True), rows=3, duplicate=3)

    def test_short_numbers_are_rated_by_their_prefix(self):
        service = self.env.ref("bfocused_billing.usage_destination_service")
        prices = {"0900": 0.9, "0800": 0.0, "14": 0.07}
        self.tariff.rate_ids = [
            Command.create({"prefix": prefix, "destination_id": service.id, "price_minute": price})
            for prefix, price in prices.items()
        ]
        profile = self.make_tariff_profile()
        cases = [
            ("0900-1234", 0.9, "service"),
            ("0800-0432", 0.0, "service"),
            ("0900 1234567", 0.9, "service"),
            ("14020", 0.07, "service"),
            ("020-1234567", 0.03, "national"),
        ]
        for dialled, amount, code in cases:
            with self.subTest(dialled=dialled):
                record = self.load_call(dialled, profile=profile)
                self.assertEqual((record.problem, record.amount, record.destination_id.code), (False, amount, code))

    def test_a_corrected_number_gets_the_calls_that_waited(self):
        number = self.make_number("0205550009", self.customer)
        file = self.load(self.calls(2, "0205550000"))
        self.assertEqual(file.waiting_count, 2)
        number.name = "020-5550000"
        self.assertEqual((file.waiting_count, number.charge_ids.usage_calls), (0, 2))

    def test_a_number_given_a_tariff_with_a_rate_gets_the_calls_that_waited(self):
        record = self.load_call("+4420123456", profile=self.make_tariff_profile())
        abroad = self.tariff.copy({"name": "Abroad"})
        abroad.rate_ids = [Command.create({"prefix": "+44", "destination_id": self.national.id, "price_minute": 0.2})]
        self.number.tariff_id = abroad
        self.assertRecordValues(record, [{"problem": False, "amount": 0.2}])

    def test_assigning_a_number_somebody_made_meanwhile(self):
        self.load(self.calls(2, "0205550000"))
        unknown = self.env["bfocused.usage.unknown"].search([("company_id", "=", self.company.id)])
        assign = self.env["bfocused.usage.assign"].with_context(**unknown.action_assign()["context"])
        wizard = assign.create({"partner_id": self.customer.id})
        other = assign.create({"partner_id": self.make_customer("Other").id})
        number = self.make_number("0205550000", self.customer)
        self.assertEqual(wizard.action_assign()["res_id"], number.id)
        with self.assertRaisesRegex(UserError, "some of these days"):
            other.action_assign()

    def test_a_number_typed_without_plus_is_international(self):
        number = self.make_number("31 20 1239999", self.customer)
        self.assertEqual(number.name, "+31201239999")
        record = self.load_call(number="31201239999", profile=self.profile.copy({"number_format": "e164"}))
        self.assertEqual(record.usage_number_id, number)
        self.assertEqual(self.make_number("3120", self.customer).name, "3120")

    def test_a_suppliers_code_that_looks_like_a_number_without_plus_can_be_assigned(self):
        file = self.load(self.calls(1, "31201239999"))
        self.make_number("31201239999", self.customer)
        self.assertEqual(file.waiting_count, 0)

    def test_suppliers_classes_are_made_and_known_ones_found(self):
        self.assertEqual(self.load_call(destination="Mobile").destination_id, self.mobile)
        new = self.load_call(destination="Zone 3").destination_id
        self.assertEqual((new.name, new.code), ("Zone 3", "zone 3"))
        self.assertEqual(self.load_call(destination="ZONE 3").destination_id, new)
        self.assertEqual(self.load_call().destination_id.code, "other")

    def test_cents_are_rounded_once_per_charge(self):
        rows = "".join(f"0201234567,06,2026-01-05 10:00:00,10,0.004,mobile,r{index}\n" for index in range(10))
        self.load(HEADER + rows)
        self.assertRecordValues(self.get_charges(), [{"usage_amount": 0.04, "amount_untaxed": 0.04}])

    def test_a_supplier_profile_needs_an_amount(self):
        with self.assertRaises(ValidationError):
            self.profile.copy({"column_amount": False})

    def test_sql_and_python_write_numbers_alike(self):
        cases = [
            ("020-123 45 67", "+31201234567"),
            ("0031 20 1234567", "+31201234567"),
            ("+31 (20) 1234567", "+31201234567"),
            ("1001", "1001"),
            ("Acme.Corp", "acmecorp"),
            ("112", "112"),
            ("09001234", "09001234"),
            ("31201234567", "31201234567"),
            ("", ""),
        ]
        for written, expected in cases:
            self.assertEqual(normalize_number(written, "31"), expected)
            bare = SQL.identifier("bare")
            query = SQL(
                "SELECT %s FROM (SELECT %s AS bare FROM (SELECT %s::text AS cell) AS a) AS b",
                number_sql(bare, "31", False),
                bare_sql(SQL("cell")),
                written,
            )
            self.assertEqual(self.env.execute_query(query), [(expected,)])
        self.assertEqual(normalize_number("31201234567", "31", is_e164=True), "+31201234567")

    def test_cells_that_are_no_values(self):
        self.assertTrue(is_moment("2026-01-31 10:00:00", "iso"))
        self.assertTrue(is_moment("31/01/2026 10:00:00", "dmy"))
        for text, form in (("2026-02-29 10:00:00", "iso"), ("31-13-2026 10:00:00", "dmy"), ("2026", "compact")):
            self.assertFalse(is_moment(text, form))
        self.assertTrue(is_duration("1:02:03", "clock"))
        self.assertFalse(is_duration("-5", "seconds"))
        self.assertFalse(is_amount("1.000,00", "comma"))

    def test_durations_as_a_clock(self):
        profile = self.profile.copy({"duration_unit": "clock"})
        self.assertEqual(self.load_call(seconds="1:02:03", profile=profile).seconds, 3723)
        self.assertEqual(self.load_call(seconds="2:05", profile=profile).seconds, 125)
