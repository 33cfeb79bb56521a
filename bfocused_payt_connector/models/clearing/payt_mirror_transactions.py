from odoo import fields, models

from ..incoming.payt_mirror_apply import PaytWaits

UNDER_WAY = ("pending", "processing", "cancelled")
TAKEN_BACK = ("charged_back", "refunded", "failed")


class PaytMirror(models.Model):
    """The provider's transactions: the payments of PAYT have to tell all of what they say.

    Money is booked from the payments alone. A transaction that says more than its payments do waits for them, and
    needs attention in the end, so that nothing the provider collected is overlooked.
    """

    _inherit = "payt.mirror"

    def _get_known_psp_transactions(self):
        ids = {str(number) for row in self for number in row.sudo().payload.get("invoice_ids") or []}
        rows = self.search(
            [("backend_id", "in", self.backend_id.ids), ("resource", "=", "invoices"), ("payt_id", "in", list(ids))]
        )
        return {
            "rows": {row.payt_id: row for row in rows},
            "moves": self._get_followed("account.move", "invoices", ids),
        }

    def _apply_psp_transactions(self, known):
        row = self.with_context(payt_following=True)
        status = row.payload.get("status")
        if status in UNDER_WAY:
            return None
        payments = row._get_rows_of_transaction(row.payt_id)
        moves = row._get_transaction_moves(known)
        if status == "failed" and not payments:
            row._follow_failure(moves)
            return None
        row._check_complete(status, payments)
        return None

    def _get_transaction_moves(self, known):
        moves = self.env["account.move"].sudo()
        for number in self.payload.get("invoice_ids") or []:
            invoice_row = known["rows"].get(str(number))
            move = known["moves"].get(str(number))
            if not move and (not invoice_row or invoice_row.state in ("pending", "waiting", "error")):
                raise PaytWaits(self.env._("Waits for PAYT's invoice %s.", number))
            moves |= move or moves
        return moves

    def _check_complete(self, status, payments):
        """:raise PaytWaits: while the payments don't add up to the transaction"""
        amounts = [round(row._get_money("total_amount") * 100) for row in payments]
        paid, back = sum(cents for cents in amounts if cents > 0), -sum(cents for cents in amounts if cents < 0)
        if paid != round(self._get_money("amount") * 100):
            raise PaytWaits(
                self.env._(
                    "PAYT's provider collected %(amount)s, of which PAYT shows %(paid)s as payments of invoices.",
                    amount=self.payload.get("amount"),
                    paid=f"{paid / 100:.2f}",
                )
            )
        # a refund may be of a part
        if status in TAKEN_BACK and (not back or (status != "refunded" and back != paid)):
            raise PaytWaits(self.env._("Waits for PAYT to show what was taken back as reversals of payments."))

    def _follow_failure(self, moves):
        """A direct debit that the bank refused: no money moved, but the policy of the reason code applies."""
        moves = moves.filtered(lambda move: move.state == "posted" and move.amount_residual)
        if self.payload.get("payment_method") != "direct_debit" or not moves:
            return
        day = fields.Datetime.context_timestamp(self, self.payt_updated_at).date()
        partners = moves.grouped(lambda move: move.commercial_partner_id).values()
        for number, invoices in enumerate(partners):
            for move in invoices:
                self._note_mandate_debit(move, day)
            self.env["bfocused.payment.return.policy"]._apply_reversal(
                invoices,
                self.payload.get("reversal_code"),
                f"payt:{self.payt_id}" + (f"-{number}" if number else ""),
                date=day,
                amount=self._get_money("amount"),
            )
