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

    def test_a_reference_of_the_buyer_needs_no_order(self):
        self.baker.buyer_reference = "Kostenplaats 12"
        document = self.assert_valid(self.make_invoice(self.baker, self.transfer))
        self.assertEqual(self.get(document, "/*/cac:OrderReference"), [])
        self.assertEqual(self.get(document, BUYER_REFERENCE), ["Kostenplaats 12"])

    # === PUBLIC BODIES

    def test_a_public_body_without_reference_is_named(self):
        self.town.buyer_reference = False
        _document, errors = self.export(self.make_invoice(self.town, self.transfer))
        self.assertIn("Gemeente Zoetermeer is a public body", " ".join(errors))
        self.town.buyer_reference = "Inkoop 4"
        self.assertFalse(self.export(self.make_invoice(self.town, self.transfer))[1])

    def test_it_is_told_of_a_public_body_before_posting(self):
        self.town.buyer_reference = False
        draft = self.env["account.move"].create({"move_type": "out_invoice", "partner_id": self.town.id})
        self.assertIn("is a public body", draft.alerts["bfocused_reference"]["message"])
        draft.ref = "PO-77"
        self.assertNotIn("bfocused_reference", draft.alerts or {})
        draft.ref = " "
        self.assertIn("bfocused_reference", draft.alerts)
        self.company.use_billing = False
        self.assertNotIn("bfocused_reference", draft.alerts or {})

    def test_a_run_holds_a_public_body_without_reference_and_nobody_else(self):
        self.town.buyer_reference = False
        for customer in (self.town, self.baker):
            self.make_subscription(self.month, self.internet, self.cloudbox, customer=customer)
        run = self.bill("2026-01-01")
        outcomes = {line.partner_id: line for line in run.line_ids}
        self.assertEqual(outcomes[self.baker].outcome, "invoiced")
        self.assertEqual(outcomes[self.town].outcome, "held")
        self.assertIn("Gemeente Zoetermeer is a public body", outcomes[self.town].message)
        self.assertFalse(self.get_invoices(self.town))
        self.town.buyer_reference = "Inkoop 4"
        run.action_retry()
        self.assertRecordValues(self.get_invoices(self.town), [{"state": "posted", "amount_untaxed": 70.0}])

    def test_a_small_invoice_of_a_public_body_is_held_when_it_goes(self):
        self.town.buyer_reference = False
        self.make_subscription(self.month, self.cloudbox, customer=self.town, start="2026-02-01")
        self.assertEqual(self.bill("2026-02-01").line_ids.outcome, "deferred")
        self.assertEqual(self.bill("2026-04-01").line_ids.mapped("outcome"), ["held"])
        waiting = self.get_invoices(self.town)
        waiting.ref = "PO-77"
        self.assertEqual(self.bill("2026-04-02").line_ids.outcome, "invoiced")

    def test_a_charge_and_its_credit_on_one_note_refer_to_others_only(self):
        """A waiting charge and a larger credit of another invoice end on one credit note."""
        subscription = self.make_subscription(self.quarter, self.internet, self.cloudbox, customer=self.town)
        invoice = self.bill("2026-01-01").invoice_ids
        self.make_subscription(self.month, self.cloudbox, customer=self.town, start="2026-02-01")
        self.assertEqual(self.bill("2026-02-01").line_ids.outcome, "deferred")
        subscription.write({"date": "2026-02-01"})
        note = self.bill("2026-03-01").invoice_ids
        self.assertEqual(note.move_type, "out_refund")
        self.assertTrue(note.invoice_line_ids.filtered(lambda line: line.price_subtotal < 0))
        document = self.assert_valid(note)
        self.assertEqual(self.get(document, "//cac:BillingReference//cbc:ID"), [invoice.name])
        self.assertFalse({note.name, *self.get_texts_of_ours(note)} & set(self.get(document, ORDER)))

    @staticmethod
    def get_texts_of_ours(move):
        return {move.ref, move.invoice_origin, move.payment_reference} - {False}

    def test_a_seller_without_vat_number_is_named(self):
        self.company.partner_id.vat = False
        _document, errors = self.export(self.make_invoice(self.baker, self.transfer))
        self.assertIn(f"{self.company.partner_id.display_name} has no VAT number", " ".join(errors))

    # === CHARACTERS

    def test_characters_that_xml_can_not_hold_are_named_and_nothing_fails(self):
        invoice = self.make_invoice(self.baker, self.transfer)
        invoice.invoice_line_ids[0].name = "Cloud\x0bbox"
        self.baker.street = "Dorps\x01straat"
        _document, errors = self.export(invoice)
        told = [error for error in errors if "can't hold" in error]
        self.assertEqual(len(told), 2)
        self.assertIn("Street of Bakkerij Jansen", " ".join(told))
        self.baker.street = "Dorpsstraat 😀"
        self.assertEqual(len([error for error in self.export(invoice)[1] if "can't hold" in error]), 1)

    def test_such_a_text_is_named_wherever_it_comes_from(self):
        invoice = self.make_invoice(self.baker, self.direct_debit)
        mandate = invoice.sudo().mandate_id  # signed, so only an import of long ago can have brought this
        self.env.cr.execute(
            "UPDATE account_banking_mandate SET unique_mandate_reference = %s WHERE id = %s", ["M\x02-1", mandate.id]
        )
        mandate.invalidate_recordset()
        document, errors = self.export(invoice)
        self.assertEqual(self.get(document, "//cac:PaymentMandate/cbc:ID"), ["M?-1"])
        self.assertEqual([error for error in errors if 'The text "M?-1" has characters' in error], list(errors))

