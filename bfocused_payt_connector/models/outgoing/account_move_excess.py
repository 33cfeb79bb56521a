from odoo import models

from .account_move_payments import PaytAmount

MOVED = "-M"  # behind the identifier of money that PAYT collected on one invoice and that pays another one here


class AccountMove(models.Model):
    """Money that PAYT has on an invoice and Odoo hasn't: over-payments, and what PAYT read from the bank first.

    PAYT knows it already, so it isn't reported. What is told to be open takes it into account, and where a credit is
    used for another invoice, PAYT hears of that as a settlement on both.
    """

    _inherit = "account.move"

    def _get_payt_collected(self):
        """Payments that PAYT collected for this invoice and that stand, by their journal items."""
        payments = (
            self.env["account.payment"]
            .sudo()
            .search(
                [
                    *(("payt_move_id", "in", self.ids), ("payt_payment_id", "!=", False)),
                    ("payt_is_forgotten", "=", False),
                    *(("payt_cost_type", "=", False), ("state", "in", ("in_process", "paid"))),
                ]
            )
        )
        return payments.move_id.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")

    def _get_payt_excess(self):
        """What PAYT has as paid on this invoice and Odoo doesn't: PAYT's open amount is so much lower.

        :return: tuple of the amount in the invoice's and in the company's currency
        """
        self.ensure_one()
        items = self._get_payt_collected()
        amount, book_amount = -sum(items.mapped("amount_residual_currency")), -sum(items.mapped("amount_residual"))
        for amount_read, book_amount_read in self._get_payt_read_by_bank(self._get_payt_all_bookings())[1]:
            amount, book_amount = amount + amount_read, book_amount + book_amount_read
        return self.currency_id.round(amount), self.company_currency_id.round(book_amount)

    def _get_payt_moved(self):
        """Bookings for what PAYT collected on this invoice and was used for something else since."""
        returns = self.env["payment.return"].sudo()
        amounts = []
        for partial in self._get_payt_collected().matched_debit_ids:
            other, payment = partial.debit_move_id, partial.credit_move_id.payment_id
            is_exchange = other.journal_id == other.company_id.currency_exchange_journal_id
            is_undone = payment.payt_reversal_id and (
                other.move_id.reversed_entry_id == payment.move_id
                or returns.search_count([("move_id", "=", other.move_id.id)], limit=1)
            )
            if other.move_id == self or is_exchange or is_undone:
                continue
            kind = "settlement" if other.move_id.is_invoice(include_receipts=True) else "payment"
            day = max(other.date, partial.credit_move_id.date)
            amounts.append(
                PaytAmount(
                    key=f"{self.id}-{other.id}-{partial.credit_move_id.id}{MOVED}",
                    date=day,
                    kind=kind,
                    amount=-partial.credit_amount_currency,
                    book_amount=-partial.amount,
                    place=4,
                    description=other.move_id.name or "",
                    method="bank_transfer",
                )
            )
        return amounts

    def _get_payt_read_by_bank(self, amounts):
        """Leave out what PAYT read from a bank statement before Odoo got it from there: the same money.

        :param amounts: list of ``PaytAmount``
        :return: tuple of the amounts to report, and of the amounts that Odoo hasn't booked yet
        """
        self.ensure_one()
        kept, missing = list(amounts), []
        for amount, book_amount in self._get_payt_bank_payments():
            same = [
                booking
                for booking in kept
                if booking.kind == "payment" and not self.currency_id.compare_amounts(booking.amount, amount)
            ]
            if same:
                kept.remove(same[0])
            else:
                missing.append((amount, book_amount))
        return kept, missing

    def _get_payt_bank_payments(self):
        """Amounts on this invoice that PAYT read from a bank statement."""
        backend = self.company_id._get_payt_backend()
        if not self.payt_invoice_id or not backend:
            return []
        mirror = self.env["payt.mirror"].sudo()
        mirror.flush_model()
        self.env.cr.execute(
            """
            SELECT payload ->> 'total_amount', payload ->> 'total_book_amount' FROM payt_mirror
             WHERE backend_id = %s AND resource = 'payments' AND deleted_at IS NULL AND payload ->> 'invoice_id' = %s
               AND payload -> 'bank_transaction' ->> 'id' IS NOT NULL
               AND payload -> 'psp_transaction' ->> 'id' IS NULL
               AND COALESCE(payload ->> 'cost_type', '') IN ('', 'principal') ORDER BY id""",
            [backend.id, self.payt_invoice_id],
        )
        return [(float(amount or 0), float(book or amount or 0)) for amount, book in self.env.cr.fetchall()]
