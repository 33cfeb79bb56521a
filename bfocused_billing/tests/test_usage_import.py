import base64

from psycopg2 import IntegrityError

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user
from odoo.tools import mute_logger

from .common import day
from .usage_common import HEADER, UsageCase


class TestUsageImport(UsageCase):
    """Call records in: each once, nothing lost, and the totals tell so."""

    def test_the_same_file_imported_again_on_purpose_brings_nothing_new(self):
        first = self.load(self.calls(3))
        second = self.load(self.calls(3), again=True)
        self.assert_counts(first, rows=3, new=3)
        self.assert_counts(second, rows=3, duplicate=3)
        self.assertEqual(second.earlier_id, first)
        self.assertRecordValues(self.get_charges(), [{"usage_calls": 3, "usage_amount": 0.36, "amount_untaxed": 0.36}])

    def test_of_an_overlapping_file_only_the_new_rows_are_taken(self):
        self.load(self.calls(3))
        second = self.load(self.calls(5))
        self.assert_counts(second, rows=5, new=2, duplicate=3)
        self.assertTrue(second.is_balanced)
        self.assertEqual(self.get_charges().usage_calls, 5)

    def test_equal_calls_within_a_file_are_as_many_calls(self):
        row = "0201234567,0612345678,2026-01-05 10:00:00,60,0.10,mobile,\n"
        self.assert_counts(self.load(HEADER + row * 2), rows=2, new=2)
        self.assert_counts(self.load(HEADER + row * 3), rows=3, new=1, duplicate=2)
        self.assertEqual(self.get_charges().usage_calls, 3)

    def test_totals_of_the_file_and_of_what_was_booked_are_compared(self):
        text = self.calls(2) + "0209999999,0612345678,2026-01-06 10:00:00,30,0.50,mobile,x\n"
        file = self.load(text)
        self.assertRecordValues(
            file,
            [
                {
                    "cost_file": 0.74,
                    "cost_new": 0.74,
                    "cost_waiting": 0.5,
                    "amount_booked": 0.24,
                    "seconds_file": 150,
                    "seconds_new": 150,
                    "unknown_count": 1,
                    "waiting_count": 1,
                    "is_balanced": True,
                }
            ],
        )

    def test_rows_that_cannot_be_read_are_refused_with_line_and_reason(self):
        text = HEADER + (
            "0201234567,0612345678,2026-01-05 10:00:00,60,0.10,mobile,a\n"
            "0201234567,0612345678,2026-02-30 10:00:00,60,0.10,mobile,b\n"
            "0201234567,0612345678,2026-01-05 10:00:00,sixty,0.10,mobile,c\n"
            '0201234567,0612345678,2026-01-05 10:00:00,60,"1,10",mobile,d\n'
            "0201234567,0612345678,2026-01-05 10:00:00,60\n"
            "\n"
            ",0612345678,2026-01-05 10:00:00,60,0.10,mobile,e\n"
            "0201234567,0612345678,now,60,0.10,mobile,f\n"
            '0201234567,0612345678,2026-01-05 11:00:00,60,0.10,"mo\nbile",g\n'
        )
        file = self.load(text)
        self.assert_counts(file, rows=8, new=2, refused=6)
        self.assertTrue(file.is_balanced)
        self.assertEqual(file.refusal_ids.mapped("row_number"), [3, 4, 5, 6, 8, 9])
        self.assertIn("2026-02-30", file.refusal_ids[0].reason)
        self.assertIn("4 columns instead of 7", file.refusal_ids[3].reason)
        self.assertIn("60", file.refusal_ids[3].content)
        self.assertEqual(file.record_ids.sorted("line").mapped("line"), [2, 10])

    def test_what_postgresql_would_read_leniently_is_refused_too(self):
        for cell in ("now", "infinity", "yesterday", "2026-1-05 10:00:00", "2026-01-05"):
            file = self.load(f"{HEADER}0201234567,06,{cell},60,0.10,mobile,a\n")
            self.assert_counts(file, rows=1, refused=1)
        for cell in ("NaN", "1e5", "Infinity", "", "-", "."):
            file = self.load(f"{HEADER}0201234567,06,2026-01-05 10:00:00,60,{cell},mobile,a\n")
            self.assert_counts(file, rows=1, refused=1)

    def test_windows_and_semicolons_and_decimal_commas_and_latin_1(self):
        profile = self.profile.copy(
            {"separator": "semicolon", "decimal_mark": "comma", "encoding": "latin-1", "date_format": "dmy"}
        )
        text = HEADER.replace(",", ";") + "020-123 45 67;06-12345678;05-01-2026 10:00:00;60;0,125;België;a\n"
        file = self.load(text.replace("\n", "\r\n").encode("latin-1"), profile)
        self.assertRecordValues(
            file.record_ids,
            [{"number": "+31201234567", "dialled": "+31612345678", "cost": 0.125, "supplier_class": "België"}],
        )
        self.assertEqual(file.record_ids.destination_id.code, "belgië")

    def test_bytes_that_are_not_in_the_encoding_are_refused(self):
        rows = "0201234567,06,2026-01-05 10:00:00,60,0.10,België,a\n".encode("latin-1")
        good = b"0201234567,06,2026-01-05 10:00:00,60,0.10,mobile,b\n"
        file = self.load(HEADER.encode() + rows + good)
        self.assert_counts(file, rows=2, new=1, refused=1)
        self.assertIn("encoding", file.refusal_ids.reason)

    def test_asterisk_master_csv_bills_what_was_answered(self):
        profile = self.env.ref("bfocused_billing.usage_profile_asterisk").copy(
            {"company_id": self.company.id, "tariff_id": self.tariff.id}
        )
        row = (
            '"{account}","0201234567","0612345678","out","""Jan"" <0201234567>","SIP/1","SIP/2","Dial","SIP/x",'
            '"2026-01-05 10:00:00","2026-01-05 10:00:05","2026-01-05 10:01:05",65,60,"{outcome}","DOCUMENTATION"'
        )
        text = "".join(
            row.format(account=account, outcome=outcome) + tail
            for account, outcome, tail in (
                ("", "ANSWERED", ',"1767.1",""\n'),
                ("", "NO ANSWER", ',"1767.2",""\n'),
                ("Acme", "ANSWERED", ',"1767.3",""\n'),
            )
        )
        file = self.load(text, profile)
        self.assert_counts(file, rows=3, new=2, skipped=1)
        self.assertTrue(file.is_balanced)
        self.assertEqual(file.record_ids.sorted("line").mapped("number"), ["+31201234567", "acme"])
        short = "".join(row.format(account="", outcome="ANSWERED") + "\n")
        self.assert_counts(self.load(short, profile), rows=1, new=1)

    def test_times_are_stored_in_utc_and_months_are_the_companys(self):
        cases = [
            ("Europe/Amsterdam", "2026-01-31 23:59:59", "2026-01-31 22:59:59", "2026-01-01"),
            ("Europe/Amsterdam", "2026-02-01 00:00:00", "2026-01-31 23:00:00", "2026-02-01"),
            ("UTC", "2026-04-30 22:00:00", "2026-04-30 22:00:00", "2026-05-01"),
            ("UTC", "2026-10-24 23:30:00", "2026-10-24 23:30:00", "2026-10-01"),
            ("Europe/Amsterdam", "2026-03-29 03:00:00", "2026-03-29 01:00:00", "2026-03-01"),
            ("America/New_York", "2026-06-30 18:30:00", "2026-06-30 22:30:00", "2026-07-01"),
        ]
        for tz, written, utc, month in cases:
            with self.subTest(tz=tz, written=written):
                profile = self.profile.copy({"tz": tz})
                file = self.load(f"{HEADER}0201234567,06,{written},60,0.10,mobile,{tz}\n", profile)
                self.assertEqual(str(file.record_ids.started_at), utc)
                self.assertEqual(file.record_ids.charge_id.period_start, day(month))

    def test_a_number_that_moves_between_customers(self):
        other = self.make_customer("Second")
        self.number.date_end = day("2026-01-10")
        self.make_number("0201234567", other, date_start="2026-01-10")
        file = self.load(
            HEADER
            + "0201234567,06,2026-01-09 23:59:59,60,0.10,mobile,a\n"
            + "0201234567,06,2026-01-10 00:00:00,60,0.20,mobile,b\n"
        )
        owners = file.record_ids.sorted("line").mapped("partner_id")
        self.assertEqual(owners, self.customer + other)
        with self.assertRaises(IntegrityError), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.make_number("020 123 4567", other, date_start="2026-02-01")

    def test_a_number_that_turns_out_to_have_moved_takes_its_open_calls_along(self):
        self.load(self.calls(3))
        self.number.date_end = day("2026-01-06")
        self.assertEqual(self.get_charges().mapped("usage_calls"), [1])
        self.assertEqual(self.env["bfocused.usage.unknown"].search([]).calls, 2)
        other = self.make_customer("Second")
        number = self.make_number("0201234567", other, date_start="2026-01-06")
        self.assertRecordValues(number.charge_ids, [{"usage_calls": 2, "amount_untaxed": 0.24}])

    def test_two_companies_are_kept_apart(self):
        company = self.env["res.company"].create({"name": "Other", "country_id": self.env.ref("base.nl").id})
        self.load(self.calls(2))
        wizard = self.env["bfocused.usage.import"].with_company(company)
        file = self.load(self.calls(2), wizard=wizard)
        self.assert_counts(file, rows=2, new=2)
        self.assertEqual(file.unknown_count, 2)
        stranger = new_test_user(
            self.env(su=True),
            "stranger",
            groups="bfocused_billing.group_billing_manager",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )
        own = self.get_charges().usage_record_ids
        for records in (own, own.file_id, self.number, self.tariff):
            self.assertFalse(records.with_user(stranger).search([("id", "in", records.ids)]))
            with self.assertRaises(AccessError):
                records[0].with_user(stranger).read(["display_name"])
        self.assertEqual(self.env["bfocused.usage.unknown"].with_user(stranger).search([]).company_id, company)

    def test_a_billing_user_imports_and_assigns_but_sets_no_prices(self):
        user = new_test_user(
            self.env(su=True),
            "biller",
            groups="bfocused_billing.group_billing_user",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        wizard = self.env["bfocused.usage.import"].with_user(user)
        file = self.load(self.calls(1).replace("0201234567", "0205555555"), wizard=wizard)
        unknown = self.env["bfocused.usage.unknown"].with_user(user).search([])
        assign = self.env["bfocused.usage.assign"].with_user(user)
        context = unknown.action_assign()["context"]
        assign.with_context(**context).create({"partner_id": self.customer.id}).action_assign()
        self.assertEqual(file.waiting_count, 0)
        for records, name in ((self.tariff, "name"), (self.profile, "name"), (file.record_ids, "number")):
            with self.assertRaises(AccessError):
                records.with_user(user).write({name: "x"})

    def test_a_portal_user_sees_nothing(self):
        user = new_test_user(self.env(su=True), "portal_user", groups="base.group_portal")
        file = self.load(self.calls(1))
        for records in (file, file.record_ids, self.number, self.tariff, self.profile):
            with self.assertRaises(AccessError):
                records.with_user(user).read(["display_name"])
        with self.assertRaises(AccessError):
            self.env["bfocused.usage.import"].with_user(user).create({"profile_id": self.profile.id})

    def test_records_and_files_are_kept(self):
        file = self.load(self.calls(1))
        for records in (file.record_ids, file):
            with self.assertRaises(UserError):
                records.sudo().unlink()

    def test_a_file_of_another_layout_is_refused_whole(self):
        with self.assertRaisesRegex(UserError, "dialled"):
            self.load("a,b,c\n1,2,3\n")

    def test_a_file_with_the_line_ends_of_an_old_macintosh_is_read(self):
        file = self.load(self.calls(2).replace("\n", "\r"))
        self.assert_counts(file, rows=2, new=2)

    def test_a_row_whose_number_is_written_as_empty_is_refused(self):
        rows = "\\N,06,2026-01-05 10:00:00,60,1.00,mobile,a\n0201234567,06,2026-01-05 10:00:00,60,1.00,\\N,\\N\n"
        file = self.load(HEADER + rows)
        self.assert_counts(file, rows=2, new=1, refused=1)
        self.assertIn("no number", file.refusal_ids.reason)
        self.assertRecordValues(file.record_ids, [{"supplier_class": False, "reference": False}])
        self.assertFalse(self.env["bfocused.usage.unknown"].search([("company_id", "=", self.company.id)]))

    def test_an_archived_class_is_still_the_class_of_its_calls(self):
        row = "0201234567,06,2026-01-05 10:00:00,60,0.10,Zone 9,{}\n"
        destination = self.load(HEADER + row.format("a")).record_ids.destination_id
        destination.active = False
        self.assertEqual(self.load(HEADER + row.format("b")).record_ids.destination_id, destination)

    def test_a_class_with_a_tab_or_capitals_with_accents_is_one_class(self):
        row = "0201234567,06,2026-01-05 10:00:00,60,0.10,{},{}\n"
        written = ["CURAÇAO\t", "Curaçao", " curaçao", "\t"]
        files = [self.load(HEADER + row.format(cell, index)) for index, cell in enumerate(written)]
        codes = [file.record_ids.destination_id.code for file in files]
        self.assertEqual(codes, ["curaçao", "curaçao", "curaçao", "other"])

    def test_the_class_of_calls_without_one_cannot_be_deleted(self):
        with self.assertRaisesRegex(UserError, "no other"):
            self.env.ref("bfocused_billing.usage_destination_other").unlink()

    def test_the_wizard_shows_the_file(self):
        wizard = self.env["bfocused.usage.import"].create(
            {
                "profile_id": self.profile.id,
                "file": base64.b64encode(self.calls(1).encode()),
                "filename": "calls.csv",
            }
        )
        action = wizard.action_import()
        self.assertEqual(action["res_model"], "bfocused.usage.file")
        self.assertEqual(self.env["bfocused.usage.file"].browse(action["res_id"]).name, "calls.csv")

    def test_every_screen_opens(self):
        self.load(self.calls(1) + "nobody,06,2026-01-05 10:00:00,60,0.1,mobile,x\nbad\n")
        for model in ("file", "record", "number", "unknown", "tariff", "profile", "destination"):
            records = self.env[f"bfocused.usage.{model}"].search([], limit=3)
            views = records.get_views([(False, kind) for kind in ("list", "search")])["views"]
            self.assertTrue(views)
            records.web_search_read([], {name: {} for name in records._fields if name != "display_name"}, limit=3)
