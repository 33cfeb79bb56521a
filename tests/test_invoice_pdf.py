"""The invoice a customer reads: Dutch, with the periods, and with the supplier's header and footer (T20)."""

import subprocess
import tempfile

from lxml import html

from odoo import Command
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestInvoicePdf(HttpCase):
    def test_the_pdf_is_dutch_with_periods_header_and_footer(self):
        env, company = self.env, self.env.company
        env["res.lang"]._activate_lang("nl_NL")
        company.use_billing = True
        customer = env["res.partner"].create(
            {"name": "Bakkerij De Korenaar", "is_company": True, "lang": "nl_NL", "country_id": env.ref("base.nl").id}
        )
        account = env["res.partner.bank"].create({"partner_id": customer.id, "acc_number": "PDF-1"})
        env["account.banking.mandate"].create(
            {"partner_bank_id": account.id, "signature_date": "2025-01-01", "state": "valid"}
        )
        product = env["product.product"].create(
            {
                "name": "Glasvezel",
                "type": "service",
                "subscribable": True,
                "list_price": 120.0,
                "categ_id": env.ref("bfocused_billing.categ_connectivity").id,
            }
        )
        env["sale.subscription"].create(
            {
                "partner_id": customer.id,
                "template_id": env.ref("bfocused_billing.cycle_quarter").id,
                "date_start": "2026-02-10",
                "sale_subscription_line_ids": [Command.create({"product_id": product.id})],
            }
        ).action_start_subscription()
        run = env["bfocused.billing.run"].create({"date": "2026-03-01"})
        run.action_run()
        env["ir.config_parameter"].set_param("report.url", self.base_url())

        report = env["ir.actions.report"].with_context(force_report_rendering=True)
        with self.allow_pdf_render():
            pdf, _kind = report._render_qweb_pdf("account.account_invoices", run.invoice_ids.ids)
        text = subprocess.run(
            ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
        ).stdout.decode()

        self.assertIn("Factuur", text)
        self.assertIn("10 februari 2026 t/m 31 maart 2026", text)
        self.assertIn("66,67", text)
        self.assertIn(company.name, text)
        self.assertIn(company.vat, text)
        self.assertIn(company.email, text)


@tagged("post_install", "-at_install")
class TestLongInvoice(HttpCase):
    """An invoice of several pages: no row is broken or printed over, and all amounts are there."""

    def render(self, move):
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        report = self.env["ir.actions.report"].with_context(force_report_rendering=True)
        with self.allow_pdf_render():
            pdf, _kind = report._render_qweb_pdf("account.account_invoices", move.ids)
        return pdf

    def get_boxes(self, pdf):
        """Per page the vertical place of each word, as (top, bottom, word)."""
        told = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True).stdout
        pages = html.fromstring(told).xpath("//page")
        return [
            [(float(word.get("ymin")), float(word.get("ymax")), word.text) for word in page.xpath(".//word")]
            for page in pages
        ]

    def make_invoice(self, names):
        self.env.company.use_billing = True
        return self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.env["res.partner"].create({"name": "Many lines", "lang": "en_US"}).id,
                "invoice_line_ids": [
                    Command.create({"name": name, "price_unit": 10 + number, "quantity": 1})
                    for number, name in enumerate(names)
                ],
            }
        )

    def test_no_row_is_broken_over_pages_or_printed_over(self):
        names = [
            f"First{number:02} of a line\nsecond line of text\nthird line\nLast{number:02}" for number in range(40)
        ]
        pages = self.get_boxes(self.render(self.make_invoice(names)))
        self.assertGreater(len(pages), 2)
        place = {word: page for page, words in enumerate(pages) for _top, _bottom, word in words}
        for number in range(40):
            self.assertEqual(place[f"First{number:02}"], place[f"Last{number:02}"])
        for words in pages:
            heads = [(top, bottom) for top, bottom, word in words if word == "Description"]
            texts = [(top, bottom) for top, bottom, word in words if word.startswith(("First", "Last"))]
            self.assertEqual(len(heads), 1 if texts else len(heads))
            for top, bottom in heads:
                self.assertFalse([text for text in texts if text[0] < bottom - 1 and top + 1 < text[1]])

    def test_emoji_are_printed(self):
        pdf = self.render(self.make_invoice(["Screen \N{DESKTOP COMPUTER} \N{THUMBS UP SIGN}"]))
        with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
            file.write(pdf)
            file.flush()
            fonts = subprocess.run(["pdffonts", file.name], capture_output=True, check=True, text=True).stdout
        self.assertIn("Symbola", fonts)  # else they are boxes; see billing_env.system_packages

    def test_a_row_longer_than_a_page_is_printed_whole(self):
        text = "\n".join(f"Text{number:03}" for number in range(130))
        pages = self.get_boxes(self.render(self.make_invoice(["Before", text, "After"])))
        words = [word for page in pages for _top, _bottom, word in page]
        self.assertEqual([word for word in words if word.startswith("Text")], text.split("\n"))
        self.assertIn("After", words)
