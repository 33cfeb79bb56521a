from datetime import date

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command

from .size import at_size
from .ubl_common import UblCase, get_broken

PER_LINE, GLOBALLY = "round_per_line", "round_globally"
REFERENCES = "/*/cac:OrderReference//* | /*/cbc:BuyerReference | //cac:BillingReference//cbc:ID"
LONG = "Beheer van werkplekken, netwerk en telefonie. " * 60
ANY_LINES = st.lists(
    st.tuples(
        st.integers(-50000, 99999).map(lambda number: number / 1000),  # price
        st.sampled_from((1, 2, 0.5, 7.25, -1)),  # quantity
        st.sampled_from((0, 0, 5, 33.33)),  # discount
        st.sampled_from(("btw_21", "btw_9", "btw_verk_0")),
    ),
    max_size=7,
)
SPECIAL = 'Huur <kast> & "rack" \u2014 caf\u00e9 \u20ac 5 \U0001f600\nregel 2'

# Kinds that can't be written by the rules: what a person is told of it before it's sent
REFUSED = {
    "person without address": "electronic address",
    "organisation without number": "electronic address",
    "outside the scope and not": "outside the scope of VAT",
}
# The same in the Dutch format alone, which wants a KvK number of every Dutch buyer
REFUSED_IN_NLCIUS = {
    "person, direct debit": "has no KvK number, which the e-invoice format NLCIUS wants",
    "person, transfer": "has no KvK number, which the e-invoice format NLCIUS wants",
    "organisation with a VAT number": "should have a KvK number",
}


