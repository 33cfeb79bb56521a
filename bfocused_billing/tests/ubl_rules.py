"""Rules of Peppol BIS Billing 3.0 beside those of EN 16931, evaluated with lxml on an electronic invoice.

Which rules there are, what they say and what they hold for: https://docs.peppol.eu/poacc/billing/3.0/rules/ubl-peppol/
(PEPPOL-*), /bis/#national_rules (NL-R-*), and NLCIUS (BR-NL-*). These are their conditions in XPath 1.0, as lxml has
it, for a seller in the Netherlands. Peppol's own Schematron may not be passed on, so no package has it; that of EN
16931 is in ``official_rules``.
"""

from dataclasses import dataclass
from functools import cache

from lxml import etree

NAMESPACES = {
    "cac": "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
    "cbc": "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2",
}
CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
NL = "/*/cac:AccountingSupplierParty/cac:Party/cac:PostalAddress/cac:Country/cbc:IdentificationCode = 'NL'"
NL_BOTH = NL + " and " + NL.replace("Supplier", "Customer")
SELLER, BUYER = "/*/cac:AccountingSupplierParty/cac:Party", "/*/cac:AccountingCustomerParty/cac:Party"
KVK_OR_OIN = "(@schemeID = '0106' or @schemeID = '0190') and normalize-space() != ''"
WHOLE_ADDRESS = "cbc:StreetName and cbc:CityName and cbc:PostalZone"
LINES = "/*/cac:InvoiceLine | /*/cac:CreditNoteLine"
QUANTITY = "number(cbc:InvoicedQuantity | cbc:CreditedQuantity)"
CURRENCY = "/*/cbc:DocumentCurrencyCode"
DISCOUNTS = "//cac:AllowanceCharge"
ELECTRONIC_ADDRESSES = "0002 0007 0009 0060 0088 0106 0190 0204 0208 9925 9930 9932 9944"  # those a test could use


def day(path):
    return f"number(translate({path}, '-', ''))"


def one_of(path, codes):
    return f"contains(' {codes} ', concat(' ', normalize-space({path}), ' '))"


@cache
def compile_path(path):
    return etree.XPath(path, namespaces=NAMESPACES)


@dataclass(frozen=True)
class Rule:
    name: str
    context: str  # the nodes it holds for
    test: str  # what must be true for each of them

    def get_offenders(self, document):
        context, test = compile_path(self.context), compile_path(f"boolean({self.test})")
        return [node for node in context(document) if not test(node)]


def peppol(number, context, test):
    return Rule(f"PEPPOL-EN16931-{number}", context, test)


DOCUMENT_RULES = (
    peppol("R001", "/*", "cbc:ProfileID"),
    peppol("R002", "/*", "count(cbc:Note) <= 1"),
    peppol("R003", "/*", "cbc:BuyerReference or cac:OrderReference/cbc:ID"),
    peppol("R004", "/*", f"starts-with(normalize-space(cbc:CustomizationID), '{CUSTOMIZATION}')"),
    peppol("R005", "//cbc:TaxCurrencyCode", f"normalize-space() != {CURRENCY}"),
    peppol("R007", "/*", "normalize-space(cbc:ProfileID) = 'urn:fdc:peppol.eu:2017:poacc:billing:01:1.0'"),
    peppol("R008", "//*[not(*) and not(normalize-space())]", "false()"),
    peppol("R010", BUYER, "cbc:EndpointID"),
    peppol("R020", SELLER, "cbc:EndpointID"),
    peppol("R053", "/*", "count(cac:TaxTotal[cac:TaxSubtotal]) = 1"),
    peppol("R054", "/*", "count(cac:TaxTotal[not(cac:TaxSubtotal)]) = count(cbc:TaxCurrencyCode)"),
    peppol("CL008", "//cbc:EndpointID", one_of("@schemeID", ELECTRONIC_ADDRESSES)),
    peppol("P0100", "//cbc:InvoiceTypeCode", one_of(".", "380 383 386 393 82 80 84 395")),
    peppol("P0101", "//cbc:CreditNoteTypeCode", one_of(".", "381 396 81 83 532")),
    peppol(
        "F001",
        "//cbc:IssueDate | //cbc:DueDate | //cbc:StartDate | //cbc:EndDate | //cbc:ActualDeliveryDate",
        f"string-length() = 10 and {day('.')} > 19000000",
    ),
    Rule(
        "PEPPOL-COMMON-R043",
        "//*[@schemeID = '0208']",
        "string-length() = 10 and 97 - substring(., 1, 8) mod 97 = number(substring(., 9))",
    ),
    peppol(
        "R061",
        "//cac:PaymentMeans[cbc:PaymentMeansCode = 49 or cbc:PaymentMeansCode = 59]",
        "cac:PaymentMandate/cbc:ID",
    ),
    peppol("P0106", "//cac:TaxCategory[cbc:TaxExemptionReasonCode = 'VATEX-EU-IC']", "cbc:ID = 'K'"),
    peppol("P0107", "//cac:TaxCategory[cbc:TaxExemptionReasonCode = 'VATEX-EU-AE']", "cbc:ID = 'AE'"),
)

