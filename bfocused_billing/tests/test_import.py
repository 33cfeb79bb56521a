import base64

from freezegun import freeze_time

from odoo.exceptions import UserError

from .common import BillingCase, day

FILES = {
    "catalogue.csv": """product_code,name,product_group,kind,price,price_cycle,description
T-CBX,Cloudbox test,cloudbox,subscription,39.50,month,Werkplek
T-NET,Internet test,connectivity,subscription,44.95,month,
T-UUR,Uur beheer,,hours,95.00,,
T-ART,Switch,,goods,120.00,,
""",
    "customers.csv": """customer_number,name,street,zip,city,country,phone,email,invoice_email,kvk,vat,iban,account_holder,contact_name,language
T1,"Jansen, Zn. & Co",Steenstraat 41,6828 CD,Arnhem,NL,,info@jansen.example,facturen@jansen.example,16001840,,NL94RABO0375102892,Jansen,Henk Jansen,nl_NL
""",  # noqa: E501
    "mandates.csv": """mandate_reference,customer_number,iban,account_holder,scheme,signature_date
T-M-1,T1,NL94RABO0375102892,Jansen,CORE,2024-04-08
""",
    "subscriptions.csv": """subscription_ref,customer_number,product_code,quantity,cycle,start_date,end_date,price,discount,description
T-A-1,T1,T-CBX,2,quarter,2026-01-14,,,10,
T-A-1,T1,T-NET,1,quarter,2026-01-14,,100.00,,Eigen tekst
""",  # noqa: E501
    "services.csv": """order_ref,customer_number,order_date,product_code,quantity,price,description
T-SO-1,T1,2026-01-08,T-UUR,2.5,,Verhuizing
T-SO-1,T1,2026-01-08,T-ART,1,99.00,
""",
}


