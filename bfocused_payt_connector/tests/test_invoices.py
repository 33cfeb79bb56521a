import ast
from decimal import Decimal

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.bfocused_billing.tests.size import at_size

from ..payt_api.signature import checksum
from .data_common import PaytDataCase


@tagged("post_install", "-at_install")
class TestInvoices(PaytDataCase):
    """Invoices and credit notes in PAYT's words."""

    def sum_lines(self, payload, name):
        return sum(Decimal(line[name]) for line in payload["invoice_lines"])

    # === PAYLOADS

    def test_an_ordinary_invoice(self):
        move = self.make_invoice(100.0, 19.99, ref="PO 2026/7 & <ß>", invoice_date_due="2026-02-04")
        self.send(move)
        payload = self.prepare(move, "invoice")
        lines = payload.pop("invoice_lines")
        document, ubl = payload.pop("document"), payload.pop("ubl_document", None)
        self.assertEqual(
            payload,
            {
                "invoice_number": move.name,
                "invoice_identifier": str(move.id),
                "invoice_date": "2026-01-05",
                "due_date": "2026-02-04",
                "payment_term": 30,
                "currency_code": "EUR",
                "debtor_number": "D1001",
                "debtor_identifier": str(self.customer.id),
                "order_number": "PO 2026/7 & <ß>",
                "payment_method": "bank_transfer",
                "amount_total": "145.19",
                "amount_open": "145.19",
                "book_amount_total": "145.19",
                "book_amount_open": "145.19",
                "payments": [],
            },
        )
        self.assertIn("/", move.name)
        self.assertEqual([line["line_order"] for line in lines], [1, 2])
        self.assertEqual(
            lines[1],
            {
                "description": lines[1]["description"],
                "vat_rate_code": str(self.tax.id),
                "total_excl_tax_amount": "19.99",
                "total_incl_tax_amount": "24.19",
                "vat_amount": "4.20",
                "product_quantity": "1",
                "product_unit": self.router.uom_id.name,
                "line_order": 2,
                "product_price": "19.99",
            },
        )
        self.assertTrue(document["filename"].endswith(".pdf"))
        self.assertEqual([name for name, _type, _content in move._get_payt_files()][0], document["filename"])
        self.assertEqual(bool(ubl), bool(move.ubl_cii_xml_id))

    def test_pdf_and_ubl_go_by_checksum(self):
        move = self.make_invoice()
        attachments = [
            {"name": name, "raw": content, "res_model": move._name, "res_id": move.id, "res_field": field}
            for name, content, field in (
                ("Factuur_2026_7.pdf", b"%PDF-1.4", "invoice_pdf_report_file"),
                ("Factuur_2026_7.xml", b"<Invoice/>", "ubl_cii_xml_file"),
            )
        ]
        self.env["ir.attachment"].create(attachments)
        move.invalidate_recordset()
        files = move._get_payt_files()
        self.assertEqual(
            files,
            [
                ("Factuur_2026_7.pdf", "application/pdf", b"%PDF-1.4"),
                ("Factuur_2026_7.xml", "application/xml", b"<Invoice/>"),
            ],
        )
        payload = self.prepare(move, "invoice")
        self.assertEqual(payload["ubl_document"], {"checksum": checksum(b"<Invoice/>"), "filename": files[1][0]})
        self.assertEqual(payload["document"]["checksum"], checksum(b"%PDF-1.4"))

    def test_a_credit_note_is_negative(self):
        refund = self.make_invoice(100.0, move_type="out_refund")
        self.send(refund)
        payload = self.prepare(refund, "invoice")
        self.assertEqual((payload["amount_total"], payload["amount_open"]), ("-121.00", "-121.00"))
        self.assertEqual(payload["book_amount_total"], "-121.00")
        self.assertEqual(self.sum_lines(payload, "total_incl_tax_amount"), Decimal("-121.00"))
        self.assertEqual(payload["invoice_lines"][0]["product_price"], "-100.00")

    def test_a_foreign_currency_has_both_amounts(self):
        dollar = self.setup_other_currency("USD", rates=[("2026-01-01", 2.0)])
        move = self.make_invoice(100.0, currency_id=dollar.id)
        self.send(move)
        payload = self.prepare(move, "invoice")
        self.assertEqual(payload["currency_code"], "USD")
        self.assertEqual((payload["amount_total"], payload["book_amount_total"]), ("121.00", "60.50"))
        self.assertEqual((payload["amount_open"], payload["book_amount_open"]), ("121.00", "60.50"))

    def test_a_price_in_parts_of_a_cent_is_left_out(self):
        move = self.make_invoice(0.0375)
        move.button_draft()
        move.invoice_line_ids.quantity = 1000
        move.action_post()
        [line] = move._prepare_payt_whole()["invoice_lines"]
        self.assertNotIn("product_price", line)
        self.assertEqual((line["product_quantity"], line["total_excl_tax_amount"]), ("1000", "37.50"))

    def test_a_line_without_tax_names_a_rate_too(self):
        move = self.make_invoice(post=False)
        move.invoice_line_ids.tax_ids = False
        move.action_post()
        self.send(move)
        payload = self.prepare(move, "invoice")
        self.assertEqual(payload["invoice_lines"][0]["vat_rate_code"], "none")
        self.assert_put(self.company, "vat_rate")
        self.assertEqual(self.prepare(self.company, "vat_rate")["category"], "none")

    def test_lines_that_no_single_rate_stands_for_are_left_out(self):
        move = self.make_invoice(post=False)
        move.invoice_line_ids.tax_ids += self.tax.copy({"name": "extra"})
        move.action_post()
        self.assertNotIn("invoice_lines", move._prepare_payt_whole())

    def test_notes_are_no_lines_and_an_empty_line_has_a_description(self):
        move = self.make_invoice(post=False)
        move.write({"invoice_line_ids": [Command.create({"display_type": "line_note", "name": "Met dank"})]})
        move.invoice_line_ids.filtered("product_id").name = False
        move.action_post()
        [line] = move._prepare_payt_whole()["invoice_lines"]
        self.assertTrue(line["description"])

    def test_the_cycles_are_labels(self):
        move = self.make_invoice(10.0, 20.0, 30.0, post=False)
        for line, cycle in zip(move.invoice_line_ids, ("year", "month", "year"), strict=True):
            line.billing_cycle = cycle
        move.action_post()
        self.assertEqual(move._prepare_payt_whole()["labels"], ["MAAND", "JAAR"])

    def test_another_address_is_a_contact_of_its_own(self):
        branch = self.env["res.partner"].create(
            {"name": "Filiaal", "parent_id": self.customer.id, "type": "other", "email": "filiaal@jansen.example"}
        )
        move = self.make_invoice(partner=branch)
        self.send(move)
        self.assertEqual(self.prepare(move, "invoice")["contact_identifier"], str(branch.id))
        self.assert_put(branch, "contact")
        self.assertEqual(self.prepare(branch, "contact")["invoice_email_address"], "filiaal@jansen.example")
        self.assert_put(self.customer, "contact", "debtor")

    def test_amounts_of_any_size_are_texts_of_two_decimals(self):
        move = self.make_invoice(post=False)

        @settings(max_examples=at_size(25, 6))
        @given(
            price=st.decimals(min_value=0, max_value=10**7, places=4).map(float),
            quantity=st.decimals(min_value=0, max_value=1000, places=3).map(float),
        )
        def check(price, quantity):
            move.invoice_line_ids.write({"price_unit": price, "quantity": quantity})
            payload = move._prepare_payt_whole()
            self.assert_contract("invoice", payload)
            self.assertEqual(payload["amount_total"], f"{move.amount_total:.2f}")
            [line] = payload["invoice_lines"]
            total = Decimal(line["total_excl_tax_amount"]) + Decimal(line["vat_amount"])
            self.assertEqual(total, Decimal(line["total_incl_tax_amount"]))

        move.name = "INV/2026/00001"
        check()

    def test_lines_add_up_to_the_invoice_under_both_roundings(self):
        line = st.tuples(
            st.decimals(min_value="0.01", max_value=500, places=3).map(float),
            st.sampled_from((1, 3, 0.5, -1)),
            st.sampled_from((0, 33.33)),
            st.booleans(),
        )

        @settings(max_examples=at_size(40, 6), deadline=None, phases=[Phase.generate])
        @given(
            lines=st.lists(line, min_size=1, max_size=6),
            method=st.sampled_from(("round_globally", "round_per_line")),
            is_included=st.booleans(),
        )
        def check(lines, method, is_included):
            self.company.tax_calculation_rounding_method = method
            tax = included if is_included else self.tax
            move = self.make_invoice(*[line[0] for line in lines], post=False)
            for record, (_price, quantity, discount, is_low) in zip(move.invoice_line_ids, lines, strict=True):
                record.write({"quantity": quantity, "discount": discount})
                record.tax_ids = low if is_low and not is_included else tax
            move.name = f"INV/2026/{move.id}"
            payload = move._prepare_payt_whole()
            self.assert_contract("invoice", payload)
            sums = [self.sum_lines(payload, f"{name}_amount") for name in ("total_excl_tax", "vat", "total_incl_tax")]
            amounts = (move.amount_untaxed, move.amount_tax, move.amount_total)
            self.assertEqual(sums, [Decimal(f"{amount:.2f}") for amount in amounts])

        included = self.tax.copy({"name": "included", "price_include_override": "tax_included"})
        low = self.tax.copy({"name": "low", "amount": 9})
        check()

    # === WHEN

    def test_nothing_goes_for_a_company_without_payt(self):
        self.backend.unlink()
        move = self.make_invoice()
        self.send(move)
        self.pay(move)
        self.customer.name = "Anders"
        self.make_mandate(self.customer)
        self.assertEqual(move.payt_state, "none")
        self.assertFalse(self.env["payt.outbox"].sudo().search_count([]))
        self.assertFalse(self.get_sending_jobs())

    def test_posting_hands_over(self):
        move = self.make_invoice()
        refund = self.make_invoice(move_type="out_refund")
        self.assertFalse(self.get_rows())
        self.perform(self.get_sending_jobs())
        self.assert_put(move | refund, "invoice")
        self.assertEqual((move | refund).mapped("payt_state"), ["queued", "queued"])
        self.assert_put(self.tax, "vat_rate")
        self.assert_put(self.customer, "contact", "debtor")

    def test_posting_waits_for_somebody_where_the_company_wants_that(self):
        self.company.payt_on_posting = False
        self.make_invoice()
        self.assertFalse(self.get_sending_jobs())

    def test_bills_and_entries_are_not_payt_s(self):
        bill = self.make_invoice(move_type="in_invoice")
        self.assertEqual(bill.payt_state, "none")
        self.assertFalse(self.get_sending_jobs())

    def test_without_document_nothing_goes_that_payt_would_send(self):
        move = self.make_invoice()
        self.assertIsNone(self.prepare(move, "invoice"))

    # === CORRECTED AND CANCELLED

    def test_a_cancelled_invoice_is_settled(self):
        move = self.make_pushed_invoice()
        move.button_cancel()
        self.assertEqual(len(self.get_rows(move, "invoice")), 1)
        payload = self.take(move, "invoice")
        self.assertEqual((payload["amount_total"], payload["amount_open"]), ("121.00", "0.00"))
        [payment] = payload["payments"]
        self.assertEqual((payment["amount"], payment["transaction_type"]), ("121.00", "settlement"))
        self.assertEqual(move.payt_state, "paid")

    def test_cancelled_on_its_way_payt_never_sends_it(self):
        move = self.make_invoice()
        self.send(move)
        move.button_cancel()
        self.assertIn("sent_at", self.prepare(move, "invoice"))

    def test_cancelled_before_payt_knew_nothing_goes(self):
        move = self.make_invoice()
        move.button_cancel()
        self.assertIsNone(self.prepare(move, "invoice"))
        self.assertFalse(self.get_rows(move))

    def test_what_payt_has_is_not_deleted(self):
        move = self.make_pushed_invoice()
        move.button_draft()
        with self.assertRaises(UserError):
            move.unlink()

    # === WHAT PAYT SAYS

    def test_a_warning_is_on_the_invoice_too(self):
        move = self.make_invoice()
        self.send(move)
        move._payt_taken_invoice(self.backend, {"warnings": ["Open amount does not follow from the payments"]})
        self.assertEqual(move.payt_state, "pushed")
        self.assertEqual(move.payt_message, "Open amount does not follow from the payments")

    def test_a_refusal_is_on_the_invoice_with_payt_s_words(self):
        move = self.make_invoice()
        self.send(move)
        self.refuse(move, "invoice", "Debtor not found", "Due date is invalid")
        self.assertEqual((move.payt_state, move.payt_message), ("error", "Debtor not found; Due date is invalid"))
        attention = self.env.ref("bfocused_payt_connector.account_move_action_payt_attention")
        self.assertIn(move, self.env["account.move"].search(ast.literal_eval(attention.domain)))
        self.clear_outbox()
        move.action_payt_retry()
        self.assert_put(move, "invoice")
        self.take(move, "invoice")
        self.assertEqual((move.payt_state, move.payt_message), ("pushed", False))
        self.assertTrue(move.payt_pushed_at and move.payt_synced_at)

    def test_the_order_number_may_come_later(self):
        move = self.make_pushed_invoice()
        move.ref = "PO-77"
        self.assert_put(move, "invoice")
        self.assertEqual(self.prepare(move, "invoice")["order_number"], "PO-77")

    def test_the_number_payt_knows_stays(self):
        move = self.make_pushed_invoice()
        move.button_draft()
        with self.assertRaises(UserError):
            move.name = "INV/2026/99999"
        other = self.make_invoice(post=False)
        other.name = "INV/2026/99999"

    def test_a_corrected_invoice_that_payt_has_still_to_send_gets_its_new_document(self):
        move = self.make_pushed_invoice()
        self.get_sending_jobs().state = "done"
        move.button_draft()
        move.invoice_line_ids.price_unit = 80
        move.action_post()
        self.assertNotIn("document", self.prepare(move, "invoice"))
        self.perform(self.get_sending_jobs())
        payload = self.prepare(move, "invoice")
        self.assertIn("document", payload)
        self.assertEqual(payload["amount_total"], "96.80")

    def test_an_address_that_became_one_of_its_own_goes_with_the_invoice(self):
        address = self.env["res.partner"].create(
            {"name": "Oud", "parent_id": self.customer.id, "type": "invoice", "email": "oud@jansen.example"}
        )
        move = self.make_pushed_invoice(partner=address)
        self.assertNotIn("contact_identifier", self.prepare(move, "invoice"))
        address.type = "other"
        self.clear_outbox()
        self.pay(move, 10)
        self.assertEqual(self.prepare(move, "invoice")["contact_identifier"], str(address.id))
        self.assert_put(address, "contact")
