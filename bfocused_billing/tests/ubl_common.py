from lxml import etree
from peppol import xsd

from odoo import Command

from .common import BillingCase, day
from .official_rules import get_broken_official_rules
from .ubl_rules import NAMESPACES, get_broken_rules

CREDITOR = "NL43ZZZ273123450000"
OUR_ACCOUNT = "NL20INGB0001234567"


def get_broken(document):
    """What is wrong with an electronic invoice: names of rules, and sentences about the UBL 2.1 schema."""
    _valid, problems = xsd.validate_xsd(etree.ElementTree(document))
    return {*problems, *get_broken_rules(document), *get_broken_official_rules(document)}


class UblCase(BillingCase):
    """A company that can be named by the rules, customers of four kinds and makers of their invoices."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.write(
            {
                "street": "Voorbeeldlaan 10",
                "zip": "2718 AB",
                "city": "Zoetermeer",
                "country_id": cls.env.ref("base.nl").id,
                "vat": "NL812345678B01",
                "company_registry": "27312345",
            }
        )
        cls.company.sepa_creditor_identifier = CREDITOR
        cls.env["res.partner.bank"].sudo().create(
            {"partner_id": cls.company.partner_id.id, "acc_number": OUR_ACCOUNT, "allow_out_payment": True}
        )
        cls.transfer = cls.make_transfer_mode()
        cls.direct_debit = cls.make_direct_debit_mode()
        cls.baker = cls.make_buyer("Bakkerij Jansen", "nl", "NL91ABNA0417164300", company_registry="16001840")
        cls.town = cls.make_buyer("Gemeente Zoetermeer", "nl", "NL86INGB0002445588", oin="00000001002220647000")
        cls.town.buyer_reference = "Inkoop 4"
        cls.belgian = cls.make_buyer("Brouwerij Peeters", "be", "BE68539007547034", vat="BE0477472701")
        cls.german = cls.make_buyer("Schmidt GmbH", "de", "DE89370400440532013000", vat="DE136695976")

    @classmethod
    def make_direct_debit_mode(cls):
        method = cls.env["account.payment.method"].search([("code", "=", "sepa_direct_debit")])
        return cls.env["account.payment.mode"].create(
            {
                "name": "Direct debit",
                "company_id": cls.company.id,
                "payment_method_id": method.id,
                "bank_account_link": "variable",
            }
        )

    @classmethod
    def make_buyer(cls, name, country, iban, **values):
        partner = cls.make_customer(
            name,
            with_mandate=False,
            country_id=cls.env.ref(f"base.{country}").id,
            **{"street": "Dorpsstraat 1", "zip": "2712 AA", "city": "Ergens", "ref": "K-1001", **values},
        )
        account = cls.env["res.partner.bank"].sudo().create({"partner_id": partner.id, "acc_number": iban})
        cls.env["account.banking.mandate"].create(
            {
                "partner_bank_id": account.id,
                "company_id": cls.company.id,
                "signature_date": "2025-06-01",
                "unique_mandate_reference": f"M-{partner.id}",
                "recurrent_sequence_type": "recurring",
                "state": "valid",
            }
        )
        return partner

    @classmethod
    def get_tax(cls, name):
        return cls.env["account.chart.template"].with_company(cls.company).ref(name)

    @classmethod
    def make_invoice(cls, partner, mode, tax="btw_21", **values):
        move = cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": partner.id,
                "invoice_date": "2026-01-01",
                "payment_mode_id": mode.id,
                "invoice_line_ids": [
                    cls.prepare_line(cls.internet, 40.0, tax, "2026-01-01", "2026-03-31", quantity=3, discount=7.5),
                    cls.prepare_line(cls.cloudbox, 29.99, tax, "2026-02-01", "2026-02-28"),
                    cls.prepare_line(cls.router, 99.0, tax, False, False),
                ],
                **values,
            }
        )
        move.with_context(billing_send_anyway=True).action_post()
        return move

    @classmethod
    def prepare_line(cls, product, price, tax, start, end, **values):
        return Command.create(
            {
                "product_id": product.id,
                "price_unit": price,
                "start_date": start and day(start),
                "end_date": end and day(end),
                "tax_ids": [Command.set(cls.get_tax(tax).ids)],
                **values,
            }
        )

    @classmethod
    def credit(cls, invoice):
        wizard = cls.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoice.ids)
        action = wizard.create({"reason": "too much", "journal_id": invoice.journal_id.id}).refund_moves()
        refund = cls.env["account.move"].browse(action["res_id"])
        refund.action_post()
        return refund

    def export(self, move, builder="ubl_bis3"):
        """The electronic invoice, and what Odoo's own checks say of it."""
        content, errors = self.env[f"account.edi.xml.{builder}"]._export_invoice(move)
        return etree.fromstring(content), errors

    def get(self, document, path):
        """What stands at the path: texts of elements, values of attributes."""
        found = document.xpath(path, namespaces=NAMESPACES)
        return [node.text if isinstance(node, etree._Element) else str(node) for node in found]

    def assert_valid(self, move):
        """It passes Odoo's checks, the UBL 2.1 schema, the rules of EN 16931 and Peppol's."""
        document, errors = self.export(move)
        self.assertFalse(errors)
        self.assertEqual(get_broken(document), set())
        return document
