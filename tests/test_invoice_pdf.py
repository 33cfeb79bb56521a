"""The invoice a customer reads: Dutch, with the periods, and with the supplier's header and footer (T20)."""

import subprocess

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
