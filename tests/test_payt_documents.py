"""The documents PAYT gets are those Odoo makes: a rendered PDF and an electronic invoice that passes its rules."""

import subprocess

import payt_compare
import payt_hand_over
import requests
from lxml import etree

from odoo import Command
from odoo.tests import HttpCase, tagged

from odoo.addons.bfocused_billing.tests.ubl_rules import NAMESPACES, get_broken_rules
from odoo.addons.bfocused_payt_connector.tests.common import SandboxMixin
from odoo.addons.queue_job.job import Job

MANDATE = "MACHTIGING-1"
IBAN = "NL91ABNA0417164300"


@tagged("post_install", "-at_install")
class TestPaytDocuments(SandboxMixin, HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company
        cls.company.use_billing = True
        cls.env["res.lang"]._activate_lang("nl_NL")

    def setUp(self):
        super().setUp()
        self.backend.psp_provider = "mollie"
        self.env["ir.config_parameter"].set_param("report.url", self.base_url())
        # the test's database has nothing else that goes to PAYT
        self.customer = self.make_customer()
        self.move = self.make_invoice()

    def make_customer(self):
        customer = self.env["res.partner"].create(
            {
                "name": "Bakkerij De Korenaar",
                "ref": "K-77",
                "is_company": True,
                "lang": "nl_NL",
                "street": "Dorpsstraat 1",
                "zip": "2712 AA",
                "city": "Zoetermeer",
                "country_id": self.env.ref("base.nl").id,
                "email": "info@korenaar.example",
                "company_registry": "16001840",
                "invoice_edi_format": "ubl_bis3",
            }
        )
        account = self.env["res.partner.bank"].create({"partner_id": customer.id, "acc_number": IBAN})
        self.env["account.banking.mandate"].create(
            {
                "partner_bank_id": account.id,
                "company_id": self.company.id,
                "unique_mandate_reference": MANDATE,
                "signature_date": "2025-01-01",
                "state": "valid",
            }
        )
        return customer

    def make_invoice(self):
        method = self.env["account.payment.method"].search([("code", "=", "sepa_direct_debit")], limit=1)
        mode = self.env["account.payment.mode"].create(
            {
                "name": "Incasso",
                "company_id": self.company.id,
                "payment_method_id": method.id,
                "bank_account_link": "variable",
            }
        )
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_date": "2026-01-05",
                "payment_mode_id": mode.id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Glasvezel",
                            "price_unit": 100.0,
                            "tax_ids": [Command.set(self.company.account_sale_tax_id.ids)],
                        }
                    )
                ],
            }
        )
        move.action_post()
        return move

    def work_off(self):
        """As the job runner does, in the one transaction of the test."""
        while jobs := self.find_jobs("_job_send"):
            for job in jobs:
                # in tests Odoo makes real PDFs on request only, and a job doesn't keep that
                job.recordset.with_context(force_report_rendering=True)._job_send()
                job.set_done()
                job.store()
        while jobs := self.find_jobs("_job_empty"):
            payt_hand_over.perform(self.env, [job.uuid for job in jobs])
        self.env.invalidate_all()

    def find_jobs(self, method):
        self.env["payt.outbox"]._cron_empty()
        jobs = self.env["queue.job"].search([("state", "=", "pending"), ("method_name", "=", method)], order="id")
        return [Job.load(self.env, uuid) for uuid in jobs.mapped("uuid")]

    def download(self, document):
        answer = requests.get(f"{self.sandbox.url}/_files/{document['_key']}/{document['filename']}", timeout=10)
        self.assertEqual(answer.status_code, 200)
        return answer.content

    def test_the_pdf_and_the_electronic_invoice_of_a_direct_debit_are_at_payt(self):
        self.work_off()

        self.assertEqual(self.move.payt_state, "pushed", self.move.payt_message)
        [there] = self.sandbox.state()["invoices"]
        self.assertEqual((there["payment_method"], there["total_amount"]), ("direct_debit", "121.00"))
        pdf, ubl = self.download(there["_document"]), self.download(there["_ubl_document"])
        text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
        self.assertIn(self.move.name, text)
        self.assertIn("Bakkerij De Korenaar", text)
        document = etree.fromstring(ubl)
        self.assertEqual(get_broken_rules(document), [])
        means = document.find("cac:PaymentMeans", NAMESPACES)
        self.assertEqual(means.findtext("cbc:PaymentMeansCode", namespaces=NAMESPACES), "59")
        self.assertEqual(means.findtext("cac:PaymentMandate/cbc:ID", namespaces=NAMESPACES), MANDATE)
        [mandate] = self.sandbox.state()["psp_mandates"]
        self.assertEqual((mandate["mandate_reference"], mandate["bank_account_number"]), (MANDATE, IBAN))

    def test_the_comparison_finds_no_difference_and_then_each_one(self):
        self.work_off()
        self.assertEqual(payt_compare.compare(self.env, self.sandbox.state())["differences"], [])

        self.sandbox.play("pay", invoice=self.move.name, amount="21.00")
        self.customer.name = "Bakkerij De Aar"
        self.move.invoice_pdf_report_id.raw = b"%PDF-1.4 another"
        missing = self.make_invoice()

        differences = payt_compare.compare(self.env, self.sandbox.state())["differences"]

        name = self.move.name
        self.assertEqual(len(differences), 4, differences)
        self.assertIn("debtors: K-77 name is Bakkerij De Aar here and Bakkerij De Korenaar at PAYT", differences)
        self.assertIn(f"invoices: {name} open is 121.00 here and 100.00 at PAYT", differences)
        self.assertIn(f"invoices: {missing.name} isn't at PAYT.", differences)
        self.assertTrue(any(text.startswith(f"invoices: {name} pdf is ") for text in differences), differences)
