import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date

from odoo import fields, models

DIRECT_DEBIT = "sepa_direct_debit"
RETURNED, SETTLED, WRITTEN_OFF = "-R", "-S", "-W"  # behind the identifier of what they belong to
UNFOLLOWED = "pending"  # state of a record of PAYT that wasn't looked at yet
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
    cost_type: str = ""


class AccountMove(models.Model):
    """The payments of an invoice as PAYT wants them: all of them, oldest first, each under a name of its own."""

    _inherit = "account.move"

    payt_money_told = fields.Json(
        string="Amounts told to PAYT",
        copy=False, readonly=True, help="The totals and those payments of ours that PAYT was told last."
    )

    def _prepare_payt_payments(self):
        """The list for PAYT: what we booked and, where it takes the list for the whole, what PAYT itself has.

        Its own are in it by its numbers. Where PAYT keeps them beside the list, they would be there twice.
        """
        self.ensure_one()
        amounts, _missing = self._get_payt_read_by_bank(self._get_payt_all_bookings())
        backend = self.company_id._get_payt_backend()
        if backend.payments_list == "all":
            amounts += [self._get_payt_own_booking(*payment) for payment in self._get_payt_own_payments().items()]
            amounts.sort(key=lambda booking: (booking.date, booking.place, booking.key))
        return [self._prepare_payt_payment(booking) for booking in amounts]

    # === BUSINESS: TOLD

    def _is_payt_money_told(self, payload):
        # OVERRIDE the hook of outbox
        self.ensure_one()
        return self.payt_money_told == self._get_payt_money(payload)

    def _note_payt_money(self, payload):
        # OVERRIDE the hook of outbox
        self.sudo().payt_money_told = payload and self._get_payt_money(payload)

    def _get_payt_money(self, payload):
        """The totals, the lines' checksum, and those payments of which the name begins with our invoice."""
        lines = json.dumps(payload.get("invoice_lines"), sort_keys=True, default=str)
        return {
            **{name: payload.get(name) for name in ("amount_total", "book_amount_total")},
            "lines": hashlib.sha256(lines.encode()).hexdigest(),
            "payments": [
                {name: str(value) for name, value in payment.items()}
                for payment in payload.get("payments", [])
                if payment["origin_identifier"].startswith(f"{self.id}-")
            ],
        }

    # === BUSINESS: WHAT PAYT HAS ITSELF

    def _get_payt_own_payments(self):
        """PAYT's payments on this invoice that Odoo didn't report, as PAYT said them last.

        :return: dict of ``payt.mirror`` payload by PAYT's number
        """
        self.ensure_one()
        rows = self._get_payt_payment_rows()
        unmarked = {row.payt_id: row.payload for row in rows if not self._is_payt_marked(row.payload)}
        followed = {row.payt_id for row in rows if row.model == "account.move" and row.payt_id in unmarked}
        booked = {row.payt_id for row in rows if row.model == "account.payment"}
        ours = self._match_payt_reported({number: unmarked[number] for number in unmarked.keys() - booked}, followed)
        return {row.payt_id: row.payload for row in rows if row.payt_id not in ours}

    def _get_payt_payment_rows(self):
        """:return: ``payt.mirror`` records, of the payments that PAYT has on this invoice"""
        backend, mirror = self.company_id._get_payt_backend(), self.env["payt.mirror"].sudo()
        if not self._may_payt_have_collected() or not backend:
            return mirror
        mirror.flush_model()
        self.env.cr.execute(
            """
            SELECT id FROM payt_mirror
             WHERE backend_id = %(backend)s AND resource = 'payments' AND deleted_at IS NULL
               AND payload ->> 'invoice_id' = COALESCE(%(invoice)s, (
                   SELECT payt_id FROM payt_mirror
                    WHERE backend_id = %(backend)s AND resource = 'invoices' AND deleted_at IS NULL
                      AND payload ->> 'invoice_number' = %(number)s LIMIT 1))
             ORDER BY length(payt_id), payt_id""",
            {"backend": backend.id, "invoice": self.payt_invoice_id or None, "number": self._get_payt_key_invoice()},
        )
        return mirror.browse([row_id for [row_id] in self.env.cr.fetchall()])

    def _is_payt_marked(self, payload):
        """Whether PAYT names a provider, a bank statement or costs, of which we never report anything."""
        transactions = (payload.get(name) or {} for name in ("psp_transaction", "bank_transaction"))
        is_of_costs = (payload.get("cost_type") or "principal") != "principal"
        return is_of_costs or any(transaction.get("id") for transaction in transactions)

    def _match_payt_reported(self, payments, known=()):
        """Match PAYT's payments one-to-one with what Odoo reports, or reported last: by date, amount and kind.

        PAYT doesn't give our names for them back.

        :param payments: dict of PAYT's payload by its number, the oldest first
        :param known: numbers that were recognised as ours before, which stay it
        :return: set of the numbers that are ours
        """
        told = (self.payt_money_told or {}).get("payments", [])
        left = Counter(
            (str(booking.date), f"{booking.amount:.2f}", booking.kind) for booking in self._get_payt_all_bookings()
        ) | Counter((payment["payment_date"], payment["amount"], payment["transaction_type"]) for payment in told)
        ours = set()
        for number, payload in sorted(payments.items(), key=lambda item: item[0] not in known):
            amount = float(payload.get("total_amount") or 0)
            key = (payload.get("payment_date"), f"{amount:.2f}", payload.get("transaction_type") or "payment")
            if number in known or left[key] > 0:
                left[key] -= 1
                ours.add(number)
        return ours

    def _may_payt_have_collected(self):
        # OVERRIDE the hook of outbox
        return bool(self.payt_invoice_id or self.payt_pushed_at)

    def _has_payt_unfollowed_payments(self):
        # OVERRIDE the hook of outbox
        own = self._get_payt_own_payments()
        return any(row.state == UNFOLLOWED and row.payt_id in own for row in self._get_payt_payment_rows())

    def _get_payt_own_booking(self, number, payload):
        amount = float(payload.get("total_amount") or 0)
        return PaytAmount(
            key=number,
            date=fields.Date.to_date(payload.get("payment_date")) or self.invoice_date,
            kind=payload.get("transaction_type") or "payment",
            amount=amount,
            book_amount=float(payload.get("total_book_amount") or amount),
            description=payload.get("description") or "",
            method=payload.get("payment_method") or "",
            reversal_code=payload.get("reversal_code") or "",
            cost_type=payload.get("cost_type") or "",
        )

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
            "cost_type": booking.cost_type,
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
