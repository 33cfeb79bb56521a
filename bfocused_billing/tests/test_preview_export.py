import io
from datetime import datetime

from openpyxl import load_workbook

from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged

from .preview_common import PreviewCase


class TestExport(PreviewCase):
    """Export to XLSX: one sheet of the outcomes, cells by their type, and never a formula."""

    def open_book(self, run):
        return load_workbook(io.BytesIO(run._get_xlsx()))

    def read_rows(self, run):
        (sheet,) = self.open_book(run).worksheets
        header, *rows = sheet.iter_rows()
        return [{head.value: cell for head, cell in zip(header, row, strict=True)} for row in rows]

    def test_a_row_per_outcome_with_typed_cells(self):
        self.make_subscription(self.quarter, self.internet)
        self.bill("2026-01-01")
        run = self.bill("2026-04-01")
        (row,) = self.read_rows(run)
        self.assertEqual(
            {name: cell.value for name, cell in row.items()},
            {
                "Date": datetime(2026, 4, 1),
                "Customer": "Bakkerij Jansen",
                "Outcome": "Invoiced",
                "Reason": None,
                "Untaxed amount": 120,
                "Total": 145.2,
                "Currency": "EUR",
                "Invoice": run.line_ids.move_id.display_name,
                "New charges": 120,
                "Previous run": 120,
                "Date of previous run": datetime(2026, 1, 1),
                "Difference (%)": 0,
                "Marks": None,
                "Differs": False,
                "No mandate": False,
                "No e-mail address": False,
                "First in a run": False,
            },
        )
        self.assertEqual((row["Total"].data_type, row["Total"].number_format), ("n", "#,##0.00"))
        self.assertEqual(row["Date"].number_format, "yyyy-mm-dd")
        self.assertEqual(row["Differs"].data_type, "b")

    def test_what_was_not_compared_stays_empty(self):
        self.make_subscription(self.quarter, self.internet)
        (row,) = self.read_rows(self.preview("2026-01-01"))
        self.assertEqual([row[name].value for name in ("Previous run", "Difference (%)")], [None, None])

    def test_text_is_never_a_formula(self):
        for start in ("=", "+", "-", "@"):
            customer = self.make_customer(f"{start}HYPERLINK(1)", with_mandate=False)
            self.make_subscription(self.quarter, self.internet, customer=customer)
        rows = self.read_rows(self.preview("2026-01-01"))
        self.assertEqual(len(rows), 4)
        for row in rows:
            self.assertEqual(row["Customer"].data_type, "s")
            self.assertIn("HYPERLINK", row["Reason"].value)
            self.assertEqual(row["Reason"].data_type, "s")

    def test_the_header_is_bold_frozen_filtered_and_in_the_users_language(self):
        self.make_subscription(self.quarter, self.internet)
        run = self.preview("2026-01-01")
        (sheet,) = self.open_book(run).worksheets
        self.assertTrue(all(cell.font.bold for cell in sheet[1]))
        self.assertEqual((sheet.freeze_panes, sheet.auto_filter.ref), ("C2", "A1:Q2"))
        (sheet,) = self.open_book(run.with_context(lang="nl_NL")).worksheets
        self.assertEqual(sheet["B1"].value, "Klant")
        self.assertEqual(sheet["C2"].value, "Gefactureerd")

    def test_an_amount_in_yen_has_no_decimals(self):
        run = self.make_run("2026-01-01")
        run._record_outcome(
            [
                {
                    "partner_id": self.customer.id,
                    "currency_id": self.env.ref("base.JPY").id,
                    "outcome": "held",
                    "amount_untaxed": 1000,
                    "message": "x" * 40000,
                }
            ]
        )
        (row,) = self.read_rows(run)
        self.assertEqual((row["Untaxed amount"].value, row["Untaxed amount"].number_format), (1000, "#,##0"))
        self.assertEqual(len(row["Reason"].value), 32767)


@tagged("post_install", "-at_install")
class TestDownload(PreviewCase, HttpCase):
    """The spreadsheet is for whom may read the run."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.make_subscription(cls.quarter, cls.internet)
        cls.run_ = cls.make_run("2026-01-01")
        cls.run_.action_preview()

    def get(self, login):
        self.authenticate(login, login)
        return self.url_open(self.run_.action_export_xlsx()["url"])

    def make_user(self, login, group, company=None):
        company = company or self.company
        return new_test_user(self.env, login, group, password=login, company_id=company.id, company_ids=company.ids)

    def test_a_billing_user_gets_it(self):
        self.make_user("billing-user", "bfocused_billing.group_billing_user")
        response = self.get("billing-user")
        self.assertEqual(response.status_code, 200)
        self.assertIn("Preview 2026-01-01.xlsx", response.headers["Content-Disposition"].replace("%20", " "))
        self.assertEqual(load_workbook(io.BytesIO(response.content)).active["B2"].value, "Bakkerij Jansen")

    def test_others_and_users_of_another_company_do_not(self):
        other = self.env["res.company"].create({"name": "Other"})
        self.make_user("other-company", "bfocused_billing.group_billing_user", other)
        self.make_user("portal-user", "base.group_portal")
        self.make_user("employee-user", "base.group_user")
        for login in ("other-company", "portal-user", "employee-user"):
            response = self.get(login)
            self.assertEqual(response.status_code, 404, login)
            self.assertNotIn(b"PK", response.content[:2])
        user = self.env["res.users"].search([("login", "=", "employee-user")])
        with self.assertRaises(AccessError):
            self.run_.with_user(user).action_export_xlsx()
