from odoo import models

INVOICE_TYPES = ("out_invoice", "out_refund", "out_receipt")


class AccountMoveLine(models.Model):
    """What a journal item is, seen from the invoice that it is reconciled with."""

    _inherit = "account.move.line"

    def _is_from_payt(self, move=None):
        """Whether PAYT told us of this payment, so that it isn't told to PAYT again.

        :param move: the invoice that it pays; PAYT doesn't know that we used it for another one than its own
        """
        self.ensure_one()
        payment = self.sudo().payment_id
        is_known = payment.payt_payment_id and not payment.payt_is_forgotten
        return bool(is_known and (not move or payment.payt_move_id in (move, move.browse())))

    def _get_payt_transaction_type(self):
        """What PAYT calls it.

        Money is a payment, an invoice or credit note a credit, a difference of exchange rates a revaluation. Any other
        entry settles, as far as it isn't written off.
        """
        self.ensure_one()
        move = self.move_id
        if move.move_type in INVOICE_TYPES:
            return "credit"
        if move.journal_id == self.company_id.currency_exchange_journal_id:
            return "revaluation"
        if self._is_from_payt():
            return "settlement"  # a credit from PAYT, used for this invoice
        return "payment" if self.payment_id or self.statement_line_id or self._has_money() else "settlement"

    def _has_money(self):
        """Whether the entry moves cash or a bank account, as one made by hand does."""
        return any(line.account_id.account_type == "asset_cash" for line in self.move_id.line_ids)

    def _get_payt_written_off_share(self):
        """Which part of this item was written off: no money came for it, it went to profit and loss.

        :return: between 0.0 and 1.0
        """
        self.ensure_one()
        lines = self.move_id.line_ids
        receivables = lines.filtered(lambda line: line.account_id.account_type == "asset_receivable")
        total = sum(receivables.mapped("balance"))
        lost = sum(lines.filtered(lambda line: line._is_written_off()).mapped("balance"))
        return min(max(-lost / total, 0.0), 1.0) if total else 0.0

    def _is_written_off(self):
        return self.account_id.internal_group in ("income", "expense") or bool(self.tax_line_id)
