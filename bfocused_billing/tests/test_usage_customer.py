import csv
import io

from odoo.tests import HttpCase, new_test_user, tagged

from .usage_common import HEADER, UsageCase


@tagged("post_install", "-at_install")
class TestUsageForTheCustomer(UsageCase, HttpCase):
    """The customer sees the calls behind the invoice, and nobody else does."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.email = "jansen@example.com"
        cls.load(f"{HEADER}0201234567,+31612345678,2026-01-05 10:00:00,60,60.00,mobile,a\n")
        cls.bill("2026-02-01")
        cls.invoice = cls.get_invoices()

    def get_cells(self, invoice):
        return list(csv.reader(io.StringIO(invoice._get_usage_csv().decode("utf-8-sig")), delimiter=";"))[1:]

    def log_in(self, login, customer):
        new_test_user(self.env(su=True), login, groups="base.group_portal", partner_id=customer.id)
        self.authenticate(login, login)

    def test_no_cell_of_the_specification_is_a_formula(self):
        cells = ["+cmd|'/c calc'!a1", "=1+1", "-1+1", "@sum", "+31612345678", "\t=1+1", "0900=x", "+"]
        rows = [
            f'0201234567,"{cell}",2026-02-05 10:00:00,60,60.00,{cell.strip()} x,r{index}\n'
            for index, cell in enumerate(cells)
        ]
        self.load(HEADER + "".join(rows))
        self.bill("2026-03-01")
        written = self.get_cells(self.get_invoices() - self.invoice)
        self.assertEqual(len(written), len(cells))
        for number, destination, _moment, dialled, *_others in written:
            for cell in (number, destination, dialled):
                self.assertRegex(cell, r"^(\+?\d+|[^=+\-@\t\r].*|)$")
        self.assertEqual(written[0][0], "+31201234567")

    def test_the_specification_goes_along_with_the_invoice(self):
        sending = self.env["account.move.send"]
        before = sending._get_default_mail_attachments_widget(self.invoice, self.env["mail.template"])
        name = next(data["name"] for data in before if "esprek" in data["name"] or "Calls" in data["name"])
        sending._generate_and_send_invoices(self.invoice, sending_methods=["email"])
        kept = self.invoice.usage_specification_id
        self.assertEqual((kept.name, kept.mimetype), (name, "application/pdf"))
        self.assertIn(b"2026-01-05 10:00:00", self.invoice._get_usage_pdf())
        mail = self.invoice.message_ids.filtered("attachment_ids")[:1]
        self.assertIn(kept.name, mail.attachment_ids.mapped("name"))
        after = sending._get_default_mail_attachments_widget(self.invoice, self.env["mail.template"])
        self.assertEqual([data["name"] for data in after].count(name), 1)
        self.invoice.button_draft()
        self.invoice.invalidate_recordset()
        self.assertFalse(self.invoice.usage_specification_id)

    def test_an_invoice_without_calls_goes_alone(self):
        other = self.init_invoice("out_invoice", partner=self.customer, products=self.router, post=True)
        self.env["account.move.send"]._generate_and_send_invoices(other, sending_methods=["email"])
        self.assertTrue(other.invoice_pdf_report_id)
        self.assertFalse(other.usage_specification_id)

    def test_the_customers_user_downloads_the_calls(self):
        self.log_in("jansen", self.customer)
        page = self.url_open(f"/my/invoices/{self.invoice.id}")
        self.assertIn(f"/my/invoices/{self.invoice.id}/calls", page.text)
        answer = self.url_open(f"/my/invoices/{self.invoice.id}/calls?report_type=csv")
        self.assertEqual((answer.status_code, answer.content), (200, self.invoice._get_usage_csv()))
        self.assertIn("attachment", answer.headers["Content-Disposition"])
        answer = self.url_open(f"/my/invoices/{self.invoice.id}/calls")
        self.assertEqual((answer.status_code, answer.headers["Content-Type"]), (200, "application/pdf"))
        self.assertEqual(self.url_open(f"/my/invoices/{self.invoice.id}/calls?report_type=xml").status_code, 404)

    def test_another_customers_user_does_not(self):
        self.log_in("pietersen", self.make_customer("Slagerij Pietersen"))
        token = self.invoice._portal_ensure_token()
        for query in ("", "?report_type=csv", f"?access_token={token}"):
            answer = self.url_open(f"/my/invoices/{self.invoice.id}/calls{query}", allow_redirects=False)
            self.assertEqual(answer.status_code, 303)
            self.assertNotIn(b"31612345678", answer.content)

    def test_without_logging_in_nobody_does(self):
        token = self.invoice._portal_ensure_token()
        page = self.url_open(f"/my/invoices/{self.invoice.id}?access_token={token}")
        self.assertEqual(page.status_code, 200)
        self.assertNotIn("/calls", page.text)
        answer = self.url_open(f"/my/invoices/{self.invoice.id}/calls?access_token={token}", allow_redirects=False)
        self.assertIn("/web/login", answer.headers["Location"])

    def test_the_link_of_an_invoice_gives_the_invoice_alone(self):
        """In every form of download: as file, as zip of all, and as attachment of the mail that is shown with it."""
        self.env["account.move.send"]._generate_and_send_invoices(self.invoice, sending_methods=["email"])
        self.assertTrue(self.invoice.usage_specification_id)
        self.assertEqual(self.download_all(), ("application/pdf", False))
        self.log_in("pietersen", self.make_customer("Slagerij Pietersen"))
        self.assertEqual(self.download_all(), ("application/pdf", False))
        self.log_in("jansen", self.customer)
        self.assertEqual(self.download_all(), ("zip", True))

    def download_all(self):
        """What somebody with the link gets.

        :return: the kind of the download, and whether the calls are among the attachments of messages
        """
        token = self.invoice._portal_ensure_token()
        file = self.url_open(f"/my/invoices/{self.invoice.id}?access_token={token}&report_type=pdf&download=1")
        chatter = self.make_jsonrpc_request(
            "/mail/chatter_fetch",
            {"thread_model": "account.move", "thread_id": self.invoice.id, "token": token},
        )
        return file.headers["Content-Type"], self.invoice.usage_specification_id.name in str(chatter)
