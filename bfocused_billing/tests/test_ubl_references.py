from .ubl_common import UblCase

ORDER, BUYER_REFERENCE = "/*/cac:OrderReference/cbc:ID", "/*/cbc:BuyerReference"
BLANKS = (" ", "\t", " \n ")


class TestUblReferences(UblCase):
    """What an electronic invoice calls the customer's is the customer's, and what it can't hold is said."""

    def test_our_own_numbers_are_no_reference_of_the_customer(self):
        invoice = self.make_invoice(self.baker, self.transfer)
        document = self.assert_valid(invoice)
        self.assertEqual(self.get(document, ORDER), ["NA"])
        self.assertEqual(self.get(document, BUYER_REFERENCE), [])

    def test_the_references_of_the_customer(self):
        self.baker.buyer_reference = "Kostenplaats 12"
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer, ref="PO-77"))
        self.assertEqual(self.get(document, ORDER), ["PO-77"])
        self.assertEqual(self.get(document, BUYER_REFERENCE), ["Kostenplaats 12"])

    def test_a_reference_of_blanks_is_none(self):
        for blank in BLANKS:
            with self.subTest(blank=blank):
                self.baker.buyer_reference = blank
                document = self.assert_valid(self.make_invoice(self.baker, self.transfer, ref=blank))
                self.assertEqual(self.get(document, ORDER), ["NA"])
                self.assertEqual(self.get(document, BUYER_REFERENCE), [])

    def test_a_credit_note_never_refers_to_itself(self):
        refund = self.credit(self.make_invoice(self.baker, self.transfer, ref="PO-77"))
        refund.reversed_entry_id = refund
        self.assertNotIn(refund, refund._get_credited_invoices())
        document, _errors = self.export(refund)
        self.assertNotIn(refund.name, self.get(document, f"//cac:BillingReference//cbc:ID | {ORDER}"))

    def test_a_public_body_without_reference_is_named(self):
        self.town.buyer_reference = False
        _document, errors = self.export(self.make_invoice(self.town, self.transfer))
        self.assertIn("Gemeente Zoetermeer is a public body", " ".join(errors))
        self.town.buyer_reference = "Inkoop 4"
        self.assertFalse(self.export(self.make_invoice(self.town, self.transfer))[1])

    def test_a_seller_without_vat_number_is_named(self):
        self.company.partner_id.vat = False
        _document, errors = self.export(self.make_invoice(self.baker, self.transfer))
        self.assertIn(f"{self.company.partner_id.display_name} has no VAT number", " ".join(errors))

    def test_characters_that_xml_can_not_hold_are_named(self):
        invoice = self.make_invoice(self.baker, self.transfer)
        invoice.invoice_line_ids[0].name = "Cloud\x0bbox"
        self.baker.street = "Dorps\x01straat"
        problems = " ".join(invoice._get_unwritable_text_problems())
        self.assertIn("Street of Bakkerij Jansen", problems)
        self.assertEqual(problems.count("can't hold"), 2)
        self.baker.street = "Dorpsstraat 😀"
        self.assertEqual(len(invoice._get_unwritable_text_problems()), 1)