class TestImport(BillingCase):
    """The importer: own CSV files in, each refused row with the reason, twice changes nothing."""

    def load(self, files=None, dry_run=False, **changed):
        files = dict(FILES if files is None else files, **changed)
        wizard = self.env["bfocused.billing.import"].with_company(self.company).create({})
        encoded = {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}
        return {report.filename: report for report in wizard._import_files(encoded, dry_run)}

    def assert_refused(self, reports, filename, words, row_number=2):
        self.assertEqual(reports[filename].counts["refused"], 1, reports[filename])
        self.assertEqual(reports[filename].refusals[0][0], row_number)
        self.assertIn(words, reports[filename].refusals[0][1])

    def get_customer(self):
        return self.env["res.partner"].search([("ref", "=", "T1")])

    def test_everything_is_brought_in(self):
        reports = self.load()
        for report in reports.values():
            self.assertFalse(report.refusals)
        customer = self.get_customer()
        self.assertRecordValues(
            customer,
            [{"name": "Jansen, Zn. & Co", "company_registry": "16001840", "lang": "nl_NL", "mandate_status": "valid"}],
        )
        self.assertEqual(set(customer.child_ids.mapped("type")), {"contact", "invoice"})
        # an invoice has to show a postal address
        invoiced = customer.child_ids.filtered(lambda contact: contact.type == "invoice")
        self.assertRecordValues(invoiced, [{"email": "facturen@jansen.example", "street": "Steenstraat 41"}])
        self.assertEqual(invoiced.country_id.code, "NL")
        subscription = customer.subscription_ids
        self.assertRecordValues(
            subscription,
            [{"code": "T-A-1", "template_id": self.quarter.id, "date_start": day("2026-01-14"), "in_progress": True}],
        )
        self.assertRecordValues(
            subscription.sale_subscription_line_ids,
            [
                {"product_uom_qty": 2, "price_unit": 118.5, "discount": 10},
                {"product_uom_qty": 1, "price_unit": 100, "discount": 0},
            ],
        )
        self.assertEqual(subscription.sale_subscription_line_ids[1].name, "Eigen tekst")
        mandate = customer._get_billing_mandate(self.company)
        self.assertEqual((mandate.recurrent_sequence_type, mandate.scheme), ("recurring", "CORE"))
        order = self.env["sale.order"].search([("name", "=", "T-SO-1")])
        self.assertEqual(order.date_order.date(), day("2026-01-08"))
        self.assertEqual(order.order_line.mapped("qty_to_invoice"), [2.5, 1])

    def test_twice_changes_nothing(self):
        self.load()
        customer = self.get_customer()
        before = (customer.bank_ids.ids, customer.child_ids.ids, customer.subscription_ids.ids)
        for report in self.load().values():
            self.assertEqual(set(report.counts), {"unchanged"}, report)
        self.assertEqual((customer.bank_ids.ids, customer.child_ids.ids, customer.subscription_ids.ids), before)

    def test_a_changed_row_updates(self):
        self.load()
        reports = self.load({"catalogue.csv": FILES["catalogue.csv"].replace("39.50", "41.00")})
        self.assertEqual(reports["catalogue.csv"].counts, {"updated": 1, "unchanged": 3})

    def test_an_invoice_address_of_its_own_stays(self):
        self.load()
        invoiced = self.get_customer().child_ids.filtered(lambda contact: contact.type == "invoice")
        invoiced.write({"street": "Postbus 12", "city": "Velp"})
        self.load({"customers.csv": FILES["customers.csv"].replace("facturen@", "crediteuren@")})
        self.assertRecordValues(
            invoiced, [{"email": "crediteuren@jansen.example", "street": "Postbus 12", "city": "Velp"}]
        )

    def test_a_dry_run_reports_the_same_and_stores_nothing(self):
        dry = self.load(dry_run=True)
        self.assertFalse(self.get_customer())
        wet = self.load()
        self.assertEqual([r.counts for r in dry.values()], [r.counts for r in wet.values()])

    def test_dutch_spreadsheets_have_semicolons_and_decimal_commas(self):
        text = FILES["catalogue.csv"].replace(",", ";").replace("39.50", "39,50")
        self.load({"catalogue.csv": b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()})
        product = self.env["product.template"].search([("default_code", "=", "T-CBX")])
        self.assertEqual(product.list_price, 39.5)

    def test_a_thousand_with_a_point_is_refused_in_a_dutch_spreadsheet(self):
        text = FILES["catalogue.csv"].replace("39.50", "1.250").replace(",", ";")
        self.assert_refused(self.load({"catalogue.csv": text}), "catalogue.csv", '"1.250" is not a number')

    def test_each_refused_row_says_why_and_the_others_go_on(self):
        cases = [
            ("catalogue.csv", "cloudbox,subscription", "cloudboks,subscription", 'no group "cloudboks"', 2),
            ("catalogue.csv", "39.50", "veel", '"veel" is not a number', 2),
            ("catalogue.csv", "39.50", "nan", '"nan" is not a number', 2),
            ("catalogue.csv", "39.50", "-5", '"-5" is not a number', 2),
            ("catalogue.csv", "goods,", "things,", '"things" is none of', 5),
            ("customers.csv", "NL94RABO0375102892", "NL95RABO0375102892", "check it for a typing error", 2),
            ("customers.csv", "16001840", "1600184", "which has 8 digits", 2),
            ("customers.csv", ",NL,", ",XX,", "not a country code", 2),
            ("customers.csv", "nl_NL", "tlh", '"tlh" is not installed', 2),
            ("mandates.csv", ",T1,", ",T9,", "There is no customer T9", 2),
            ("mandates.csv", "CORE", "core?", "neither CORE nor B2B", 2),
            ("mandates.csv", "2024-04-08", "8 april", '"8 april" is not a date', 2),
            ("subscriptions.csv", "quarter,2026-01-14,,,10", "month,2026-01-14,,,10", "differ in cycle", 2),
            ("subscriptions.csv", "T-CBX", "T-GONE", "There is no product T-GONE", 2),
            ("subscriptions.csv", "T-CBX", "T-UUR", "is not a subscription; put it in services.csv", 2),
            ("subscriptions.csv", "2026-01-14,,", "2026-01-14,2026-01-14,", "is not after the start date", 2),
            ("services.csv", "T-UUR", "T-CBX", "put it in subscriptions.csv", 2),
            ("services.csv", ",T1,2026-01-08,T-ART", ",T2,2026-01-08,T-ART", "differ in customer_number", 2),
        ]
        for filename, old, new, words, row_number in cases:
            with self.subTest(filename=filename, words=words):
                reports = self.load(**{filename: FILES[filename].replace(old, new)}, dry_run=True)
                self.assert_refused(reports, filename, words, row_number)
                self.assertTrue(reports["catalogue.csv"].counts["created"] >= 3)

    def test_an_item_that_stands_twice_is_refused(self):
        text = FILES["catalogue.csv"] + "T-CBX,Again,cloudbox,subscription,1.00,month,\n"
        self.assert_refused(self.load({"catalogue.csv": text}), "catalogue.csv", "T-CBX stands more than once")

    def test_a_signed_mandate_is_not_changed(self):
        self.load()
        reports = self.load(**{"mandates.csv": FILES["mandates.csv"].replace("2024-04-08", "2024-04-09")})
        self.assert_refused(reports, "mandates.csv", "A signed mandate can't be changed")

    def test_an_old_mandate_lives_on_by_its_last_collection_elsewhere(self):
        header, row = FILES["mandates.csv"].splitlines()
        row = row.replace("2024-04-08", "2019-05-01")
        with freeze_time("2026-03-02"):
            reports = self.load(**{"mandates.csv": f"{header}\n{row}"}, dry_run=True)
            self.assert_refused(reports, "mandates.csv", "This mandate expired on 05/01/2022")
            header += ",last_debit_date"
            for last, words in (
                ("", "expired on 05/01/2022"),
                ("2023-03-02", "expired on 03/02/2026"),
                ("2026-03-03", "in the future"),
                ("gisteren", "is not a date"),
            ):
                with self.subTest(last):
                    reports = self.load(**{"mandates.csv": f"{header}\n{row},{last}"}, dry_run=True)
                    self.assert_refused(reports, "mandates.csv", words)
            files = {"mandates.csv": f"{header}\n{row},2026-02-02"}
            self.load(**files)
            mandate = self.get_customer()._get_billing_mandate(self.company)
            self.assertRecordValues(mandate, [{"last_debit_date": day("2026-02-02"), "expiry_date": day("2029-02-02")}])
            mandate._expire_or_warn()
            self.assertEqual(mandate.state, "valid")
            self.assertTrue(self.get_customer().subscription_ids.in_progress)
        with freeze_time("2029-02-02"):
            self.assertEqual(self.load(files)["mandates.csv"].counts, {"unchanged": 1})

    def test_a_subscription_that_is_there_is_not_changed(self):
        self.load()
        reports = self.load(**{"subscriptions.csv": FILES["subscriptions.csv"].replace("T-CBX,2", "T-CBX,3")})
        self.assert_refused(reports, "subscriptions.csv", "Change it in Odoo itself")

    def test_a_missing_column_refuses_the_whole_file(self):
        reports = self.load({"catalogue.csv": FILES["catalogue.csv"].replace("price_cycle", "period")})
        self.assert_refused(reports, "catalogue.csv", "missing in the first row: price_cycle", 1)

    def test_a_file_that_is_not_utf8_is_refused(self):
        reports = self.load({"catalogue.csv": "product_code,nàme".encode("latin-1")})
        self.assert_refused(reports, "catalogue.csv", "isn't UTF-8", 1)

    def test_an_empty_cell_that_is_needed_is_refused_with_its_line(self):
        reports = self.load({"catalogue.csv": FILES["catalogue.csv"].replace("T-ART,Switch", "T-ART,")})
        self.assert_refused(reports, "catalogue.csv", "Line 5: fill in name", 5)

    def test_the_wizard_tries_first_and_shows_what_was_refused(self):
        text = FILES["catalogue.csv"].replace("39.50", "veel")
        attachment = self.env["ir.attachment"].create(
            {"name": "catalogue.csv", "datas": base64.b64encode(text.encode())}
        )
        wizard = (
            self.env["bfocused.billing.import"].with_company(self.company).create({"attachment_ids": attachment.ids})
        )
        wizard.action_try()
        self.assertEqual(wizard.state, "tried")
        self.assertEqual(wizard.summary, "catalogue.csv: 3 created, 0 updated, 0 unchanged, 1 refused")
        self.assertRecordValues(wizard.line_ids, [{"filename": "catalogue.csv", "row_number": 2}])
        self.assertFalse(self.env["product.template"].search([("default_code", "=", "T-NET")]))
        wizard.action_import()
        self.assertTrue(self.env["product.template"].search([("default_code", "=", "T-NET")]))

    def test_a_file_with_another_name_is_refused_before_anything_is_imported(self):
        with self.assertRaisesRegex(UserError, "klanten.csv: not recognised by its name"):
            self.load({"klanten.csv": "a,b"})
        with self.assertRaisesRegex(UserError, "Choose at least one of these files"):
            self.load({})

    def test_a_company_without_billing_is_told_to_switch_it_on(self):
        self.company.use_billing = False
        with self.assertRaisesRegex(UserError, "Switch on B/Focused billing"):
            self.load()
