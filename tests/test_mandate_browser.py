"""A customer signs a mandate: from the link in the e-mail to the running subscription, on a desk and on a phone."""

import subprocess

from odoo import Command
from odoo.tests import HttpCase, tagged


@tagged("post_install", "-at_install")
class TestMandateBrowser(HttpCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("nl_NL")
        cls.company = cls.env.company
        cls.company.write(
            {
                "use_billing": True,
                "street": "Kerkstraat 1",
                "zip": "1017 GA",
                "city": "Amsterdam",
                "country_id": cls.env.ref("base.nl").id,
                "company_registry": "12345678",
                "sepa_creditor_identifier": "NL69ZZZ123456780000",
            }
        )
        cls.customer = cls.env["res.partner"].create(
            {
                "name": "Bakkerij De Korenaar B.V.",
                "is_company": True,
                "lang": "nl_NL",
                "email": "bakker@korenaar.example",
                "street": "Molenweg 2",
                "zip": "6828 CD",
                "city": "Arnhem",
                "country_id": cls.env.ref("base.nl").id,
            }
        )
        product = cls.env["product.product"].create(
            {
                "name": "Glasvezel",
                "type": "service",
                "subscribable": True,
                "list_price": 120.0,
                "categ_id": cls.env.ref("bfocused_billing.categ_connectivity").id,
            }
        )
        cls.order = cls.env["sale.order"].create(
            {
                "partner_id": cls.customer.id,
                "order_line": [Command.create({"product_id": product.id})],
                "require_signature": True,
                "require_payment": False,
            }
        )
        cls.order.action_quotation_sent()

    def sign_by_link(self):
        """The customer accepts the quotation, leaves the form, and comes back to it by the link of the e-mail."""
        self.start_tour(self.order.get_portal_url(), "bfocused_billing_accept_quotation")
        self.assertRecordValues(self.order, [{"state": "sent", "awaits_mandate": True, "signed_by": "Jan de Boer"}])
        self.assertFalse(self.order.subscription_ids)
        self.order.action_send_mandate_request()
        mail = self.env["mail.mail"].search([("body_html", "ilike", "/mandate/")], limit=1, order="id desc")
        link = mail.body_html.split("/mandate/")[1].split('"')[0]
        self.start_tour(f"/mandate/{link}", "bfocused_billing_sign_mandate")
        self.assertEqual(self.order.state, "sale")
        self.assertTrue(self.order.subscription_ids.in_progress)
        request = self.order.subscription_ids._get_billing_mandate().request_id
        self.assertTrue(request._is_genuine())
        return request

    def test_from_the_link_to_the_running_subscription(self):
        request = self.sign_by_link()
        content = request._get_pdf_content()
        text = subprocess.run(
            ["pdftotext", "-layout", "-", "-"], input=content, capture_output=True, check=True
        ).stdout.decode()
        for words in (
            "Doorlopende machtiging SEPA",
            "Incassant-ID",
            "Machtigingskenmerk",
            "Reden betaling",
            "NL69ZZZ123456780000",
            request.reference,
            "NL91 ABNA 0417 1643 00",
            "ABNANL2A",
            "Bakkerij De Korenaar B.V.",
            "Jan de Boer, Directeur",
            "8 weken",
            f"{request.signed_at:%Y-%m-%d %H:%M:%S} UTC",
            "127.0.0.1",
        ):
            self.assertIn(words, text)
        self.assertEqual(text.count("\f"), 1, "one page")


@tagged("post_install", "-at_install")
class TestMandateOnAPhone(TestMandateBrowser):
    """The same, on a phone-sized screen with touch."""

    browser_size = "375x667"
    touch_enabled = True
