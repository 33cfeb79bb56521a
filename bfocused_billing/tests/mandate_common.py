from datetime import timedelta

from odoo import Command, fields

from .common import BillingCase

IBAN = "NL91ABNA0417164300"
OTHER_IBAN = "NL20INGB0001234567"
# 1 x 1 pixel, what a browser sends of a signature: PNG in base64 without its data prefix
SIGNATURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


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
