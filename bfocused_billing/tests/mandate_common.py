from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import new_test_user

from .common import BillingCase

IBAN = "NL91ABNA0417164300"
OTHER_IBAN = "NL20INGB0001234567"
# 1 x 1 pixel, what a browser sends of a signature: PNG in base64 without its data prefix
SIGNATURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

DETAILS = {
    "iban": IBAN,
    "account_holder": "Hotel Zonder B.V.",
    "signatory": "Jan Jansen",
    "signatory_role": "Directeur",
    "place": "Arnhem",
}
EVIDENCE = {"ip": "192.0.2.7", "user_agent": "Test browser"}
PDF = b"%PDF-1.4 scanned form"
# groups of somebody who makes payment orders
PAYMENTS = "base.group_user,base.group_partner_manager,account_payment_order.group_account_payment"


class Signing:
    """Customers who fill in the form and sign, without the rendering of the document."""

    def make_request(self, customer, **values):
        return self.env["bfocused.mandate.request"]._get_or_create_for(customer, self.company, **values)

    def sign(self, request, **details):
        request._set_details({**DETAILS, **details})
        with patch.object(self.env.registry["bfocused.mandate.request"], "_render_form", lambda *args: PDF):
            request._sign(SIGNATURE, EVIDENCE, request._get_shown_digest())
        return request.mandate_id


class MandateCase(BillingCase):
    """A company that collects with creditor identifier and address, and customers without mandate."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.write(
            {
                "name": "Creditor Test B.V.",
                "street": "Kerkstraat 1",
                "zip": "1017 GA",
                "city": "Amsterdam",
                "company_registry": "12345678",
                "sepa_creditor_identifier": "NL69ZZZ123456780000",
            }
        )
        cls.newcomer = cls.make_customer("Hotel Zonder", with_mandate=False, email="hotel@zonder.example")

    @classmethod
    def make_order(cls, *products, customer=None, **values):
        order = cls.env["sale.order"].create(
            {
                "company_id": cls.company.id,
                "partner_id": (customer or cls.newcomer).id,
                "order_line": [Command.create({"product_id": product.id}) for product in products],
                **values,
            }
        )
        return order

    @classmethod
    def make_stage(cls, kind):
        return cls.env.ref(f"subscription_oca.subscription_stage_{kind}")

    @classmethod
    def yesterday(cls):
        return fields.Date.today() - timedelta(days=1)


class RequestCase(Signing, MandateCase):
    """Requests to the customer without mandate."""

    def setUp(self):
        super().setUp()
        self.requests = self.env["bfocused.mandate.request"]

    def make_request(self, customer=None, **values):
        return super().make_request(customer or self.newcomer, **values)

    def get_recipient(self, mail):
        return mail.email_to or mail.recipient_ids.email

    def make_user(self, login, groups):
        return new_test_user(
            self.env(su=True),
            login,
            groups=groups,
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
