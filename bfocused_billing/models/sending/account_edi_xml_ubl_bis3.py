from collections import defaultdict

from odoo import api, models

from .account_move import UNWRITABLE
from .res_partner import KVK, OIN

SEPA_DIRECT_DEBIT, CREDIT_TRANSFER = 59, 30  # of code list UNCL4461
BANK_ASSIGNED_CREDITOR = "SEPA"  # scheme of BT-90
NO_ORDER = "NA"  # what Peppol BIS wants in BT-13 where the customer gave neither order number nor reference
DUTCH_VAT = "9944"  # scheme of electronic addresses
LEITWEG = "0204"  # German public bodies, whose Peppol address is their reference

OUTSIDE_VAT = "O"  # category of VAT of what isn't subject to it
PARTIES = {"supplier": "cac:AccountingSupplierParty", "customer": "cac:AccountingCustomerParty"}
NLCIUS = "account.edi.xml.ubl_nl"

# Formats by the rules of Peppol BIS Billing 3: itself, and the Dutch and the German kind
FORMATS = ("account.edi.xml.ubl_bis3", NLCIUS, "account.edi.xml.ubl_de")

# Odoo's own templates, which also check what is rendered, know no mandate
PAYMENT_MANDATE = {"cbc:ID": {}, "cac:PayerFinancialAccount": {"cbc:ID": {}}}


