from odoo.exceptions import ValidationError

from .ubl_common import CREDITOR, OUR_ACCOUNT, UblCase, get_broken
from .ubl_rules import get_broken_rules

MEANS = "/*/cac:PaymentMeans"
SELLER = "/*/cac:AccountingSupplierParty/cac:Party"
BUYER = "/*/cac:AccountingCustomerParty/cac:Party"


class TestUbl(UblCase):
    """The UBL of our invoices passes Peppol BIS Billing 3, whoever gets it and however it is paid."""

    def get_buyers(self):
        return self.baker + self.town + self.belgian + self.german

    # === THE RULES, FOR EACH KIND OF INVOICE AND CUSTOMER

    def test_ordinary_invoices_are_valid(self):
        for buyer in self.get_buyers():
            with self.subTest(buyer=buyer.name):
                self.assert_valid(self.make_invoice(buyer, self.transfer))

    def test_direct_debit_invoices_are_valid(self):
        for buyer in self.get_buyers():
            with self.subTest(buyer=buyer.name):
                self.assert_valid(self.make_invoice(buyer, self.direct_debit))

    def test_credit_notes_are_valid(self):
        for buyer in self.get_buyers():
            for mode in (self.transfer, self.direct_debit):
                with self.subTest(buyer=buyer.name, mode=mode.name):
                    self.assert_valid(self.credit(self.make_invoice(buyer, mode)))

    def test_reverse_charge_invoices_and_credit_notes_are_valid(self):
        for buyer in self.get_buyers():
            tax = "btw_verk_0" if buyer.country_code == "NL" else "btw_X0_diensten"
            with self.subTest(buyer=buyer.name):
                invoice = self.make_invoice(buyer, self.direct_debit, tax=tax)
                self.assert_valid(invoice)
                self.assert_valid(self.credit(invoice))

    def test_the_invoice_of_a_run_is_valid(self):
        self.make_subscription(self.quarter, self.internet, customer=self.baker)
        self.bill("2026-01-01")
        document = self.assert_valid(self.get_invoices(self.baker))
        self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["59"])

    # === PAYMENT

    def test_direct_debit_names_mandate_debtor_and_creditor_but_no_account_of_ours(self):
        document = self.assert_valid(self.make_invoice(self.baker, self.direct_debit))
        self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["59"])
        self.assertEqual(self.get(document, f"{MEANS}/cac:PaymentMandate/cbc:ID"), [f"M-{self.baker.id}"])
        payer = f"{MEANS}/cac:PaymentMandate/cac:PayerFinancialAccount/cbc:ID"
        self.assertEqual(self.get(document, payer), ["NL91ABNA0417164300"])
        self.assertEqual(self.get(document, "//cac:PartyIdentification/cbc:ID[@schemeID = 'SEPA']"), [CREDITOR])
        self.assertEqual(self.get(document, f"{SELLER}/cac:PartyIdentification/cbc:ID[@schemeID = 'SEPA']"), [CREDITOR])
        self.assertEqual(self.get(document, "//cac:PayeeFinancialAccount/cbc:ID"), [])

    def test_an_identifier_of_the_payment_mode_goes_before_that_of_the_company(self):
        other = "NL79ZZZ999999990000"
        self.direct_debit.sepa_creditor_identifier = other
        document = self.assert_valid(self.make_invoice(self.baker, self.direct_debit))
        self.assertEqual(self.get(document, "//cac:PartyIdentification/cbc:ID[@schemeID = 'SEPA']"), [other])

    def test_a_transfer_names_our_account_and_no_mandate(self):
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer))
        self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["30"])
        self.assertEqual(self.get(document, f"{MEANS}/cac:PayeeFinancialAccount/cbc:ID"), [OUR_ACCOUNT])
        self.assertEqual(self.get(document, "//cac:PaymentMandate | //cbc:ID[@schemeID = 'SEPA']"), [])

    def test_direct_debit_without_usable_mandate_is_to_be_paid_to_us(self):
        for state in ("draft", "expired", "cancel"):
            with self.subTest(state=state):
                invoice = self.make_invoice(self.baker, self.direct_debit)
                invoice.mandate_id.state = state
                document = self.assert_valid(invoice)
                self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["30"])
                self.assertEqual(self.get(document, f"{MEANS}/cac:PayeeFinancialAccount/cbc:ID"), [OUR_ACCOUNT])
                invoice.mandate_id.state = "valid"

    def test_a_danish_customer_gets_a_code_dutch_sellers_may_use(self):
        dane = self.make_buyer("Hansen ApS", "dk", "DK5000400440116243", vat="DK12345674")
        document, _errors = self.export(self.make_invoice(dane, self.transfer))
        self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["30"])

    def test_a_credit_note_collects_nothing_and_names_the_credited_invoice(self):
        invoice = self.make_invoice(self.baker, self.direct_debit, ref="PO-77")
        document = self.assert_valid(self.credit(invoice))
        self.assertEqual(self.get(document, f"{MEANS}/cbc:PaymentMeansCode"), ["57"])
        self.assertEqual(self.get(document, "//cac:PaymentMandate | //cbc:ID[@schemeID = 'SEPA']"), [])
        reference = "/*/cac:BillingReference/cac:InvoiceDocumentReference"
        self.assertEqual(self.get(document, f"{reference}/cbc:ID"), [invoice.name])
        self.assertEqual(self.get(document, f"{reference}/cbc:IssueDate"), ["2026-01-01"])
        self.assertEqual(self.get(document, "/*/cac:OrderReference/cbc:ID"), ["PO-77"])

    def test_a_credit_note_of_a_run_names_all_invoices_it_gives_back_from(self):
        subscription = self.make_subscription(self.month, self.cloudbox, customer=self.baker)
        subscription.sale_subscription_line_ids.price_unit = 100.0
        self.bill("2026-01-01")
        self.bill("2026-02-01")
        billed = self.get_invoices(self.baker)
        self.assertEqual(len(billed), 2)
        subscription.date = "2026-01-16"
        self.bill("2026-03-01")
        refund = self.env["account.move"].search(
            [("commercial_partner_id", "=", self.baker.id), ("move_type", "=", "out_refund")]
        )
        document = self.assert_valid(refund)
        reference = "/*/cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"
        self.assertEqual(self.get(document, reference), billed.mapped("name"))

    # === PARTIES

    def test_kvk_oin_and_foreign_registrations(self):
        legal, address = "cac:PartyLegalEntity/cbc:CompanyID", "cbc:EndpointID"
        expected = {
            self.baker: ("0106", "16001840", "0106"),
            self.town: ("0190", "00000001002220647000", "0190"),
            self.belgian: (None, "BE0477472701", "0208"),
            self.german: (None, "DE136695976", "9930"),
        }
        for buyer, (scheme, number, address_scheme) in expected.items():
            with self.subTest(buyer=buyer.name):
                document = self.assert_valid(self.make_invoice(buyer, self.transfer))
                self.assertEqual(self.get(document, f"{BUYER}/{legal}"), [number])
                self.assertEqual(self.get(document, f"{BUYER}/{legal}/@schemeID"), [scheme] if scheme else [])
                self.assertEqual(self.get(document, f"{BUYER}/{address}/@schemeID"), [address_scheme])
                self.assertEqual(self.get(document, f"{SELLER}/{legal}"), ["27312345"])
                self.assertEqual(self.get(document, f"{SELLER}/{legal}/@schemeID"), ["0106"])
                self.assertEqual(self.get(document, f"{SELLER}/{address}"), ["27312345"])

    def test_a_chosen_peppol_address_stays_and_the_oin_is_the_legal_number(self):
        self.town.write({"company_registry": "27364121", "peppol_eas": "9944", "peppol_endpoint": "NL001234567B01"})
        document = self.assert_valid(self.make_invoice(self.town, self.transfer))
        self.assertEqual(self.get(document, f"{BUYER}/cbc:EndpointID"), ["NL001234567B01"])
        self.assertEqual(self.get(document, f"{BUYER}/cac:PartyLegalEntity/cbc:CompanyID/@schemeID"), ["0190"])

    def test_an_oin_as_company_id_is_told_by_its_length(self):
        self.baker.write({"company_registry": "00000001 8022 0647 0000", "buyer_reference": "Inkoop"})
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer))
        self.assertEqual(self.get(document, f"{BUYER}/cac:PartyLegalEntity/cbc:CompanyID"), ["00000001802206470000"])
        self.assertEqual(self.get(document, f"{BUYER}/cac:PartyLegalEntity/cbc:CompanyID/@schemeID"), ["0190"])

    def test_a_dutch_organisation_without_number_is_an_error_that_says_so(self):
        for number in (False, "12345", "RSIN 812345678"):
            with self.subTest(number=number):
                self.baker.company_registry = number
                document, errors = self.export(self.make_invoice(self.baker, self.transfer))
                self.assertIn("Bakkerij Jansen has no electronic address", " ".join(errors))
                self.assertEqual(get_broken_rules(document), ["PEPPOL-EN16931-R010"])

    def test_our_own_company_without_number_is_an_error_that_says_so(self):
        self.company.partner_id.company_registry = False
        _document, errors = self.export(self.make_invoice(self.baker, self.transfer))
        self.assertIn(f"{self.company.display_name} should have a KvK number", " ".join(errors))

    def test_a_person_needs_no_registration_but_an_address(self):
        self.baker.write({"is_company": False, "company_registry": False})
        _document, errors = self.export(self.make_invoice(self.baker, self.transfer))
        self.assertEqual(len(errors), 1)
        self.assertIn("electronic address", errors.pop())

    def test_an_oin_has_twenty_digits(self):
        for wrong in ("123", "0000000100222064700", "0000000100222064700A", "000000010022206470000"):
            with self.subTest(oin=wrong), self.assertRaisesRegex(ValidationError, "20 digits"):
                self.town.oin = wrong

    def test_contacts_carry_the_oin_of_their_organisation(self):
        contact = self.env["res.partner"].create({"name": "Inkoop", "parent_id": self.town.id})
        self.assertEqual(contact.oin, self.town.oin)

    def test_the_portal_can_not_write_an_oin(self):
        self.assertNotIn("oin", self.env["res.partner"]._get_frontend_writable_fields())

    # === PERIODS

    def test_lines_have_their_period_and_the_invoice_the_period_around_them(self):
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer))
        self.assertEqual(self.get(document, "/*/cac:InvoicePeriod/*"), ["2026-01-01", "2026-03-31"])
        lines = [self.get(line, "cac:InvoicePeriod/*") for line in document.findall("{*}InvoiceLine")]
        self.assertEqual(lines, [["2026-01-01", "2026-03-31"], ["2026-02-01", "2026-02-28"], []])

    # === VAT

    def test_reverse_charge_is_named_as_such(self):
        for buyer, tax in ((self.baker, "btw_verk_0"), (self.belgian, "btw_X0_diensten")):
            with self.subTest(tax=tax):
                document = self.assert_valid(self.make_invoice(buyer, self.transfer, tax=tax))
                category = "//cac:TaxSubtotal/cac:TaxCategory"
                self.assertEqual(self.get(document, f"{category}/cbc:ID"), ["AE"])
                self.assertEqual(self.get(document, f"{category}/cbc:TaxExemptionReasonCode"), ["VATEX-EU-AE"])

    def test_goods_to_other_eu_countries_and_a_category_of_ones_own_stay_as_they_are(self):
        document = self.assert_valid(self.make_invoice(self.belgian, self.transfer, tax="btw_X0_producten"))
        self.assertEqual(self.get(document, "//cac:TaxSubtotal/cac:TaxCategory/cbc:ID"), ["K"])
        self.get_tax("btw_verk_0").write(
            {"ubl_cii_tax_category_code": "E", "ubl_cii_tax_exemption_reason_code": "VATEX-EU-132"}
        )
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer, tax="btw_verk_0"))
        self.assertEqual(self.get(document, "//cac:TaxSubtotal/cac:TaxCategory/cbc:ID"), ["E"])

    # === WHERE

    def test_the_dutch_format_has_them_too(self):
        document, errors = self.export(self.make_invoice(self.town, self.direct_debit), builder="ubl_nl")
        self.assertFalse(errors)
        self.assertEqual(get_broken(document), set())
        self.assertEqual(self.get(document, f"{MEANS}/cac:PaymentMandate/cbc:ID"), [f"M-{self.town.id}"])

    def test_a_seller_without_rights_on_mandates_gets_the_same(self):
        invoice = self.make_invoice(self.baker, self.direct_debit)
        clerk = self.env["res.users"].create(
            {
                "name": "Clerk",
                "login": "clerk",
                "company_id": self.company.id,
                "company_ids": self.company.ids,
                "group_ids": [(6, 0, self.env.ref("account.group_account_invoice").ids)],
            }
        )
        document = self.assert_valid(invoice.with_user(clerk))
        self.assertEqual(self.get(document, f"{MEANS}/cac:PaymentMandate/cbc:ID"), [f"M-{self.baker.id}"])

    def test_nothing_of_it_where_billing_is_off(self):
        invoice = self.make_invoice(self.baker, self.direct_debit, tax="btw_verk_0")
        self.company.use_billing = False
        document, _errors = self.export(invoice)
        mine = "//cac:PaymentMandate | //cac:InvoicePeriod | //cbc:EndpointID | //cbc:ID[. = 'AE']"
        self.assertEqual(self.get(document, mine), [])
        broken = {"PEPPOL-EN16931-R010", "PEPPOL-EN16931-R020", "NL-R-003", "NL-R-005", "NL-R-008"}
        self.assertLessEqual(broken, set(get_broken_rules(document)))
