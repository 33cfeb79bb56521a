from freezegun import freeze_time

from odoo import Command

from .collection_common import CollectionCase


@freeze_time("2026-03-11 09:00:00")
class TestReversalAgain(CollectionCase):
    """Reversals of debits without invoice, and several of one invoice."""

    def setUp(self):
        super().setUp()
        self.mandate = self.make_sample_customer("K1001")
        self.mandate.partner_id.email = "customer@example.com"
        self.policies = self.env["bfocused.payment.return.policy"]

    # === a debit that was put on the payment order by hand

    def reverse_by_hand_made(self, code):
        order = self.make_order()
        line = self.env["account.payment.line"].create(
            {
                "order_id": order.id,
                "partner_id": self.mandate.partner_id.id,
                "partner_bank_id": self.mandate.partner_bank_id.id,
                "mandate_id": self.mandate.id,
                "amount_currency": 10.0,
                "communication": "Deposit",
                "currency_id": self.company.currency_id.id,
            }
        )
        self.upload(order)
        payment = order.payment_ids
        items = payment.move_id.line_ids.filtered(lambda item: item.account_id == payment.destination_account_id)
        values = {"partner_id": line.partner_id.id, "move_line_ids": [Command.set(items.ids)], "return_code": code}
        payment_return = self.env["payment.return"].create(
            {
                "journal_id": self.journal.id,
                "company_id": self.company.id,
                "line_ids": [Command.create({**values, "amount": 10.0})],
            }
        )
        payment_return.action_confirm()
        return self.env["bfocused.payment.reversal"].search([("mandate_id", "=", self.mandate.id)])

    def test_a_debit_without_invoice_stops_the_mandate_and_asks_for_a_new_one(self):
        reversal = self.reverse_by_hand_made("MD01")
        self.assertRecordValues(
            reversal,
            [{"partner_id": self.mandate.partner_id.id, "amount": 10.0, "company_id": self.company.id, "move_ids": []}],
        )
        self.assertEqual(self.mandate.state, "cancel")
        self.assertEqual(self.mandate.partner_id.activity_ids.summary, "Ask for a new direct-debit mandate")

    def test_a_debit_without_invoice_that_came_back_is_told_to_staff(self):
        reversal = self.reverse_by_hand_made("AM04")
        self.assertRecordValues(reversal, [{"code": "AM04", "retry_date": False}])
        self.assertEqual(reversal.activity_ids.summary, "Reversed direct debit: look at it")
        self.assertEqual(self.mandate.state, "valid")
        self.assertEqual(self.mandate.partner_id.reversal_count, 1)
        sent = [("model", "=", reversal._name), ("res_id", "=", reversal.id)]
        self.assertFalse(self.env["mail.mail"].sudo().search(sent))

    # === several of one invoice

    def test_withdrawing_an_earlier_reversal_leaves_what_the_later_one_decided(self):
        move = self.make_invoice(self.mandate)
        first = self.policies._apply_reversal(move, "AM04", "test:1")
        second = self.policies._apply_reversal(move, "MD06", "test:2")
        first._withdraw()
        self.assertRecordValues(move, [{"reversal_state": "dispute", "collection_retry_count": 0}])
        self.assertEqual((first + second).mapped("state"), ["withdrawn", "applied"])
        second._withdraw()
        self.assertFalse(move.reversal_state)

    def test_withdrawing_the_later_reversal_lets_it_be_collected_again(self):
        move = self.make_invoice(self.mandate)
        self.policies._apply_reversal(move, "AM04", "test:1")
        self.policies._apply_reversal(move, "MD06", "test:2")._withdraw()
        self.assertRecordValues(move, [{"reversal_state": False, "collection_retry_count": 1}])
