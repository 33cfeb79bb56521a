from lxml import etree

from .ubl_common import UblCase
from .ubl_rules import BUYER, NAMESPACES, SELLER
from .ubl_rules_en16931 import EN16931_RULES, FAMILIES, get_broken_en16931_rules

SUBTOTAL, CATEGORY = "//cac:TaxSubtotal", "//cac:TaxSubtotal/cac:TaxCategory"
REASONS = "//cac:TaxCategory/*[starts-with(local-name(), 'TaxExemption')]"
VAT_NUMBERS = f"{SELLER}/cac:PartyTaxScheme | {BUYER}/cac:PartyTaxScheme"
LINE = "/*/cac:InvoiceLine[1]"

# What is done to a valid document of each category, and the rule of the family that then complains: (number, path, text
# or None to remove); what differs for a category is below
CHANGES = {
    "01": (SUBTOTAL, None),
    "02": (f"{SELLER}/cac:PartyTaxScheme", None),
    "05": ("//cac:ClassifiedTaxCategory/cbc:Percent", "7"),
    "08": (f"{SUBTOTAL}/cbc:TaxableAmount", "1"),
    "09": (f"{SUBTOTAL}/cbc:TaxAmount", "500"),
    "10": (REASONS, None),
}
CHANGES_OF = {("S", "05"): ("//cac:ClassifiedTaxCategory/cbc:Percent", "0")}
# What is put in: (category, number): (path, content)
ADDED = {
    ("S", "10"): (CATEGORY, "<cbc:TaxExemptionReason>why</cbc:TaxExemptionReason>"),
    ("Z", "10"): (CATEGORY, "<cbc:TaxExemptionReason>why</cbc:TaxExemptionReason>"),
    ("O", "05"): ("//cac:ClassifiedTaxCategory", "<cbc:Percent>0</cbc:Percent>"),
    ("O", "02"): (
        SELLER,
        "<cac:PartyTaxScheme><cbc:CompanyID>NL1</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>"
        "</cac:PartyTaxScheme>",
    ),
}
OTHER_CHANGES = {
    "BR-IC-11": ("//cbc:ActualDeliveryDate | /*/cac:InvoicePeriod", None),
    "BR-IC-12": ("//cac:Delivery", None),
    "BR-DEC": (f"{SUBTOTAL}/cbc:TaxableAmount", "1.234"),
    "BR-22": (f"{LINE}/cbc:InvoicedQuantity", None),
    "BR-23": (f"{LINE}/cbc:InvoicedQuantity/@unitCode", ""),
    "BR-25": (f"{LINE}/cac:Item/cbc:Name", " "),
    "BR-26": (f"{LINE}/cac:Price/cbc:PriceAmount", None),
    "BR-42": ("//cac:AllowanceCharge/*[starts-with(local-name(), 'AllowanceChargeReason')]", None),
    "BR-48": (f"{CATEGORY}/cbc:Percent", None),
}
OTHER_ADDED = {
    "PEPPOL-EN16931-R121": (f"{LINE}/cac:Price", "<cbc:BaseQuantity>0</cbc:BaseQuantity>"),
    "PEPPOL-EN16931-R130": (f"{LINE}/cac:Price", "<cbc:BaseQuantity unitCode='XYZ'>1</cbc:BaseQuantity>"),
}


class TestUblRulesEn16931(UblCase):
    """The rules per category of VAT can fail: each complains about what it is for, and not of what is right."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        move = cls.make_invoice(cls.belgian, cls.transfer, tax="btw_X0_producten")
        cls.supply, _errors = cls.env["account.edi.xml.ubl_bis3"]._export_invoice(move)

    def change(self, document, path, text):
        nodes = document.xpath(path, namespaces=NAMESPACES)
        self.assertTrue(nodes, path)
        for node in nodes:
            if not isinstance(node, etree._Element):
                node.getparent().set(node.attrname, text)
            elif text is None:
                node.getparent().remove(node)
            else:
                node.text = text

    def add(self, document, path, content):
        declarations = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMESPACES.items())
        for parent in document.xpath(path, namespaces=NAMESPACES):
            parent.extend(etree.fromstring(f"<all {declarations}>{content}</all>"))

    def get_document(self, category):
        """The intra-Community supply, turned into a valid document of another category of VAT."""
        document = etree.fromstring(self.supply)
        for path in ("//cac:ClassifiedTaxCategory/cbc:ID", f"{CATEGORY}/cbc:ID"):
            self.change(document, path, category)
        if category in "SZ":
            self.change(document, REASONS, None)
        if category == "S":
            [base] = document.xpath(f"{SUBTOTAL}/cbc:TaxableAmount/text()", namespaces=NAMESPACES)
            self.change(document, f"{SUBTOTAL}/cbc:TaxAmount", f"{float(base) * 0.21:.2f}")
            self.change(document, "//cbc:Percent", "21")
        if category == "O":
            self.change(document, f"//cbc:Percent | {VAT_NUMBERS}", None)
        self.assertEqual(get_broken_en16931_rules(document), [])
        return document

    def test_each_rule_is_seen_to_complain(self):
        families = {f"{family}-{number}" for family in FAMILIES.values() for number in CHANGES}
        self.assertEqual(set(EN16931_RULES), families | set(OTHER_CHANGES) | set(OTHER_ADDED) | {"BR-O-11"})

    def test_rules_of_each_category(self):
        for category, family in FAMILIES.items():
            for number, change in CHANGES.items():
                with self.subTest(category=category, number=number):
                    document = self.get_document(category)
                    if (category, number) in ADDED:
                        self.add(document, *ADDED[category, number])
                    else:
                        self.change(document, *CHANGES_OF.get((category, number), change))
                    self.assertIn(f"{family}-{number}", get_broken_en16931_rules(document))

    def test_the_buyer_is_named_where_the_vat_is_due_there(self):
        for category, family in (("AE", "BR-AE"), ("K", "BR-IC")):
            document = self.get_document(category)
            self.change(document, f"{BUYER}/cac:PartyTaxScheme | {BUYER}/cac:PartyLegalEntity/cbc:CompanyID", None)
            self.assertIn(f"{family}-02", get_broken_en16931_rules(document))

    def test_the_other_rules(self):
        for rule, change in OTHER_CHANGES.items():
            with self.subTest(rule=rule):
                document = self.get_document("K")
                self.change(document, *change)
                self.assertIn(rule, get_broken_en16931_rules(document))
        for rule, added in OTHER_ADDED.items():
            with self.subTest(rule=rule):
                document = self.get_document("K")
                self.add(document, *added)
                self.assertIn(rule, get_broken_en16931_rules(document))

    def test_what_is_out_of_scope_stands_alone(self):
        document = self.get_document("O")
        self.add(
            document,
            "/*/cac:TaxTotal",
            "<cac:TaxSubtotal><cac:TaxCategory><cbc:ID>S</cbc:ID></cac:TaxCategory></cac:TaxSubtotal>",
        )
        self.assertIn("BR-O-11", get_broken_en16931_rules(document))
