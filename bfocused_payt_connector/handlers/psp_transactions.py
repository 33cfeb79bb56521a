from odoo import fields

from . import lookup
from .base import Handler, PaytWaits
from .paid_invoices import PaidInvoices
from .payload import PaymentPayload
from .payments import note_mandate_debit

UNDER_WAY = ("pending", "processing", "cancelled")
TAKEN_BACK = ("charged_back", "refunded", "failed")


class PspTransactionsHandler(Handler):
    """The provider's transactions: the payments of PAYT have to tell all of what they say.

    Money is booked from the payments alone. A transaction that says more than its payments do waits for them, and
    needs attention in the end, so that nothing the provider collected is overlooked.
    """

    resource = "psp_transactions"
    context = {"payt_following": True}

    def prepare(self):
        ids = {number for row in self.rows for number in row.payload.get("invoice_ids") or []}
        self.invoices = PaidInvoices(self.backend, ids)

    def apply(self, row):
        status = row.payload.get("status")
        if status in UNDER_WAY:
            return
        payments = lookup.get_rows_of_transaction(self.backend, row.payt_id)
        moves = self._get_moves(row)
        if status == "failed" and not payments:
            self._follow_failure(row, moves)
        else:
            self._check_complete(row, payments)

    def _get_moves(self, row):
        moves = self.env["account.move"].sudo()
        for number in row.payload.get("invoice_ids") or []:
            moves |= self.invoices.get_move(str(number))
        return moves

    def _check_complete(self, row, payments):
        """:raise PaytWaits: while the payments don't add up to the transaction"""
        status = row.payload.get("status")
        amounts = [round(PaymentPayload(payment).get_amount() * 100) for payment in payments]
        paid, back = sum(cents for cents in amounts if cents > 0), -sum(cents for cents in amounts if cents < 0)
        if paid != round(self._get_amount(row) * 100):
            raise PaytWaits(
                self.env._(
                    "PAYT's provider collected %(amount)s, of which PAYT shows %(paid)s as payments of invoices.",
                    amount=row.payload.get("amount"),
                    paid=f"{paid / 100:.2f}",
                )
            )
        # a refund may be of a part
        if status in TAKEN_BACK and (not back or (status != "refunded" and back != paid)):
            raise PaytWaits(self.env._("Waits for PAYT to show what was taken back as reversals of payments."))

    def _get_amount(self, row):
        return float(row.payload.get("amount") or 0)

    def _follow_failure(self, row, moves):
        """A direct debit that the bank refused: no money moved, but the policy of the reason code applies."""
        moves = moves.filtered(lambda move: move.state == "posted" and move.amount_residual)
        if row.payload.get("payment_method") != "direct_debit" or not moves:
            return
        day = fields.Datetime.context_timestamp(row, row.payt_updated_at).date()
        partners = moves.grouped(lambda move: move.commercial_partner_id).values()
        for number, invoices in enumerate(partners):
            for move in invoices:
                note_mandate_debit(move, day)
            self.env["bfocused.payment.return.policy"]._apply_reversal(
                invoices,
                row.payload.get("reversal_code"),
                f"payt:{row.payt_id}" + (f"-{number}" if number else ""),
                date=day,
                amount=self._get_amount(row),
            )
