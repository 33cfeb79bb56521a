from lxml import etree

from odoo import Command

from ..importers import IMPORTERS
from .ubl_common import UblCase

CATALOGUE = """product_code,name,product_group,kind,price,price_cycle,description
NET-1,Glasvezel,connectivity,subscription,60.00,month,
UUR-1,Werk,,hours,95.00,,
DOOS-1,Router,,goods,99.00,,
"""


class TestServiceTaxes(UblCase):
    """Services have the tax on services, which elsewhere in the EU becomes a reverse charge (AE)."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.account_sale_tax_id = cls.get_tax("btw_21")

    def import_catalogue(self):
        [importer] = [one for one in IMPORTERS if one.filename == "catalogue.csv"]
        report = importer(self.env, self.company).run(CATALOGUE.encode())
        self.assertFalse(report.refusals)
        return {
            product.default_code: product
            for product in self.env["product.template"].search([("default_code", "in", ["NET-1", "UUR-1", "DOOS-1"])])
        }

    def test_the_catalogue_gives_services_the_tax_on_services(self):
        products = self.import_catalogue()
        for code, tax in (("NET-1", "btw_21_d"), ("UUR-1", "btw_21_d"), ("DOOS-1", "btw_21")):
            ours = products[code].taxes_id.filtered(lambda tax: tax.company_id == self.company)
            self.assertEqual(ours, self.get_tax(tax), code)

    def test_a_product_that_is_there_keeps_its_taxes(self):
        products = self.import_catalogue()
        products["NET-1"].taxes_id = [Command.set(self.get_tax("btw_9").ids)]
        self.import_catalogue()
        self.assertEqual(products["NET-1"].taxes_id, self.get_tax("btw_9"))

    def bill_belgian(self):
        product = self.import_catalogue()["NET-1"].product_variant_id
        position = self.env["account.fiscal.position"].with_company(self.company)._get_fiscal_position(self.belgian)
        tax = position.map_tax(product.taxes_id.filtered(lambda tax: tax.company_id == self.company))
        self.assertEqual(tax, self.get_tax("btw_X0_diensten"))
        return self.make_invoice(self.belgian, self.direct_debit, tax="btw_X0_diensten")

    def test_elsewhere_in_the_eu_a_service_is_reverse_charged(self):
        content, errors = self.env["account.edi.xml.ubl_bis3"]._export_invoice(self.bill_belgian())
        self.assertFalse(errors)
        tree = etree.fromstring(content)
        self.assertEqual(
            set(tree.xpath("//*[local-name()='ClassifiedTaxCategory']/*[local-name()='ID']/text()")), {"AE"}
        )

    def test_the_vat_notes_are_in_the_customers_language(self):
        self.env["res.lang"]._activate_lang("nl_NL")
        self.belgian.lang = "nl_NL"
        move = self.bill_belgian()
        content, _errors = self.env["account.edi.xml.ubl_bis3"]._export_invoice(move)
        reasons = etree.fromstring(content).xpath("//*[local-name()='TaxExemptionReason']/text()")
        self.assertEqual(set(reasons), {"Btw verlegd"})
        self.assertIn("Btw verlegd", move.with_context(lang="nl_NL").taxes_legal_notes)
        self.assertIn("reverse charge", move.with_context(lang="en_US").taxes_legal_notes.lower())

    def test_domestic_reverse_charge_has_a_note_too(self):
        move = self.make_invoice(self.baker, self.transfer, tax="btw_verk_0")
        self.assertIn("VAT reverse charge", move.with_context(lang="en_US").taxes_legal_notes)

    def test_the_settings_list_services_with_a_tax_on_goods(self):
        self.internet.taxes_id = [Command.set(self.get_tax("btw_21").ids)]
        self.cloudbox.taxes_id = [Command.set(self.get_tax("btw_21_d").ids)]
        settings = self.env["res.config.settings"].with_company(self.company).create({})
        action = settings.action_view_goods_taxed()
        found = self.env["product.template"].search(action["domain"])
        self.assertIn(self.internet.product_tmpl_id, found)
        self.assertNotIn(self.cloudbox.product_tmpl_id, found)
        self.assertEqual(settings.billing_goods_taxed_count, len(found))
