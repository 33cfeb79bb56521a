import base64

from psycopg2.errors import UniqueViolation

from odoo.exceptions import UserError
from odoo.tools import SQL, mute_logger

from .usage_common import HEADER, UsageCase

ROW = "0201234567,0612345678,{moment},60,{amount},{destination},{reference}\n"


def row(reference="call-1", amount="0.10", destination="mobile", moment="2026-01-05 10:00:00"):
    return ROW.format(reference=reference, amount=amount, destination=destination, moment=moment)


class TestUsageOnce(UsageCase):
    """A call is stored once, however often and however spelt it is offered."""

    def test_the_same_content_is_imported_again_only_on_purpose(self):
        first = self.load(self.calls(3))
        self.profile.tz = "UTC"
        file = base64.b64encode(self.calls(3).encode())
        wizard = self.env["bfocused.usage.import"].create({"profile_id": self.profile.id, "file": file})
        action = wizard.action_import()
        self.assertEqual((action["res_model"], action["res_id"]), (wizard._name, wizard.id))
        self.assertEqual((wizard.earlier_id, wizard.earlier_date), (first, first.create_date))
        self.assertEqual(self.env["bfocused.usage.file"].search([("company_id", "=", self.company.id)]), first)
        with self.assertRaisesRegex(UserError, "The same content was imported on"):
            wizard._import_content(self.calls(3).encode(), first.checksum)
        wizard.import_again = True
        second = self.env["bfocused.usage.file"].browse(wizard.action_import()["res_id"])
        self.assertEqual(second.earlier_id, first)

    def test_calls_with_a_reference_at_another_time_are_no_new_calls(self):
        self.load(self.calls(3))
        self.profile.tz = "UTC"
        self.assert_counts(self.load(self.calls(4)), rows=4, new=1, refused=3)
        self.assertEqual(self.get_charges().mapped("usage_calls"), [4])

    def test_a_known_reference_with_another_amount_is_refused_and_told(self):
        self.load(HEADER + row())
        file = self.load(HEADER + row(amount="0.12") + row("call-2"))
        self.assert_counts(file, rows=2, new=1, refused=1)
        self.assertTrue(file.is_balanced)
        self.assertRecordValues(file.refusal_ids, [{"row_number": 2, "content": row(amount="0.12").strip()}])
        self.assertIn("reference is known", file.refusal_ids.reason)
        self.assertRecordValues(self.get_charges(), [{"usage_calls": 2, "usage_amount": 0.2}])

    def test_a_known_reference_with_its_class_in_capitals_is_the_same_call(self):
        self.load(HEADER + row())
        self.assert_counts(self.load(HEADER + row(destination="MOBILE")), rows=1, duplicate=1)

    def test_a_reference_is_one_call_within_a_file_too(self):
        file = self.load(HEADER + row() * 2 + row(amount="0.30") + row("call-2"))
        self.assert_counts(file, rows=4, new=2, duplicate=1, refused=1)
        self.assertTrue(file.is_balanced)
        self.assertEqual(file.refusal_ids.row_number, 4)

    def test_a_reference_is_of_its_profile(self):
        self.load(HEADER + row())
        self.assert_counts(self.load(HEADER + row(), self.profile.copy(), again=True), rows=1, new=1)

    def test_what_another_file_and_another_row_say_differently_is_counted_where_a_row_is_bad_as_well(self):
        self.load(HEADER + row())
        file = self.load(HEADER + row(amount="much") + row(amount="0.12") + row("call-2"))
        self.assert_counts(file, rows=3, new=1, refused=2)
        self.assertTrue(file.is_balanced)
        self.assertEqual(sorted(file.refusal_ids.mapped("row_number")), [2, 3])

    def test_references_that_begin_alike_are_as_many_calls_however_long_they_are(self):
        long = "x" * 3000
        rows = [row(f"1767225600.12345{index}") for index in range(3)] + [row(long), row(f"{long}y")]
        self.assert_counts(self.load(HEADER + "".join(rows)), rows=5, new=5)
        file = self.load(HEADER + "".join(rows) + row("1767225600.123453"))
        self.assert_counts(file, rows=6, new=1, duplicate=5)

    def test_the_database_refuses_a_reference_that_is_stored_already_and_an_equal_call_without(self):
        file = self.load(HEADER + row() + row(""))
        for stored, days in (("reference = 'call-1'", 1), ("reference IS NULL", 0)):
            query = SQL(
                "INSERT INTO bfocused_usage_record (file_id, started_at, reference, fingerprint, occurrence)"
                " SELECT file_id, started_at + %s * interval '1 day', reference, fingerprint, occurrence"
                " FROM bfocused_usage_record WHERE file_id = %s AND %s",
                days,
                file.id,
                SQL(stored),
            )
            with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.env.cr.execute(query)

    def test_equal_calls_that_wait_are_booked_each_once(self):
        rows = row("").replace("0201234567", "0207654321") * 2 + row("call-9").replace("0201234567", "0207654321")
        self.assert_counts(self.load(HEADER + rows), rows=3, new=3)
        self.make_number("0207654321", self.customer)
        self.assertRecordValues(self.get_charges(), [{"usage_calls": 3}])
        calls = self.get_charges().usage_record_ids
        self.assertEqual(sorted(calls.mapped("occurrence")), [1, 1, 2])

    def test_a_refused_row_is_told_whole_with_the_columns_nobody_reads(self):
        header = HEADER.replace("\n", ",note\n")
        self.load(header + row().replace("\n", ",first note\n"))
        changed = row(amount="0.12").replace("\n", ",second note\n")
        file = self.load(header + row("call-0").replace("\n", ",other note\n") + changed)
        self.assert_counts(file, rows=2, new=1, refused=1)
        self.assertRecordValues(file.refusal_ids, [{"row_number": 3, "content": changed.strip()}])