AMOUNT_RULES = (
    peppol("R041", DISCOUNTS, "not(cbc:MultiplierFactorNumeric) or cbc:BaseAmount"),
    peppol("R042", DISCOUNTS, "cbc:MultiplierFactorNumeric or not(cbc:BaseAmount)"),
    peppol("R043", DISCOUNTS, "cbc:ChargeIndicator = 'true' or cbc:ChargeIndicator = 'false'"),
    peppol(
        "R040",
        f"{DISCOUNTS}[cbc:MultiplierFactorNumeric and cbc:BaseAmount]",
        "cbc:Amount - cbc:BaseAmount * cbc:MultiplierFactorNumeric div 100 <= 0.02"
        " and cbc:BaseAmount * cbc:MultiplierFactorNumeric div 100 - cbc:Amount <= 0.02",
    ),
    peppol("R051", "//*[@currencyID][not(parent::cac:TaxTotal[not(cac:TaxSubtotal)])]", f"@currencyID = {CURRENCY}"),
    peppol(
        "R120",
        LINES,
        f"(cbc:LineExtensionAmount - {QUANTITY} * cac:Price/cbc:PriceAmount"
        " - sum(cac:AllowanceCharge[cbc:ChargeIndicator = 'true']/cbc:Amount)"
        " + sum(cac:AllowanceCharge[cbc:ChargeIndicator = 'false']/cbc:Amount)) * 100 <= 2.000001"
        f" and (cbc:LineExtensionAmount - {QUANTITY} * cac:Price/cbc:PriceAmount"
        " - sum(cac:AllowanceCharge[cbc:ChargeIndicator = 'true']/cbc:Amount)"
        " + sum(cac:AllowanceCharge[cbc:ChargeIndicator = 'false']/cbc:Amount)) * 100 >= -2.000001",
    ),
    peppol("R121", "//cbc:BaseQuantity", ". > 0"),
    peppol("R130", "//cbc:BaseQuantity[@unitCode]", "@unitCode = ../../*/@unitCode"),
)

PERIOD_RULES = (
    peppol(
        "R110",
        "/*[cac:InvoicePeriod/cbc:StartDate]/*/cac:InvoicePeriod/cbc:StartDate",
        f"{day('.')} >= {day('/*/cac:InvoicePeriod/cbc:StartDate')}",
    ),
    peppol(
        "R111",
        "/*[cac:InvoicePeriod/cbc:EndDate]/*/cac:InvoicePeriod/cbc:EndDate",
        f"{day('.')} <= {day('/*/cac:InvoicePeriod/cbc:EndDate')}",
    ),
)

DUTCH_RULES = (
    Rule("NL-R-001", f"//cbc:CreditNoteTypeCode[{NL}]", "/*/cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"),
    Rule("NL-R-002", f"{SELLER}/cac:PostalAddress[{NL}]", WHOLE_ADDRESS),
    Rule("NL-R-003", f"{SELLER}/cac:PartyLegalEntity/cbc:CompanyID[{NL}]", KVK_OR_OIN),
    Rule("NL-R-004", f"{BUYER}/cac:PostalAddress[{NL_BOTH}]", WHOLE_ADDRESS),
    Rule("NL-R-005", f"{BUYER}/cac:PartyLegalEntity/cbc:CompanyID[{NL_BOTH}]", KVK_OR_OIN),
    Rule("NL-R-006", f"/*/cac:TaxRepresentativeParty/cac:PostalAddress[{NL}]", WHOLE_ADDRESS),
    Rule(
        "NL-R-007",
        f"//cac:LegalMonetaryTotal[{NL}]",
        "(local-name(/*) = 'Invoice' and cbc:PayableAmount <= 0)"
        " or (local-name(/*) = 'CreditNote' and cbc:PayableAmount >= 0) or /*/cac:PaymentMeans",
    ),
    Rule("NL-R-008", f"//cac:PaymentMeans[{NL}]", one_of("cbc:PaymentMeansCode", "30 48 49 57 58 59")),
    Rule("NL-R-009", f"//cac:OrderLineReference/cbc:LineID[{NL}]", "/*/cac:OrderReference/cbc:ID"),
)

# Of the Dutch format, beside the same as NL-R-*; the last four are recommendations
NLCIUS_RULES = (
    Rule("BR-NL-10", f"{BUYER}/cac:PartyLegalEntity[{NL_BOTH}]", f"cbc:CompanyID[{KVK_OR_OIN}]"),
    Rule("BR-NL-24", "//cac:InvoiceDocumentReference/cbc:IssueDate", "false()"),
    Rule("BR-NL-28", "//cbc:CountrySubentity", "false()"),
    Rule("BR-NL-29", "//cbc:PaymentMeansCode", "not(@name)"),
    Rule("BR-NL-32", "//cbc:AllowanceChargeReasonCode", "false()"),
)

RULES = {rule.name: rule for rules in (DOCUMENT_RULES, AMOUNT_RULES, PERIOD_RULES, DUTCH_RULES) for rule in rules}
# What isn't Peppol BIS has a specification identifier of its own, so that this rule isn't for it
OTHER_FORMATS, IDENTIFIER_RULE = ("nlcius", "xrechnung"), "PEPPOL-EN16931-R004"


def get_broken_rules(document):
    """Names of the rules of this module that an electronic invoice breaks."""
    identifier = document.findtext("cbc:CustomizationID", "", NAMESPACES)
    rules = [*RULES.values(), *NLCIUS_RULES] if "nlcius" in identifier else [*RULES.values()]
    if any(name in identifier for name in OTHER_FORMATS):
        rules.remove(RULES[IDENTIFIER_RULE])
    return [rule.name for rule in rules if rule.get_offenders(document)]