class AccountEdiXmlUblBis3(models.AbstractModel):
    """Peppol BIS Billing 3 for our invoices: direct debit, Dutch registrations, periods and credited invoices.

    The rules named here are those of https://docs.peppol.eu/poacc/billing/3.0/bis/.
    """

    _inherit = "account.edi.xml.ubl_bis3"

    @api.model
    def _is_billing_document(self, vals):
        """Whether these are values of an invoice or credit note of a company that uses the billing."""
        invoice = vals.get("invoice")
        return self._name in FORMATS and bool(invoice) and invoice.company_id.use_billing and invoice.is_sale_document()

    def _get_document_template(self, vals):
        # EXTENDS 'account_edi_ubl_cii'
        template = super()._get_document_template(vals)
        if not self._is_billing_document(vals):
            return template
        return {**template, "cac:PaymentMeans": {**template["cac:PaymentMeans"], "cac:PaymentMandate": PAYMENT_MANDATE}}

    def _get_invoice_node(self, vals):
        # EXTENDS 'account_edi_ubl_cii'
        document_node = super()._get_invoice_node(vals)
        if self._is_billing_document(vals):
            self._align_taxable_amounts(document_node, vals)
            if self._get_vat_categories(document_node) == {OUTSIDE_VAT}:
                for tag in PARTIES.values():
                    document_node[tag]["cac:Party"]["cac:PartyTaxScheme"] = []  # BR-O-02
            if self._name == NLCIUS:
                for node in document_node["cac:AllowanceCharge"]:
                    node["cbc:AllowanceChargeReasonCode"] = None  # BR-NL-32; Odoo does so in the lines
        return document_node

    # === AMOUNTS

    def _setup_base_lines(self, vals):
        # EXTENDS 'account_edi_ubl_cii': it divides the cents of global rounding over the lines anew, and otherwise than
        # the books, where each stays within the lines of its tax
        result = super()._setup_base_lines(vals)
        if self._is_billing_document(vals):
            for base_line in vals["base_lines"]:
                details = base_line["tax_details"]
                for suffix in ("", "_currency"):
                    booked = details[f"total_excluded{suffix}"] + details[f"delta_total_excluded{suffix}"]
                    details[f"gross_total_excluded{suffix}"] = booked + details[f"discount_amount{suffix}"]
        return result

    @api.model
    def _align_taxable_amounts(self, document_node, vals):
        """BR-S-08 and its kind: what a category is reckoned from is the sum of its lines, as they are booked."""
        currency, sums = vals["currency_id"], defaultdict(float)
        for line in document_node[self._get_tags_for_document_type(vals)["document_line"]]:
            for category in line["cac:Item"]["cac:ClassifiedTaxCategory"]:
                sums[self._get_category_key(category)] += line["cbc:LineExtensionAmount"]["_text"]
        for node in document_node["cac:AllowanceCharge"]:
            sign = 1 if node["cbc:ChargeIndicator"]["_text"] == "true" else -1
            for category in node["cac:TaxCategory"]:
                sums[self._get_category_key(category)] += sign * node["cbc:Amount"]["_text"]
        for subtotal, category in self._get_subtotals(document_node):
            taxable = subtotal["cbc:TaxableAmount"]
            if taxable["currencyID"] == currency.name:
                amount = currency.round(sums[self._get_category_key(category)])
                taxable["_text"] = self.format_float(amount, currency.decimal_places)

    @api.model
    def _get_category_key(self, category_node):
        return category_node["cbc:ID"]["_text"], category_node["cbc:Percent"]["_text"]

    # === HEADER

    def _add_invoice_header_nodes(self, document_node, vals):
        # EXTENDS 'account_edi_ubl_cii'
        super()._add_invoice_header_nodes(document_node, vals)
        if not self._is_billing_document(vals):
            return
        self._add_billing_period(document_node, vals)
        self._add_references(document_node, vals)
        if vals["document_type"] == "credit_note":
            self._add_credited_invoices(document_node, vals)

    @api.model
    def _add_references(self, document_node, vals):
        """BT-10 and BT-13 are the customer's; Odoo gives our number of the customer and of the invoice itself."""
        invoice = vals["invoice"]
        if invoice.commercial_partner_id.peppol_eas != LEITWEG:
            reference = (invoice.commercial_partner_id.buyer_reference or "").strip()
            document_node["cbc:BuyerReference"] = {"_text": reference or None}
        order = invoice._get_customer_reference()
        if not order and not document_node["cbc:BuyerReference"]["_text"]:
            order = NO_ORDER  # R003 wants one of the two
        document_node["cac:OrderReference"]["cbc:ID"] = {"_text": order or None}

    @api.model
    def _add_billing_period(self, document_node, vals):
        """The period around those of the lines, which have to lie within it (R110, R111)."""
        lines = self._get_invoice_lines(vals["base_lines"]).filtered(lambda line: line.start_date and line.end_date)
        if lines:
            document_node["cac:InvoicePeriod"] = self._prepare_period_node(
                min(lines.mapped("start_date")), max(lines.mapped("end_date"))
            )

    @api.model
    def _add_credited_invoices(self, document_node, vals):
        """NL-R-001 by the credited invoices; Odoo gives "Reversal of ..." as number of the invoice."""
        credited = vals["invoice"]._get_credited_invoices()
        if not credited:
            return
        document_node["cac:BillingReference"] = [
            {
                "cac:InvoiceDocumentReference": {
                    "cbc:ID": {"_text": move.name},
                    "cbc:IssueDate": {"_text": None if self._name == NLCIUS else move.invoice_date},  # BR-NL-24
                }
            }
            for move in credited
        ]

    # === VAT

    def _ubl_get_tax_category_node(self, vals, tax_category):
        # EXTENDS 'account_edi_ubl_cii'
        return self._without_rate_outside_vat(super()._ubl_get_tax_category_node(vals, tax_category), vals)

    def _ubl_get_line_item_node_classified_tax_category_node(self, vals, tax_category):
        # EXTENDS 'account_edi_ubl_cii'
        node = super()._ubl_get_line_item_node_classified_tax_category_node(vals, tax_category)
        return self._without_rate_outside_vat(node, vals)

    @api.model
    def _without_rate_outside_vat(self, category_node, vals):
        """BR-O-05: what isn't subject to VAT has no rate, not even 0."""
        if self._is_billing_document(vals) and category_node["cbc:ID"]["_text"] == OUTSIDE_VAT:
            category_node["cbc:Percent"] = {"_text": None}
        return category_node

    @api.model
    def _get_subtotals(self, document_node):
        """:return: list of (node of a VAT subtotal, node of its category)"""
        subtotals = [node for total in document_node["cac:TaxTotal"] for node in total.get("cac:TaxSubtotal") or []]
        return [(node, category) for node in subtotals for category in node["cac:TaxCategory"]]

    @api.model
    def _get_vat_categories(self, document_node):
        return {category["cbc:ID"]["_text"] for _node, category in self._get_subtotals(document_node)}

    # === PERIOD OF A LINE

    def _add_invoice_line_period_nodes(self, line_node, vals):
        # EXTENDS 'account_edi_ubl_cii': it knows only the deferred dates of Odoo Enterprise
        result = super()._add_invoice_line_period_nodes(line_node, vals)
        line = self._get_invoice_lines([vals["base_line"]])
        if self._is_billing_document(vals) and line.start_date and line.end_date:
            line_node["cac:InvoicePeriod"] = self._prepare_period_node(line.start_date, line.end_date)
        return result

    @api.model
    def _get_invoice_lines(self, base_lines):
        """The invoice lines behind Odoo's ``base_lines``; some of those are made up and have none."""
        lines = self.env["account.move.line"]
        for base_line in base_lines:
            record = base_line.get("record")
            if isinstance(record, models.Model) and record._name == lines._name:
                lines |= record
        return lines

    @api.model
    def _prepare_period_node(self, start, end):
        return {"cbc:StartDate": {"_text": start}, "cbc:EndDate": {"_text": end}}

    # === PARTIES

    def _get_party_node(self, vals):
        # EXTENDS 'account_edi_ubl_cii'
        node = super()._get_party_node(vals)
        if not self._is_billing_document(vals):
            return node
        partner = vals["partner"].commercial_partner_id
        if partner.country_code == "NL":
            self._add_dutch_registration(node, partner)
        if vals["role"] == "customer" and partner.vat in (False, "/"):
            # BT-48 is a VAT number; Odoo puts the Peppol address there where there is none
            node["cac:PartyTaxScheme"] = []
        if vals["role"] == "supplier" and vals["invoice"]._get_collecting_mandate():
            self._add_bank_assigned_creditor(node, vals["invoice"])
        return node

    @api.model
    def _add_dutch_registration(self, party_node, partner):
        """NL-R-003, NL-R-005, R010 and R020: KvK number or OIN, also where it isn't the Peppol address.

        The VAT number is an address too, for who has neither.
        """
        scheme, number = partner._get_dutch_registration()
        company_id = {"_text": number, "schemeID": scheme} if number else None
        party_node["cac:PartyLegalEntity"]["cbc:CompanyID"] = company_id
        if not number and (partner.vat or "").startswith("NL"):
            scheme, number = DUTCH_VAT, partner.vat
        if number and not partner.peppol_endpoint:
            party_node["cbc:EndpointID"] = {"_text": number, "schemeID": scheme}

    @api.model
    def _add_bank_assigned_creditor(self, party_node, invoice):
        """BT-90: an identification of the seller, with its own scheme."""
        number = invoice._get_sepa_creditor_identifier()
        if not number:
            return
        others = party_node["cac:PartyIdentification"] or []
        others = others if isinstance(others, list) else [others]
        creditor = {"cbc:ID": {"_text": number.replace(" ", ""), "schemeID": BANK_ASSIGNED_CREDITOR}}
        party_node["cac:PartyIdentification"] = [*others, creditor]

    # === PAYMENT

    def _add_invoice_payment_means_nodes(self, document_node, vals):
        # EXTENDS 'account_edi_ubl_cii'
        super()._add_invoice_payment_means_nodes(document_node, vals)
        invoice = vals["invoice"]
        if not self._is_billing_document(vals) or invoice.move_type != "out_invoice":
            return
        mandate = invoice._get_collecting_mandate()
        account = invoice._get_receiving_account()
        if mandate:
            self._add_direct_debit(document_node["cac:PaymentMeans"], mandate)
        elif account:
            self._add_credit_transfer(document_node["cac:PaymentMeans"], {**vals, "partner_bank": account})

    @api.model
    def _add_direct_debit(self, node, mandate):
        """R061: mandate and the account it is for; the customer pays nothing to ours."""
        node["cbc:PaymentMeansCode"] = {"_text": SEPA_DIRECT_DEBIT, "name": "SEPA direct debit"}
        node["cac:PayeeFinancialAccount"] = None
        node["cac:PaymentMandate"] = {
            "cbc:ID": {"_text": mandate.unique_mandate_reference},
            "cac:PayerFinancialAccount": {"cbc:ID": {"_text": mandate.partner_bank_id.sanitized_acc_number}},
        }

    def _add_credit_transfer(self, node, vals):
        """NL-R-008: also for Danish customers, and for direct debit without mandate, where Odoo has other codes."""
        node["cbc:PaymentMeansCode"] = {"_text": CREDIT_TRANSFER, "name": "credit transfer"}
        node["cac:PayeeFinancialAccount"] = self._get_financial_account_node(vals)

    # === CONSTRAINTS

    def _export_invoice_constraints(self, invoice, vals):
        # EXTENDS 'account_edi_ubl_cii': its checks look at Odoo's fields; these at what is written
        constraints = super()._export_invoice_constraints(invoice, vals)
        if not self._is_billing_document(vals):
            return constraints
        document = vals["document_node"]
        means = document["cac:PaymentMeans"]
        if means.get("cac:PaymentMandate") or means["cac:PayeeFinancialAccount"]:
            constraints.update(nl_r_007=None, cen_en16931_payment_account_identifier=None)
        if vals["document_type"] == "credit_note":
            constraints.update(nl_r_007=None)  # it is we who pay
            if isinstance(document["cac:BillingReference"], list):
                constraints.update(nl_r_001=None)
        for role, tag in PARTIES.items():
            constraints.update(self._get_party_constraints(vals[role], role, document[tag]["cac:Party"], vals))
        constraints["bfocused_reference"] = invoice._get_missing_reference_problem() or None
        constraints["bfocused_vat_number"] = self._get_vat_number_problem(document, vals)
        constraints["bfocused_vat_rounding"] = self._get_vat_rounding_problem(document, vals)
        problems = invoice._get_unwritable_text_problems(self._replace_unwritable(document))
        constraints.update({f"bfocused_text_{number}": problem for number, problem in enumerate(problems)})
        return constraints

    @api.model
    def _replace_unwritable(self, node):
        """Put a question mark for each character that XML can't hold; without that there would be no document, and
        nobody would be told why.

        :return: list of the texts as they were
        """
        found = []
        for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(value, dict | list):
                found += self._replace_unwritable(value)
            elif isinstance(value, str) and UNWRITABLE.search(value):
                found.append(str(value))
                node[key] = UNWRITABLE.sub("?", value)
        return found

    @api.model
    def _get_vat_number_problem(self, document, vals):
        """BR-S-02 and its kind want the seller's VAT number, but BR-O-11 nothing beside what isn't subject to VAT."""
        categories = self._get_vat_categories(document)
        if OUTSIDE_VAT not in categories:
            seller = vals["supplier"].commercial_partner_id
            if seller.vat not in (False, "", "/"):
                return None
            return self.env._("%s has no VAT number: fill in its Tax ID.", seller.display_name)
        if len(categories) == 1:
            return None
        return self.env._(
            "%s has lines that are outside the scope of VAT beside others, which electronic invoices don't allow: put "
            "them on an invoice of their own.",
            vals["invoice"].name,
        )

    @api.model
    def _get_vat_rounding_problem(self, document, vals):
        """BR-CO-17 and BR-S-09: VAT that is rounded per line may differ by less than 1.00 from that of their sum."""
        currency = vals["invoice"].currency_id
        for subtotal, category in self._get_subtotals(document):
            rate = float((category.get("cbc:Percent") or {}).get("_text") or 0.0)
            base, tax = (float(subtotal[tag]["_text"]) for tag in ("cbc:TaxableAmount", "cbc:TaxAmount"))
            difference = currency.round(abs(tax) - currency.round(abs(base) * rate / 100))
            if abs(difference) >= 1.0:
                return self.env._(
                    "The VAT of %(invoice)s is rounded line by line and differs by %(difference)s from the VAT of "
                    "its total, more than electronic invoices allow: divide it over several invoices, or round "
                    "the VAT of new ones globally (in the settings of Invoicing).",
                    invoice=vals["invoice"].name,
                    difference=currency.format(difference),
                )
        return None

    def _get_party_constraints(self, partner, role, node, vals):
        """NL-R-003 for the seller, BR-NL-10 for a Dutch buyer in the Dutch format, R010 and R020 for all.

        NL-R-005 wants no number of the buyer, only that the one which is there is a KvK number or an OIN.
        """
        commercial = partner.commercial_partner_id
        constraints = {}
        if vals["supplier"].country_code == "NL" and partner.country_code == "NL":
            scheme = (node["cac:PartyLegalEntity"]["cbc:CompanyID"] or {}).get("schemeID")
            missing = scheme not in (KVK, OIN) and (role == "supplier" or self._name == NLCIUS)
            text = self.env._(
                "%s should have a KvK number of 8 digits as Company ID, or an OIN.", commercial.display_name
            )
            if role == "customer" and not commercial.is_company:
                text = self.env._(
                    "%s has no KvK number, which the e-invoice format NLCIUS wants: choose Peppol BIS 3 as the format "
                    "of this person.",
                    commercial.display_name,
                )
            constraints["nl_r_003" if role == "supplier" else "nl_r_005"] = text if missing else None
        if not (node.get("cbc:EndpointID") or {}).get("_text"):
            constraints[f"peppol_endpoint_{role}"] = self.env._(
                "%s has no electronic address: fill in its Company ID, OIN, VAT number or Peppol address.",
                commercial.display_name,
            )
        return constraints
