"""Rules of EN 16931 for each category of VAT, and for amounts and lines, beside those of ``ubl_rules``.

What they say: https://docs.peppol.eu/poacc/billing/3.0/rules/ubl-tc434/. The official Schematron is in XPath 2.0 and
in no package; these are its conditions in XPath 1.0. Those of the categories are one family with seven members.
"""

from .ubl_rules import BUYER, LINES, SELLER, Rule, peppol

FAMILIES = {"S": "BR-S", "Z": "BR-Z", "E": "BR-E", "AE": "BR-AE", "K": "BR-IC", "G": "BR-G", "O": "BR-O"}
VAT_NUMBER = "cac:PartyTaxScheme[cac:TaxScheme/cbc:ID = 'VAT']/cbc:CompanyID"
SELLER_VAT, BUYER_VAT = f"{SELLER}/{VAT_NUMBER}", f"{BUYER}/{VAT_NUMBER}"
PERCENT = {"S": "cbc:Percent > 0", "O": "not(cbc:Percent)"}
PARTIES = {
    "AE": f"{SELLER_VAT} and ({BUYER_VAT} or {BUYER}/cac:PartyLegalEntity/cbc:CompanyID)",
    "K": f"{SELLER_VAT} and {BUYER_VAT}",
    "O": f"not({SELLER_VAT}) and not({BUYER_VAT})",
}
REASON = "cbc:TaxExemptionReason or cbc:TaxExemptionReasonCode"
AMOUNTS = (
    "//cbc:LineExtensionAmount | //cbc:TaxableAmount | //cbc:TaxAmount | /*/cac:LegalMonetaryTotal/* "
    "| //cac:AllowanceCharge/cbc:Amount | //cac:AllowanceCharge/cbc:BaseAmount"
)


def cents(amount):
    return f"round(({amount}) * 100)"


def get_category_rules(category, family):
    """What holds where a line has this category of VAT."""
    of_item = f"cac:Item/cac:ClassifiedTaxCategory[cbc:ID = '{category}']"
    of_total = f"[cac:TaxCategory/cbc:ID = '{category}']"
    subtotal = f"/*/cac:TaxTotal/cac:TaxSubtotal{of_total}"
    document = f"/*[(cac:InvoiceLine | cac:CreditNoteLine)/{of_item}]"
    same = f"cac:Item/cac:ClassifiedTaxCategory/cbc:ID = '{category}'"
    lines = f"sum(/*/*[self::cac:InvoiceLine or self::cac:CreditNoteLine][{same}]/cbc:LineExtensionAmount)"
    number = f"count({subtotal}) >= 1" if category == "S" else f"count({subtotal}) = 1"
    taxable = f"sum({subtotal}/cbc:TaxableAmount)" if category == "S" else "cbc:TaxableAmount"
    tax = "cbc:TaxAmount = 0"
    if category == "S":  # it may differ by less than a unit of the currency
        tax = f"{cents('cbc:TaxAmount')} - {cents('cbc:TaxableAmount * cac:TaxCategory/cbc:Percent div 100')}"
        tax = f"{tax} < 100 and {tax} > -100"
    return (
        Rule(f"{family}-01", document, number),
        Rule(f"{family}-02", document, PARTIES.get(category, SELLER_VAT)),
        Rule(f"{family}-05", f"//{of_item}", PERCENT.get(category, "cbc:Percent = 0")),
        Rule(f"{family}-08", f"{subtotal}[not(/*/cac:AllowanceCharge)]", f"{cents(taxable)} = {cents(lines)}"),
        Rule(f"{family}-09", subtotal, tax),
        Rule(f"{family}-10", f"{subtotal}/cac:TaxCategory", f"not({REASON})" if category in "SZ" else REASON),
    )


EU_SUPPLY, OUT_OF_SCOPE = (f"/*[cac:TaxTotal//cac:TaxCategory/cbc:ID = '{code}']" for code in "KO")
OTHER_RULES = (
    Rule("BR-IC-11", EU_SUPPLY, "cac:Delivery/cbc:ActualDeliveryDate or cac:InvoicePeriod/*"),
    Rule("BR-IC-12", EU_SUPPLY, "cac:Delivery/cac:DeliveryLocation/cac:Address/cac:Country"),
    Rule("BR-O-11", OUT_OF_SCOPE, "not(cac:TaxTotal//cac:TaxCategory/cbc:ID != 'O')"),
    Rule("BR-DEC", AMOUNTS, "string-length(substring-after(., '.')) <= 2"),
    Rule("BR-22", LINES, "cbc:InvoicedQuantity or cbc:CreditedQuantity"),
    Rule("BR-23", f"({LINES})/*[self::cbc:InvoicedQuantity or self::cbc:CreditedQuantity]", "@unitCode != ''"),
    Rule("BR-25", LINES, "normalize-space(cac:Item/cbc:Name) != ''"),
    Rule("BR-26", LINES, "cac:Price/cbc:PriceAmount"),
    Rule("BR-42", f"({LINES})/cac:AllowanceCharge", "cbc:AllowanceChargeReason or cbc:AllowanceChargeReasonCode"),
    Rule("BR-48", "//cac:TaxSubtotal/cac:TaxCategory[cbc:ID != 'O']", "cbc:Percent"),
    peppol("R121", "//cbc:BaseQuantity", ". > 0"),
    peppol("R130", "//cbc:BaseQuantity[@unitCode]", "@unitCode = ../../*/@unitCode"),
)

EN16931_RULES = {
    rule.name: rule
    for rules in (*(get_category_rules(*family) for family in FAMILIES.items()), OTHER_RULES)
    for rule in rules
}


def get_broken_en16931_rules(document):
    return [rule.name for rule in EN16931_RULES.values() if rule.get_offenders(document)]
