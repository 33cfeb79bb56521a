from freezegun import freeze_time
from lxml import etree

from odoo.exceptions import UserError, ValidationError

from .collection_common import CollectionCase
from .common import day

NS = CollectionCase.namespaces


@freeze_time("2026-03-02 10:00:00")
class TestCollection(CollectionCase):
    """Direct debits on the company's own bank contract: mandate, day, file, limits and credit notes."""

    def setUp(self):
        super().setUp()
        self.mandate = self.make_sample_customer("K1001")
        self.mode.pre_notification_days = 5

    def get_days(self, moves):
        return moves.line_ids.payment_line_ids.sorted("id").mapped("date")

    def collect(self, today="2026-03-02"):
        return self.mode._collect(day(today))

    # === mandate (T7)

    def test_an_invoice_is_collected_with_its_own_mandate_and_not_the_first_valid_one(self):
        other = self.make_mandate(
            self.mandate.partner_id,
            partner_bank_id=self.make_account(self.mandate.partner_id, "NL38INGB0003708810").id,
            signature_date="2026-02-01",
        )
        order = self.make_order(self.make_invoice(self.mandate), self.make_invoice(other))
        self.assertEqual(order.payment_line_ids.mandate_id, self.mandate + other)
        order.draft2open()
        self.assertEqual(len(order.payment_ids), 2)
        self.assertEqual(order.payment_ids.partner_bank_id, self.mandate.partner_bank_id + other.partner_bank_id)

    def test_an_invoice_without_mandate_is_not_collected_with_another_one(self):
        move = self.make_invoice(self.mandate)
        move.mandate_id = False
        order = self.make_order(move)
        self.assertFalse(order.payment_line_ids.mandate_id)
        with self.assertRaises(UserError):
            order.draft2open()

    def test_the_mandate_of_a_line_cannot_be_exchanged(self):
        order = self.make_order(self.make_invoice(self.mandate))
        other = self.make_mandate(
            self.mandate.partner_id,
            partner_bank_id=self.make_account(self.mandate.partner_id, "NL38INGB0003708810").id,
        )
        order.payment_line_ids.write({"mandate_id": other.id, "partner_bank_id": other.partner_bank_id.id})
        with self.assertRaisesRegex(UserError, "another mandate than its own"):
            order.draft2open()

    def test_an_unusable_mandate_stops_the_order_with_the_sentence(self):
        order = self.make_order(self.make_invoice(self.mandate))
        self.mandate.scheme = "B2B"
        with self.assertRaisesRegex(UserError, "isn't registered"):
            order.draft2open()
        self.mandate.write({"scheme": "CORE", "signature_date": "2023-03-05"})  # expires before the debit
        with self.assertRaisesRegex(UserError, "expires on"):
            order.draft2open()

    def test_an_account_that_is_no_iban_is_not_collected(self):
        mandate = self.customer.bank_ids.mandate_ids
        with self.assertRaisesRegex(UserError, "no IBAN"):
            self.make_order(self.make_invoice(mandate)).draft2open()

    def test_another_currency_than_the_euro_is_not_collected(self):
        dollar = self.env.ref("base.USD")
        dollar.active = True
        self.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "rate": 1.1, "name": "2026-01-01", "company_id": self.company.id}
        )
        move = self.make_invoice(self.mandate, currency_id=dollar.id)
        self.assertFalse(self.collect())
        self.assertIn("euros only", move.collection_problem)

    # === day (T14)

    def test_the_day_respects_notices_of_1_5_and_14_days(self):
        for notice, expected in ((1, "2026-03-03"), (5, "2026-03-09"), (14, "2026-03-16")):
            self.mode.pre_notification_days = notice
            move = self.make_invoice(self.mandate)
            self.make_order(move).draft2open()
            self.assertEqual(self.get_days(move), [day(expected)], notice)

    def test_the_due_date_moves_over_easter_may_day_and_christmas(self):
        cases = {
            "2026-04-03": "2026-04-07",
            "2026-04-06": "2026-04-07",
            "2026-05-01": "2026-05-04",
            "2026-12-25": "2026-12-28",
            "2026-04-27": "2026-04-27",  # King's day is no day of TARGET's
        }
        for due, expected in cases.items():
            move = self.make_invoice(self.mandate, due=due)
            self.make_order(move).draft2open()
            self.assertEqual(self.get_days(move), [day(expected)], due)

    def test_debits_of_a_weekend_are_one_debit_on_monday(self):
        order = self.make_order(
            self.make_invoice(self.mandate, due="2026-03-14"), self.make_invoice(self.mandate, due="2026-03-15")
        )
        order.draft2open()
        self.assertRecordValues(order.payment_ids, [{"amount": 242.0, "payment_line_date": day("2026-03-16")}])

    def test_the_bank_gets_its_lead_time(self):
        self.mode.pre_notification_days = 0
        move = self.make_invoice(self.mandate, date="2026-02-01")
        for lead, today, expected in (
            (0, "2026-04-02", "2026-04-02"),
            (1, "2026-04-02", "2026-04-07"),
            (5, "2026-04-02", "2026-04-13"),
        ):
            self.mode.collection_lead_days = lead
            self.assertEqual(move._get_collection_day(day(today)), day(expected))

    def test_a_fixed_date_of_the_order_is_kept_where_it_is_late_enough(self):
        early, late = self.make_invoice(self.mandate), self.make_invoice(self.mandate, due="2026-04-10")
        order = self.make_order(early, late, date_prefered="fixed", date_scheduled="2026-03-21")
        order.draft2open()
        self.assertEqual(self.get_days(early + late), [day("2026-03-23"), day("2026-04-10")])

    def test_an_invoice_that_waits_for_the_quarter_batch_is_collected_with_it(self):
        move = self.make_invoice(self.mandate)
        move.collection_date = "2026-04-03"
        self.assertEqual(move._get_collection_day(day("2026-03-02")), day("2026-04-07"))

    def test_a_payment_mode_of_a_company_without_billing_keeps_its_dates(self):
        move = self.make_invoice(self.mandate, due="2026-03-14")
        self.company.use_billing = False
        self.make_order(move).draft2open()
        self.assertEqual(self.get_days(move), [day("2026-03-14")])

    # === file

    def test_the_file_validates_and_says_who_when_and_how(self):
        move = self.make_invoice(self.mandate)
        b2b = self.make_sample_customer("K1003")
        order = self.make_order(move, self.make_invoice(b2b, 50.0))
        order.draft2open()
        root = self.get_file(order)
        self.assert_valid(root)

        def get(path):
            return [node.text for node in root.findall(f".//p:{path}", NS)]

        self.assertEqual(get("SeqTp"), ["RCUR", "RCUR"])
        self.assertEqual(get("LclInstrm/p:Cd"), ["CORE", "B2B"])
        self.assertEqual(get("ReqdColltnDt"), ["2026-03-09", "2026-03-09"])
        self.assertEqual(get("MndtId"), ["BF-2024-00027", "BF-2025-00041"])
        self.assertEqual(get("DbtrAcct/p:Id/p:IBAN"), ["NL94RABO0375102892", "NL41ABNA0536951179"])
        self.assertEqual(get("InstdAmt"), ["121.00", "50.00"])
        self.assertEqual(get("Ustrd")[0], move.name)

    def test_dutch_debtors_and_the_creditor_have_no_address_block(self):
        self.company.partner_id.write({"street": "Kade 1", "city": "Utrecht", "country_id": self.env.ref("base.nl").id})
        order = self.make_order(self.make_invoice(self.mandate))
        order.draft2open()
        root = self.get_file(order)
        self.assertFalse(root.findall(".//p:PstlAdr", NS))

    def test_a_debtor_outside_the_eea_has_an_address_in_parts(self):
        self.mandate.partner_id.country_id = self.env.ref("base.ch")
        order = self.make_order(self.make_invoice(self.mandate))
        order.draft2open()
        [address] = self.get_file(order).findall(".//p:PstlAdr", NS)
        self.assertEqual(
            [(etree.QName(node).localname, node.text) for node in address],
            [("StrtNm", "Steenstraat 41"), ("PstCd", "6828 CD"), ("TwnNm", "Arnhem"), ("Ctry", "CH")],
        )

    def test_without_billing_the_address_is_as_in_the_oca_add_on(self):
        self.company.use_billing = False
        order = self.make_order(self.make_invoice(self.mandate))
        order.draft2open()
        self.assertTrue(self.get_file(order).findall(".//p:Dbtr/p:PstlAdr/p:AdrLine", NS))

    def test_a_replaced_mandate_is_told_to_the_bank(self):
        self.patch(
            type(self.mandate),
            "_get_amendment",
            lambda mandate: {"reference": "BF-2020-00001", "iban": "NL38INGB0003708810"},
        )
        self.mandate.write({"recurrent_sequence_type": "first", "last_debit_date": "2026-01-02"})
        order = self.make_order(self.make_invoice(self.mandate))
        order.draft2open()
        [info] = self.get_file(order).findall(".//p:MndtRltdInf", NS)
        self.assertEqual(
            [(etree.QName(node).localname, (node.text or "").strip()) for node in info.iter()][1:],
            [
                ("MndtId", "BF-2024-00027"),
                ("DtOfSgntr", "2024-04-08"),
                ("AmdmntInd", "true"),
                ("AmdmntInfDtls", ""),
                ("OrgnlMndtId", "BF-2020-00001"),
                ("OrgnlDbtrAcct", ""),
                ("Id", ""),
                ("IBAN", "NL38INGB0003708810"),
            ],
        )

    # === collect: limits of the contract

    def make_invoices(self, *amounts, **values):
        numbers = iter(("K1002", "K1004", "K1005", "K1006", "K1007", "K1008"))
        return self.env["account.move"].union(
            *(self.make_invoice(self.make_sample_customer(next(numbers)), amount, **values) for amount in amounts)
        )

    def test_what_is_due_is_put_on_one_order_and_once(self):
        moves = self.make_invoices(100.0, 200.0)
        later = self.make_invoice(self.mandate, due="2026-04-30")
        order = self.collect()
        self.assertEqual(order.payment_line_ids.move_line_id.move_id, moves)
        self.assertRecordValues(order, [{"state": "draft", "journal_id": self.journal.id}])
        self.assertFalse(self.collect())
        self.assertEqual(self.collect("2026-04-16").payment_line_ids.move_line_id.move_id, later)
        order.draft2open()

    def test_core_and_b2b_go_on_orders_of_their_own(self):
        self.make_invoice(self.mandate)
        self.make_invoice(self.make_sample_customer("K1003"))
        self.assertEqual(
            [order.payment_line_ids.mandate_id.scheme for order in self.collect().sorted("id")], ["B2B", "CORE"]
        )

    def test_amount_per_batch(self):
        self.mode.batch_max_amount = 300.0
        moves = self.make_invoices(100.0, 200.0, 0.01, 300.01)
        orders = self.collect().sorted("id")
        self.assertEqual([order.total_company_currency for order in orders], [300.0, 0.01])
        self.assertIn("in a batch", moves[3].collection_problem)
        orders.draft2open()
        self.mode.batch_max_amount = 299.99
        orders[0].action_cancel()
        orders[0].cancel2draft()
        with self.assertRaisesRegex(UserError, "in a batch"):
            orders[0].draft2open()

    def test_number_per_batch_counts_debits_and_not_invoices(self):
        self.mode.batch_max_count = 2
        self.make_invoice(self.mandate), self.make_invoice(self.mandate)
        self.make_invoices(1.0, 2.0)
        orders = self.collect().sorted("id")
        orders.draft2open()
        self.assertEqual([len(order.payment_ids) for order in orders], [2, 1])
        self.mode.batch_max_count = 1
        order = orders[0]
        order.action_cancel()
        order.cancel2draft()
        with self.assertRaisesRegex(UserError, "in a batch"):
            order.draft2open()

    def test_amount_per_month_counts_by_the_day_of_the_debit(self):
        self.mode.write({"month_max_amount": 300.0, "collection_ahead_days": 60})
        march, refused = self.make_invoices(200.0, 100.01)
        april = self.make_invoice(self.mandate, 250.0, due="2026-04-01")
        orders = self.collect()
        self.assertEqual(orders.payment_line_ids.move_line_id.move_id, march + april)
        self.assertIn("March 2026", refused.collection_problem)
        orders.draft2open()
        with self.assertRaisesRegex(UserError, "March 2026"):
            self.make_order(refused).draft2open()
        refused.line_ids.payment_line_ids.order_id.unlink()
        self.mode.month_max_amount = 300.01
        self.collect()
        self.assertFalse(refused.collection_problem)
        self.assertTrue(refused.line_ids.payment_line_ids)

    def test_a_cancelled_order_makes_room_in_the_month(self):
        self.mode.month_max_amount = 200.0
        move = self.make_invoice(self.mandate, 200.0)
        self.collect().action_cancel()
        self.assertEqual(self.collect().payment_line_ids.move_line_id.move_id, move)

    def test_limits_are_not_negative(self):
        for name in ("batch_max_amount", "batch_max_count", "month_max_amount", "pre_notification_days"):
            with self.assertRaises(ValidationError):
                self.mode[name] = -1

    def test_what_cannot_be_collected_says_why_on_a_list_and_is_released_by_itself(self):
        self.mandate.scheme = "B2B"
        move = self.make_invoice(self.mandate)
        other = self.make_invoice(self.make_sample_customer("K1002"))
        self.assertEqual(self.collect().payment_line_ids.move_line_id.move_id, other)
        self.assertIn("isn't registered", move.collection_problem)
        left_out = self.env["account.move"].search(self.mode._get_left_out_domain())
        self.assertEqual(left_out, move)
        self.mandate.b2b_registered_date = "2026-03-01"
        self.assertEqual(self.collect().payment_line_ids.move_line_id.move_id, move)
        self.assertFalse(move.collection_problem)

    def test_the_button_collects_and_tells_what_was_left_out(self):
        self.make_invoice(self.mandate)
        action = self.mode.action_collect()
        self.assertIn("1 payment orders made, 0 invoices left out", action["params"]["message"])

    # === credit notes

    def make_credit_note(self, mandate, amount, **values):
        return self.make_invoice(
            mandate, amount, move_type="out_refund", payment_mode_id=False, mandate_id=False, **values
        )

    def test_a_credit_note_is_netted_and_only_the_rest_collected(self):
        move = self.make_invoice(self.mandate, 121.0)
        note = self.make_credit_note(self.mandate, 21.0)
        order = self.collect()
        self.assertEqual(order.payment_line_ids.amount_currency, 100.0)
        self.assertEqual(note.payment_state, "paid")
        self.upload(order)
        self.assertEqual(move.amount_residual, 0.0)

    def test_an_invoice_that_is_credited_whole_is_not_collected(self):
        move = self.make_invoice(self.mandate, 121.0)
        note = self.make_credit_note(self.mandate, 200.0)
        self.assertFalse(self.collect())
        self.assertEqual((move.amount_residual, note.amount_residual), (0.0, 79.0))
        self.make_invoice(self.mandate, 100.0)
        self.assertEqual(self.collect().payment_line_ids.amount_currency, 21.0)

    def test_a_credit_note_goes_to_its_own_invoice_first(self):
        first, second = self.make_invoice(self.mandate, 100.0), self.make_invoice(self.mandate, 100.0)
        # posted with it, Odoo itself would reconcile the two
        self.make_credit_note(self.mandate, 30.0).reversed_entry_id = second
        self.collect()
        self.assertEqual((first.amount_residual, second.amount_residual), (100.0, 70.0))

    def test_a_credit_note_that_is_paid_back_or_of_somebody_else_is_left_alone(self):
        self.make_invoice(self.mandate, 100.0)
        other = self.make_sample_customer("K1002")
        notes = self.make_credit_note(self.mandate, 10.0) + self.make_credit_note(other, 10.0)
        notes[0].payment_mode_id = self.make_transfer_mode()
        self.assertEqual(self.collect().payment_line_ids.amount_currency, 100.0)
        self.assertEqual(notes.mapped("amount_residual"), [10.0, 10.0])
