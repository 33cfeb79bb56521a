from lxml import etree

from .ubl_common import UblCase, get_broken
from .ubl_rules import NAMESPACES, RULES

SELLER = "/*/cac:AccountingSupplierParty/cac:Party"
BUYER = "/*/cac:AccountingCustomerParty/cac:Party"
LEGAL_NUMBER = "cac:PartyLegalEntity/cbc:CompanyID"
LINE = "/*/cac:InvoiceLine[1]"
LINE_PERIOD = f"{LINE}/cac:InvoicePeriod"

# What is done to a valid invoice, and the rule that then must complain: (rule, path, text or None to remove)
REMOVED_OR_CHANGED = (
    ("PEPPOL-EN16931-R001", "/*/cbc:ProfileID", None),
    ("PEPPOL-EN16931-R003", "/*/cbc:BuyerReference | /*/cac:OrderReference", None),
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
    ("PEPPOL-EN16931-CL008", f"{BUYER}/cbc:EndpointID/@schemeID", "EM"),
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
    ("BR-CL-11", f"{BUYER}/{LEGAL_NUMBER}/@schemeID", "9944"),
    ("BR-CO-09", f"{SELLER}/cac:PartyTaxScheme/cbc:CompanyID", "812345678B01"),
    ("BR-CO-25", "/*/cbc:DueDate | /*/cac:PaymentTerms", None),
    ("BR-CO-26", f"{SELLER}/cac:PartyIdentification | {SELLER}//cbc:CompanyID", None),
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
)
# The same for other valid documents
IN_A_TRANSFER = (("BR-50", "//cac:PayeeFinancialAccount/cbc:ID", None),)
TO_A_BELGIAN = (
    ("PEPPOL-COMMON-R043", f"{BUYER}/cbc:EndpointID", "0477472702"),
    ("PEPPOL-EN16931-P0106", "//cac:TaxCategory/cbc:ID", "AE"),
)
IN_DOLLARS = (
    ("PEPPOL-EN16931-R005", "/*/cbc:TaxCurrencyCode", "USD"),
    ("PEPPOL-EN16931-R054", "/*/cbc:TaxCurrencyCode", None),
)
IN_A_CREDIT_NOTE = (
    ("NL-R-001", "/*/cac:BillingReference", None),
    ("BR-55", "//cac:InvoiceDocumentReference/cbc:ID", None),
    ("PEPPOL-EN16931-P0101", "/*/cbc:CreditNoteTypeCode", "380"),
)
# What is put in twice, or in at all: (rule, where, what)
ADDED = (
    ("PEPPOL-EN16931-R002", "/*", "<cbc:Note>one</cbc:Note><cbc:Note>two</cbc:Note>"),
    ("PEPPOL-EN16931-R121", f"{LINE}/cac:Price", "<cbc:BaseQuantity>0</cbc:BaseQuantity>"),
    ("PEPPOL-EN16931-R130", f"{LINE}/cac:Price", "<cbc:BaseQuantity unitCode='XYZ'>1</cbc:BaseQuantity>"),
    ("UBL-SR-29", SELLER, '<cac:PartyIdentification><cbc:ID schemeID="SEPA">1</cbc:ID></cac:PartyIdentification>'),
    (
        "NL-R-006",
        "/*",
        "<cac:TaxRepresentativeParty><cac:PostalAddress><cac:Country><cbc:IdentificationCode>NL</cbc:IdentificationCode>"
        "</cac:Country></cac:PostalAddress></cac:TaxRepresentativeParty>",
    ),
    ("NL-R-009", "/*", "<cac:OrderLineReference><cbc:LineID>1</cbc:LineID></cac:OrderLineReference>"),
)
TABLES = (REMOVED_OR_CHANGED, IN_A_TRANSFER, TO_A_BELGIAN, IN_DOLLARS, IN_A_CREDIT_NOTE, ADDED)


class TestUblRules(UblCase):
    """The rules can fail: each of ours complains about what it is for, and so do the official ones."""

    def assert_complaints(self, table, move):
        valid = etree.tostring(self.assert_valid(move))
        for rule, path, text in table:
            with self.subTest(rule=rule, path=path, text=text):
                document = etree.fromstring(valid)
                self.change(document, path, text)
                self.assertIn(rule, get_broken(document))

    def change(self, document, path, text):
        nodes = document.xpath(path, namespaces=NAMESPACES)
        self.assertTrue(nodes)
        for node in nodes:
            if not isinstance(node, etree._Element):
                parent, name = node.getparent(), node.attrname
                parent.attrib.pop(name)
                if text is not None:
                    parent.set(name, text)
            elif text is None:
                node.getparent().remove(node)
            else:
                node.text = text

    def test_each_rule_of_ours_is_seen_to_complain(self):
        self.assertLessEqual(set(RULES), {row[0] for table in TABLES for row in table})

    def test_rules_of_a_reverse_charge_invoice_by_direct_debit(self):
        self.baker.buyer_reference = "Bakkerij 7"
        self.assert_complaints(REMOVED_OR_CHANGED, self.make_invoice(self.baker, self.direct_debit, tax="btw_verk_0"))

    def test_rules_of_a_transfer(self):
        self.assert_complaints(IN_A_TRANSFER, self.make_invoice(self.baker, self.transfer))

    def test_rules_of_goods_to_belgium(self):
        self.assert_complaints(TO_A_BELGIAN, self.make_invoice(self.belgian, self.transfer, tax="btw_X0_producten"))

    def test_rules_of_another_currency(self):
        dollar = self.setup_other_currency("USD")
        self.assert_complaints(IN_DOLLARS, self.make_invoice(self.baker, self.transfer, currency_id=dollar.id))

    def test_rules_of_a_credit_note(self):
        self.assert_complaints(IN_A_CREDIT_NOTE, self.credit(self.make_invoice(self.baker, self.transfer)))

    def test_rules_of_the_dutch_format(self):
        document, _errors = self.export(self.make_invoice(self.baker, self.transfer), "ubl_nl")
        self.assertEqual(get_broken(document), set())
        self.change(document, f"{BUYER}/{LEGAL_NUMBER}", None)
        party = document.find("cac:AccountingCustomerParty/cac:Party/cac:PostalAddress", NAMESPACES)
        party.append(
            etree.fromstring(f'<cbc:CountrySubentity xmlns:cbc="{NAMESPACES["cbc"]}">GLD</cbc:CountrySubentity>')
        )
        for code in document.iterfind(".//cbc:PaymentMeansCode", NAMESPACES):
            code.set("name", "transfer")
        self.assertLessEqual({"BR-NL-10", "BR-NL-28", "BR-NL-29"}, get_broken(document))

    def test_rules_of_what_we_never_write(self):
        valid = etree.tostring(self.assert_valid(self.make_invoice(self.baker, self.direct_debit)))
        declarations = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        for rule, path, content in ADDED:
            with self.subTest(rule=rule):
                document = etree.fromstring(valid)
                self.change(document, "/*/cac:OrderReference", None)
                self.assertNotIn(rule, get_broken(document))
                parent = document.xpath(path, namespaces=NAMESPACES)[0]
                parent.extend(etree.fromstring(f"<all {declarations}>{content}</all>"))
                self.assertIn(rule, get_broken(document))
