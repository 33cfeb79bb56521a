from lxml import etree

from .ubl_common import UblCase
from .ubl_rules import NAMESPACES, get_broken_rules

SELLER = "/*/cac:AccountingSupplierParty/cac:Party"
BUYER = "/*/cac:AccountingCustomerParty/cac:Party"
LEGAL_NUMBER = "cac:PartyLegalEntity/cbc:CompanyID"
LINE_PERIOD = "/*/cac:InvoiceLine[1]/cac:InvoicePeriod"

# What is done to a valid invoice, and the rule that then must complain: (rule, path, text or None to remove)
REMOVED_OR_CHANGED = (
    ("PEPPOL-EN16931-R001", "/*/cbc:ProfileID", None),
    ("PEPPOL-EN16931-R004", "/*/cbc:CustomizationID", "urn:cen.eu:en16931:2017"),
    ("PEPPOL-EN16931-R007", "/*/cbc:ProfileID", "urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0"),
    ("PEPPOL-EN16931-R008", "/*/cbc:BuyerReference", " "),
    ("PEPPOL-EN16931-R010", f"{BUYER}/cbc:EndpointID", None),
    ("PEPPOL-EN16931-R020", f"{SELLER}/cbc:EndpointID", None),
    ("PEPPOL-EN16931-R040", "//cac:AllowanceCharge/cbc:MultiplierFactorNumeric", "50"),
    ("PEPPOL-EN16931-R041", "//cac:AllowanceCharge/cbc:BaseAmount", None),
    ("PEPPOL-EN16931-R042", "//cac:AllowanceCharge/cbc:MultiplierFactorNumeric", None),
    ("PEPPOL-EN16931-R043", "//cac:AllowanceCharge/cbc:ChargeIndicator", "no"),
    ("PEPPOL-EN16931-R051", "/*/cbc:DocumentCurrencyCode", "USD"),
    ("PEPPOL-EN16931-R053", "/*/cac:TaxTotal", None),
    ("PEPPOL-EN16931-R061", "//cac:PaymentMandate/cbc:ID", None),
    ("PEPPOL-EN16931-R061", "//cac:PaymentMandate", None),
    ("PEPPOL-EN16931-R110", f"{LINE_PERIOD}/cbc:StartDate", "2025-12-31"),
    ("PEPPOL-EN16931-R111", f"{LINE_PERIOD}/cbc:EndDate", "2026-04-01"),
    ("PEPPOL-EN16931-R120", "/*/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "110.97"),
    ("PEPPOL-EN16931-R120", "/*/cac:InvoiceLine[1]/cbc:LineExtensionAmount", "111.03"),
    ("PEPPOL-EN16931-F001", "/*/cbc:IssueDate", "01-01-2026"),
    ("PEPPOL-EN16931-P0100", "/*/cbc:InvoiceTypeCode", "381"),
    ("PEPPOL-EN16931-P0107", "//cac:TaxCategory/cbc:ID", "E"),
    ("BR-27", "/*/cac:InvoiceLine[1]/cac:Price/cbc:PriceAmount", "-40.0"),
    ("BR-29", "/*/cac:InvoicePeriod/cbc:EndDate", "2025-12-31"),
    ("BR-30", f"{LINE_PERIOD}/cbc:EndDate", "2025-12-31"),
    ("BR-49", "//cac:PaymentMeans/cbc:PaymentMeansCode", None),
    ("BR-57", "//cac:DeliveryLocation/cac:Address/cac:Country", None),
    ("BR-61", "//cac:PaymentMeans/cbc:PaymentMeansCode", "30"),
    ("BR-AE-02", f"{SELLER}/cac:PartyTaxScheme", None),
    ("BR-AE-05", "//cac:ClassifiedTaxCategory/cbc:Percent", "21"),
    ("BR-AE-09", "//cac:TaxSubtotal/cbc:TaxAmount", "1.00"),
    ("BR-AE-10", "//cac:TaxCategory/*[starts-with(local-name(), 'TaxExemption')]", None),
    ("BR-CO-09", f"{SELLER}/cac:PartyTaxScheme/cbc:CompanyID", "812345678B01"),
    ("BR-S-10", "//cac:TaxCategory/cbc:ID", "S"),
    ("NL-R-002", f"{SELLER}/cac:PostalAddress/cbc:StreetName", None),
    ("NL-R-003", f"{SELLER}/{LEGAL_NUMBER}", " "),
    ("NL-R-003", f"{SELLER}/{LEGAL_NUMBER}/@schemeID", None),
    ("NL-R-003", f"{SELLER}/{LEGAL_NUMBER}/@schemeID", "9944"),
    ("NL-R-004", f"{BUYER}/cac:PostalAddress/cbc:PostalZone", None),
    ("NL-R-005", f"{BUYER}/{LEGAL_NUMBER}", " "),
    ("NL-R-005", f"{BUYER}/{LEGAL_NUMBER}/@schemeID", None),
    ("NL-R-005", f"{BUYER}/{LEGAL_NUMBER}/@schemeID", "0060"),
    ("NL-R-007", "/*/cac:PaymentMeans", None),
    ("NL-R-008", "//cac:PaymentMeans/cbc:PaymentMeansCode", "ZZZ"),
    ("UBL-SR-29", f"{SELLER}/cac:PartyIdentification/cbc:ID/@schemeID", "SEPA"),
)


class TestUblRules(UblCase):
    """The evaluated rules can fail: each complains about what it is for."""

    def change(self, document, path, text):
        for node in document.xpath(path, namespaces=NAMESPACES):
            if not isinstance(node, etree._Element):
                parent, name = node.getparent(), node.attrname
                parent.attrib.pop(name)
                if text is not None:
                    parent.set(name, text)
            elif text is None:
                node.getparent().remove(node)
            else:
                node.text = text

    def test_each_rule_complains(self):
        invoice = self.make_invoice(self.baker, self.direct_debit, tax="btw_verk_0")
        valid = etree.tostring(self.assert_valid(invoice))
        for rule, path, text in REMOVED_OR_CHANGED:
            with self.subTest(rule=rule, path=path, text=text):
                document = etree.fromstring(valid)
                if rule == "UBL-SR-29":
                    self.add_identification(document)
                self.change(document, path, text)
                self.assertIn(rule, get_broken_rules(document))

    def add_identification(self, document):
        party = document.xpath(SELLER, namespaces=NAMESPACES)[0]
        creditor = party.xpath("cac:PartyIdentification[cbc:ID/@schemeID = 'SEPA']", namespaces=NAMESPACES)[0]
        creditor.addnext(etree.fromstring(etree.tostring(creditor)))

    def test_a_credit_note_must_name_an_invoice(self):
        document = self.assert_valid(self.credit(self.make_invoice(self.baker, self.transfer)))
        self.change(document, "/*/cac:BillingReference", None)
        self.assertIn("NL-R-001", get_broken_rules(document))

    def test_a_reference_of_the_buyer_or_an_order_is_needed(self):
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer))
        self.change(document, "/*/cbc:BuyerReference | /*/cac:OrderReference", None)
        self.assertEqual(get_broken_rules(document), ["PEPPOL-EN16931-R003"])

    def test_a_belgian_number_has_check_digits(self):
        document = self.assert_valid(self.make_invoice(self.belgian, self.transfer))
        self.change(document, f"{BUYER}/cbc:EndpointID", "0477472702")
        self.assertEqual(get_broken_rules(document), ["PEPPOL-COMMON-R043"])