class TestUblMatrix(UblCase):
    """Each kind of document passes the schema and the rules in each format its customer can get, or says why not."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.partner_id.write({"phone": "+31 79 123 4567", "email": "post@example.com"})  # for the German format
        cls.british = cls.make_buyer("Smith Ltd", "uk", "GB33BUKB20201555555555", vat="GB123456782")
        cls.person = cls.make_buyer(
            "Jan de Vries",
            "nl",
            "NL02ABNA0123456789",
            is_company=False,
            peppol_eas="9944",
            peppol_endpoint="NL001234567B01",
        )
        cls.unnumbered = cls.make_buyer("Stichting Zonder", "nl", "NL18RABO0123459876")
        cls.taxed = cls.make_buyer("Vereniging Wel", "nl", "NL44RABO0123456789", vat="NL000099998B57")
        cls.nameless = cls.make_buyer("Piet Bakker", "nl", "NL69INGB0123456789", is_company=False)
        cls.without_mandate = cls.make_buyer("Slagerij Smit", "nl", "NL39RABO0300065264", company_registry="16001841")
        cls.env["account.banking.mandate"].search([("partner_id", "=", cls.without_mandate.id)]).state = "cancel"
        cls.dollar = cls.setup_other_currency("USD")
        cls.inclusive = cls.get_tax("btw_21").copy({"name": "21% incl.", "price_include_override": "tax_included"})
        cls.exempt = cls.make_tax("Exempt", "E", "VATEX-EU-132")
        cls.zero_rated = cls.make_tax("Zero rated", "Z", False)
        cls.outside = cls.make_tax("Outside the scope", "O", "VATEX-EU-O")

    @classmethod
    def make_tax(cls, name, category, reason):
        values = {"ubl_cii_tax_category_code": category, "ubl_cii_tax_exemption_reason_code": reason}
        return cls.get_tax("btw_0").copy({"name": name, **values})

    # === THE KINDS

    def line(self, price, tax="btw_21", **values):
        taxes = self.get_tax(tax) if isinstance(tax, str) else tax
        return Command.create(
            {
                "product_id": self.internet.id,
                "name": "Internet",
                "price_unit": price,
                "tax_ids": [Command.set(taxes.ids)],
                "start_date": date(2026, 1, 1),
                "end_date": date(2026, 3, 31),
                **values,
            }
        )

    def undated(self, price, tax="btw_21", **values):
        return self.line(price, tax, product_id=self.router.id, start_date=False, end_date=False, **values)

    def get_lines(self):
        """What can stand on an invoice to a Dutch company."""
        line = self.line
        return {
            "plain": [line(40.0)],
            "six lines that round": [line(79.44) for _number in range(6)],
            "forty lines that round": [line(0.33, quantity=1.5) for _number in range(40)],
            "discount": [line(40.0, quantity=3, discount=7.5), line(19.99, discount=33.33)],
            "all discounted": [line(40.0, discount=100.0), line(10.0)],
            "negative line": [line(100.0), line(-30.0)],
            "negative quantity": [line(100.0), line(30.0, quantity=-1)],
            "negative line with discount": [line(100.0), line(-30.0, discount=10.0)],
            "netted to nothing": [line(50.0), line(-50.0)],
            "free line": [line(0.0), line(12.34)],
            "fine price": [line(0.123456, quantity=1000), line(0.005, quantity=333)],
            "part of a unit": [line(95.0, quantity=1.75), line(95.0, quantity=0.3333)],
            "price with tax": [line(121.0, self.inclusive), line(19.99, self.inclusive, quantity=3)],
            "price with tax, discount": [line(121.0, self.inclusive, discount=12.5)],
            "two rates": [line(40.0), line(19.99, "btw_9")],
            "rates and reverse charge": [line(40.0), line(19.99, "btw_verk_0")],
            "long text": [line(40.0, name=LONG)],
            "special characters": [line(40.0, name=SPECIAL)],
            "no text": [line(40.0, name=False)],
            "section and note": [
                Command.create({"display_type": "line_section", "name": "Kwartaal 1"}),
                line(40.0),
                Command.create({"display_type": "line_note", "name": "Dank u"}),
            ],
            "no period": [self.undated(99.0)],
            "several periods": [line(40.0), line(30.0, start_date=date(2025, 12, 1), end_date=date(2025, 12, 31))],
            "large amounts": [line(98765.43, quantity=12)],
        }

    def get_kinds(self):
        """Each kind of document by name: customer, way of paying, values."""
        plain = [self.line(40.0), self.undated(19.99)]
        debit, transfer, no_mode = self.direct_debit, self.transfer, self.env["account.payment.mode"]
        kinds = {name: (self.baker, transfer, {"invoice_line_ids": lines}) for name, lines in self.get_lines().items()}
        buyers = {"company": self.baker, "town": self.town, "person": self.person, "German": self.german}
        for name, buyer in {**buyers, "Belgian": self.belgian, "British": self.british}.items():
            kinds[f"{name}, direct debit"] = buyer, debit, {"invoice_line_ids": plain}
            kinds[f"{name}, transfer"] = buyer, transfer, {"invoice_line_ids": plain}
        kinds["no payment mode"] = self.baker, no_mode, {"invoice_line_ids": plain}
        kinds["direct debit without mandate"] = self.without_mandate, debit, {"invoice_line_ids": plain}
        kinds["dollars"] = self.baker, transfer, {"invoice_line_ids": plain, "currency_id": self.dollar.id}
        kinds["dollars, two rates"] = (
            self.baker,
            transfer,
            {"invoice_line_ids": [self.line(33.33), self.line(9.99, "btw_9")], "currency_id": self.dollar.id},
        )
        kinds["reference"] = self.baker, debit, {"invoice_line_ids": plain, "ref": "PO-77", "narration": "<p>Dank</p>"}
        kinds["person without address"] = self.nameless, transfer, {"invoice_line_ids": plain}
        lines = [self.line(40.0, self.outside), self.line(19.99)]
        kinds["outside the scope and not"] = self.baker, transfer, {"invoice_line_ids": lines}
        kinds["organisation with a VAT number"] = self.taxed, transfer, {"invoice_line_ids": plain}
        kinds["organisation without number"] = self.unnumbered, transfer, {"invoice_line_ids": plain}
        taxes = {"9%": "btw_9", "reverse charge": "btw_verk_0", "exempt": self.exempt, "zero rated": self.zero_rated}
        taxes["outside the scope"] = self.outside
        for name, tax in taxes.items():
            lines = [self.line(40.0, tax), self.undated(5.0, tax)]
            kinds[f"tax {name}"] = self.baker, debit, {"invoice_line_ids": lines}
        abroad = {"services": "btw_X0_diensten", "goods": "btw_X0_producten"}
        for name, tax in abroad.items():
            for buyer in (self.belgian, self.german):
                lines = [self.line(40.0, tax), self.undated(5.0, tax, discount=10.0)]
                kinds[f"{name} to {buyer.country_code}"] = buyer, transfer, {"invoice_line_ids": lines}
        lines = [self.undated(5.0, "btw_X0_producten")]
        kinds["goods to BE, no period"] = self.belgian, transfer, {"invoice_line_ids": lines}
        kinds["export to GB"] = self.british, transfer, {"invoice_line_ids": [self.line(40.0, "btw_X1")]}
        return kinds

    def make_documents(self, kinds, is_credited):
        """These kinds, made and posted at once, and the credit note of each."""
        invoices = self.make_moves("out_invoice", kinds, [{"invoice_date": "2026-01-01"}] * len(kinds))
        documents = dict(zip(kinds, invoices, strict=True))
        if is_credited:
            notes = at_size(full=self.reverse, short=self.make_notes)(kinds, invoices)
            documents.update(zip((f"{name}: credit note" for name in kinds), notes, strict=True))
        return documents

    def make_moves(self, move_type, kinds, values_of_each):
        moves = self.env["account.move"].create(
            [
                {"move_type": move_type, "partner_id": buyer.id, "payment_mode_id": mode.id, **values, **others}
                for (buyer, mode, values), others in zip(kinds.values(), values_of_each, strict=True)
            ]
        )
        moves.with_context(billing_send_anyway=True).action_post()
        return moves

    def reverse(self, _kinds, invoices):
        """The credit notes that Odoo's wizard makes, which takes four times as long as making them at once."""
        wizard = self.env["account.move.reversal"].with_context(active_model="account.move", active_ids=invoices.ids)
        wizard.create({"reason": "too much", "journal_id": invoices.journal_id.id}).refund_moves()
        invoices.reversal_move_ids.with_context(billing_send_anyway=True).action_post()
        return invoices.reversal_move_ids.sorted(lambda note: invoices.ids.index(note.reversed_entry_id.id))

    def make_notes(self, kinds, invoices):
        origins = [
            {"invoice_date": "2026-01-02", "reversed_entry_id": move.id, "ref": f"Reversal of: {move.name}, too much"}
            for move in invoices
        ]
        return self.make_moves("out_refund", kinds, origins)

    # === WHAT IS WRONG WITH THEM

    def get_formats(self, kind, move):
        own = {"NL": "ubl_nl", "DE": "ubl_de"}.get(move.commercial_partner_id.country_code, "ubl_bis3")
        both = sorted({own, "ubl_bis3"})
        if kind in REFUSED_IN_NLCIUS:
            return both
        short = [own] if self.company.tax_calculation_rounding_method == GLOBALLY else ["ubl_bis3"]
        return at_size(full=both, short=short)

    def check_matrix(self, rounding, kinds, is_credited=True):
        self.company.tax_calculation_rounding_method = rounding
        passed = set()
        for name, move in self.make_documents(kinds, is_credited).items():
            kind = name.removesuffix(": credit note")
            for builder in self.get_formats(kind, move):
                with self.subTest(kind=name, builder=builder, rounding=rounding):
                    document, errors = self.export(move, builder)
                    refused = REFUSED_IN_NLCIUS if builder == "ubl_nl" and kind in REFUSED_IN_NLCIUS else REFUSED
                    if kind in refused:
                        self.assertIn(refused[kind], " ".join(errors))
                        continue
                    self.assertFalse(errors)
                    self.assertEqual(get_broken(document), set())
                    self.assert_amounts(document, move)
                    self.assertFalse([text for text in self.get(document, REFERENCES) if "Reversal of" in text])
                    passed.add(kind)
        return passed

    def assert_amounts(self, document, move):
        """The lines and the total are those of the books."""
        written = self.get(document, "/*/*[cac:Item]/cbc:LineExtensionAmount")
        booked = move.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        amounts = [f"{move.direction_sign * line.amount_currency + 0.0:.2f}" for line in booked]
        self.assertEqual([f"{float(amount):.2f}" for amount in written], amounts)
        [total] = self.get(document, "/*/cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount")
        self.assertEqual(f"{float(total):.2f}", f"{move.amount_total:.2f}")

    def test_every_kind_where_tax_is_rounded_globally(self):
        kinds = self.get_kinds()
        self.assertEqual(self.check_matrix(GLOBALLY, kinds), set(kinds) - set(REFUSED))

    def test_every_kind_where_tax_is_rounded_per_line(self):
        kinds = self.get_kinds()
        lines = {name: kinds[name] for name in self.get_lines()}
        kinds, is_credited = at_size(full=(kinds, True), short=(lines, False))
        passed = self.check_matrix(PER_LINE, kinds, is_credited)
        self.assertEqual(passed, set(kinds) - set(REFUSED))

    @settings(max_examples=at_size(60, 6), deadline=None, phases=[Phase.generate])
    @given(lines=ANY_LINES, rounding=st.sampled_from((GLOBALLY, PER_LINE)), is_included=st.booleans())
    def test_any_lines_make_a_document_by_the_rules_with_the_booked_amounts(self, lines, rounding, is_included):
        with self.env.cr.savepoint() as savepoint:
            self.company.tax_calculation_rounding_method = rounding
            made = [self.line(999.99)]  # so that the customer has to pay
            for price, quantity, discount, tax in lines:
                tax = self.inclusive if is_included and tax == "btw_21" else tax
                made.append(self.line(price, tax, quantity=quantity, discount=discount))
            move = self.make_invoice(self.baker, self.transfer, invoice_line_ids=made)
            document, errors = self.export(move)
            self.assertFalse(errors)
            self.assertEqual(get_broken(document), set())
            self.assert_amounts(document, move)
            [tax] = self.get(document, "/*/cac:TaxTotal/cbc:TaxAmount")
            self.assertEqual(f"{float(tax):.2f}", f"{move.amount_tax:.2f}")
            savepoint.rollback()
        self.env.invalidate_all()

    def test_hundreds_of_lines_rounded_one_by_one_are_told(self):
        lines = [self.line(0.5) for _number in range(210)]  # 21% of 0.50 is 0.105
        for rounding, is_told in ((PER_LINE, True), (GLOBALLY, False)):
            with self.subTest(rounding=rounding):
                self.company.tax_calculation_rounding_method = rounding
                move = self.make_invoice(self.baker, self.transfer, invoice_line_ids=lines)
                document, errors = self.export(move)
                self.assertEqual("BR-S-09" in get_broken(document), is_told)
                self.assertEqual(f"The VAT of {move.name}" in " ".join(errors), is_told)
