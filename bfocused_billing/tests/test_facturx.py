from unittest.mock import patch

from odoo import Command

from .common import BillingCase

CII = "odoo.addons.account_edi_ubl_cii.models.account_edi_xml_cii_facturx.AccountEdiXmlCii._export_invoice"


class TestFacturx(BillingCase):
    """The second e-invoice inside the PDF: left out unless the company wants it, and then its errors are told."""

    def send(self, **values):
        self.customer.write({"email": "klant@example.com", **values})
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [Command.create({"product_id": self.internet.id, "price_unit": 60})],
            }
        )
        move.action_post()
        self.env["account.move.send"]._generate_and_send_invoices(move, sending_methods=["manual"])
        return move

    def get_facturx(self, move):
        return self.env["ir.attachment"].search(
            [("res_model", "=", "account.move"), ("res_id", "=", move.id), ("name", "=", "factur-x.xml")]
        )

    def test_it_is_left_out_and_the_pdf_is_there(self):
        with patch(CII) as exported:
            move = self.send()
        exported.assert_not_called()
        self.assertTrue(move.invoice_pdf_report_id)
        self.assertFalse(self.get_facturx(move))

    def test_a_company_that_wants_it_hears_what_is_wrong_with_it(self):
        self.company.billing_embeds_facturx = True
        with patch(CII, return_value=(b"<x/>", {"The recipient bank is missing."})):
            move = self.send()
        self.assertTrue(self.get_facturx(move))
        self.assertIn("isn't right: The recipient bank is missing.", " ".join(move.message_ids.mapped("body")))

    def test_nothing_changes_without_billing(self):
        self.company.use_billing = False
        with patch(CII, return_value=(b"<x/>", {"Wrong."})):
            move = self.send()
        self.assertTrue(self.get_facturx(move))
        self.assertNotIn("Wrong.", " ".join(move.message_ids.mapped("body")))

    def test_a_customer_whose_format_it_is_gets_it(self):
        with patch(CII, return_value=(b"<x/>", set())):
            move = self.send(invoice_edi_format="facturx", country_id=self.env.ref("base.fr").id)
        self.assertTrue(self.get_facturx(move))
