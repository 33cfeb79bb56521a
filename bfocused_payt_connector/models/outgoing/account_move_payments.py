from dataclasses import dataclass
from datetime import date

from odoo import models

DIRECT_DEBIT = "sepa_direct_debit"
RETURNED, SETTLED, WRITTEN_OFF = "-R", "-S", "-W"  # behind the identifier of what they belong to
MOVED = "-M"  # behind the identifier of money that PAYT collected on one invoice and that pays another one here


@dataclass
class PaytAmount:
    """What one journal item did to an invoice: amounts that lower what is open are positive."""

    key: str
    date: date
    kind: str  # PAYT's transaction_type
    amount: float
    book_amount: float
    place: int = 0  # among those of one day
    description: str = ""
    method: str = ""
    reversal_code: str = ""


class AccountMove(models.Model):
    """The payments of an invoice as PAYT wants them: all of them, oldest first, each under a name of its own."""

    _inherit = "account.move"

    def _prepare_payt_payments(self):
        """The list for PAYT, without what PAYT itself collected or read: it knows that, and has it beside ours."""
        self.ensure_one()
        amounts, _missing = self._get_payt_read_by_bank(self._get_payt_all_bookings())
        return [self._prepare_payt_payment(booking) for booking in amounts]

    def _get_payt_all_bookings(self):
        """What happened to the invoice in our books, without what PAYT itself collected; the oldest first."""
        amounts = self._get_payt_reconciled() + self._get_payt_returned()
        if self.state == "cancel":
            amounts += self._get_payt_settlement(amounts)
        amounts += self._get_payt_moved()
        amounts = self._join_payt_bookings(amounts)
        return sorted(amounts, key=lambda booking: (booking.date, booking.place, booking.key))

    def _join_payt_bookings(self, amounts):
        """One booking per name: of a payment that the bank took back in part, the rest may still stand."""
        by_key = {}
        for booking in amounts:
            if same := by_key.get(booking.key):
                same.amount = self.currency_id.round(same.amount + booking.amount)
                same.book_amount = self.company_currency_id.round(same.book_amount + booking.book_amount)
            else:
                by_key[booking.key] = booking
        return list(by_key.values())

    def _prepare_payt_payment(self, booking):
        values = {
            "origin_identifier": booking.key,
            "amount": booking.amount,
            "payment_date": booking.date,
            "transaction_type": booking.kind,
            "description": booking.description,
            "payment_method": booking.method if booking.kind == "payment" else False,
            "reversal_code": booking.reversal_code,
        }
        if self.currency_id != self.company_currency_id:
            values["book_amount"] = booking.book_amount
        return values

    # === BUSINESS: RECONCILED

    def _get_payt_reconciled(self):
        """What the invoice is reconciled with, by journal item."""
        receivables = self._get_payt_receivables()
        totals = {}
        for partial in receivables.matched_credit_ids | receivables.matched_debit_ids:
            sides = [(partial.debit_move_id, partial.credit_move_id, 1, partial.debit_amount_currency)]
            sides.append((partial.credit_move_id, partial.debit_move_id, -1, partial.credit_amount_currency))
            for own, other, sign, amount in sides:
                if own in receivables:
                    before = totals.get(other, (0.0, 0.0))
                    totals[other] = (before[0] + sign * amount, before[1] + sign * partial.amount)
        return [
            booking
            for item, (amount, book_amount) in totals.items()
            if not item._is_from_payt(self)
            for booking in self._get_payt_bookings(item, amount, book_amount)
        ]

    def _get_payt_receivables(self):
        return self.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")

    def _get_payt_bookings(self, item, amount, book_amount):
        """One journal item, as one booking or, where part of it was written off, as two."""
        currency, book_currency = self.currency_id, self.company_currency_id
        amount, book_amount = currency.round(amount), book_currency.round(book_amount)
        if not amount and not book_amount:
            return []
        kind = item._get_payt_transaction_type()
        share = item._get_payt_written_off_share() if kind in ("payment", "settlement") else 0.0
        written_off, book_written_off = currency.round(amount * share), book_currency.round(book_amount * share)
        amounts = []
        if share < 1.0:
            rest, book_rest = amount - written_off, book_amount - book_written_off
            amounts.append(self._get_payt_booking(item, kind, currency.round(rest), book_currency.round(book_rest)))
        if written_off or book_written_off:
            amounts.append(
                self._get_payt_booking(item, "write_off", written_off, book_written_off, suffix=WRITTEN_OFF, place=1)
            )
        return amounts

    def _get_payt_booking(self, item, kind, amount, book_amount, suffix="", place=0, reversal_code=""):
        return PaytAmount(
            key=f"{self.id}-{item.id}{suffix}",
            date=item.date,
            kind=kind,
            amount=amount,
            book_amount=book_amount,
            place=place,
            description=item.move_id.name or "",
            method="direct_debit" if item.payment_id.payment_method_id.code == DIRECT_DEBIT else "bank_transfer",
            reversal_code=reversal_code,
        )

    # === BUSINESS: RETURNED BY THE BANK

    def _get_payt_returned(self):
        """Payments that the bank took back, each with its reversal.

        They are no longer reconciled with the invoice, but with the return, which knows the invoice.
        """
        receivables = self._get_payt_receivables()
        partials = self.env["account.partial.reconcile"].search(
            [("origin_returned_move_ids", "in", receivables.ids)], order="id"
        )
        amounts = []
        for partial in partials:
            if partial.credit_move_id._is_from_payt():
                continue
            amount, book_amount = self._get_payt_returned_amounts(partial)
            code = partial._get_payt_reversal_code()
            # a payment and its return have no other name than the payment's while it stood
            paid = self._get_payt_booking(partial.credit_move_id, "payment", amount, book_amount)
            back = self._get_payt_booking(
                partial.debit_move_id, "reversal", -amount, -book_amount, RETURNED, 2, reversal_code=code
            )
            amounts += [paid, back]
        return amounts

    def _get_payt_returned_amounts(self, partial):
        """This invoice's part of a returned payment, which may have paid several: each its total, in their order."""
        left, book_left = partial.credit_amount_currency, partial.amount
        currency = partial.credit_move_id.currency_id
        lines = partial.origin_returned_move_ids.sorted(lambda line: (line.date_maturity or line.date, line.id))
        amount = book_amount = 0.0
        for line in lines:
            last = line == lines[-1:]
            part = left if last else min(left, abs(line.amount_currency))
            book_part = book_left if last else min(book_left, abs(line.balance))
            left, book_left = left - part, book_left - book_part
            if line.currency_id != currency:  # paid in another one: by what it is in the books
                part = book_part * abs(line.amount_currency / line.balance) if line.balance else 0.0
            if line.move_id == self:
                amount, book_amount = amount + part, book_amount + book_part
        return self.currency_id.round(amount), self.company_currency_id.round(book_amount)

    # === BUSINESS: CANCELLED

    def _get_payt_settlement(self, amounts):
        """What a cancelled invoice still has open at PAYT, settled."""
        sign = -1 if self.move_type == "out_refund" else 1
        amount = self.currency_id.round(sign * self.amount_total - sum(b.amount for b in amounts))
        book_amount = self.company_currency_id.round(self.amount_total_signed - sum(b.book_amount for b in amounts))
        if not amount and not book_amount:
            return []
        days = [self.invoice_date or self.date, *(booking.date for booking in amounts)]
        return [
            PaytAmount(
                f"{self.id}{SETTLED}", max(days), "settlement", amount, book_amount, place=3, description=self.name
            )
        ]

    # === BUSINESS: MONEY THAT PAYT HAS ON AN INVOICE AND ODOO HASN'T
    # Over-payments, and what PAYT read from the bank first. PAYT knows it already, so it isn't reported. The open
    # amount takes it into account. Where such a credit pays another invoice, PAYT hears of a settlement on both.

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
            is_undone = (payment.payt_reversal_id or payment.sudo().payt_reversal_ids) and (
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
