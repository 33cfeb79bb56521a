from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tools import format_date

from . import lookup
from .base import PaytWaits
from .paid_invoices import UNFOLLOWED
from .payload import PaymentPayload

# how long the other reversals of the same transaction are waited for
TRIES_FOR_SIBLINGS = 3
WAIT_FOR_SIBLINGS = timedelta(minutes=15)


class Reversals:
    """Payments taken back, and payments deleted at PAYT.

    A payment of an invoice is undone as one that the bank returned: through a payment return with the reason code,
    which applies the policy of that code. What one transaction paid is returned at once, so that a debit that bounced
    is one reversal however many invoices it had paid.

    :param backend: ``payt.backend`` record
    """

    def __init__(self, backend):
        self.backend = backend
        self.company = backend.company_id
        self.env = backend.env

    # === DELETED

    def follow_deletion(self, row):
        """What isn't booked needs nothing; what is booked, a person decides about."""
        if payment := self._get_standing(row):
            raise UserError(
                self.env._(
                    "PAYT deleted payment %(number)s, which is booked here as %(payment)s. "
                    "Undo it here if that is right.",
                    number=row.payt_id,
                    payment=payment.display_name,
                )
            )
        return lookup.find_payment(self.backend, row.payt_id)

    def undo_deleted(self, row):
        """Take back here, with an entry of its own, a payment that PAYT deleted after it was booked."""
        payment = self._get_standing(row)
        if not payment:
            return
        day = self.backend._get_open_date(payment.date)
        amount = payment._get_payt_standing()
        payment._reverse_payt(day, self.env._("Payment %s was deleted at PAYT", row.payt_id), amount)
        payment._note_payt_reversal(f"deleted-{row.payt_id}", amount)

    def _get_standing(self, row):
        """The payment that was booked for this row, unless it was undone."""
        return lookup.find_payment(self.backend, row.payt_id).filtered(
            lambda payment: (
                payment.payt_payment_id == row.payt_id and not payment.payt_reversal_id and payment.state != "canceled"
            )
        )

    # === TAKEN BACK

    def follow(self, row, move):
        """Take back what a reversal of PAYT takes back.

        :param row: ``payt.mirror`` record of the reversal
        :param move: the invoice
        :return: the payment that was taken back
        """
        payment = self._find_reversed(row, move)
        if not payment:
            self._refuse_unknown(row, move)
        if payment.state == "canceled":
            payment.payt_reversal_id = row.payt_id  # undone by hand
        elif payment.payt_cost_type:
            day = self.backend._get_open_date(self._get_day(row))
            amount = abs(PaymentPayload(row).get_amount())
            payment._reverse_payt(day, self.env._("PAYT reversal %s", row.payt_id), amount)
            payment._note_payt_reversal(row.payt_id, amount)
        else:
            self._return_payments(row, payment)
        return payment

    def _get_day(self, row):
        return PaymentPayload(row).day or fields.Date.context_today(self.backend)

    def _find_reversed(self, row, move):
        """The booked payment that this takes back, or a part of: the smallest of which so much still stands.

        One that was undone by hand, of just this amount, is taken when no other fits.
        """
        amount, compare = abs(PaymentPayload(row).get_amount()), move.currency_id.compare_amounts
        payments = self._get_candidates(row, move)
        fitting = payments.filtered(lambda payment: compare(payment._get_payt_standing(), amount) >= 0)
        by_hand = payments.filtered(lambda payment: payment.state == "canceled" and not compare(payment.amount, amount))
        return (fitting.sorted(lambda payment: (payment._get_payt_standing(), payment.id)) or by_hand)[:1]

    def _get_candidates(self, row, move):
        """The booked payments of the same transaction, invoice and kind that weren't taken back as a whole."""
        said = PaymentPayload(row)
        domain = [
            *(("company_id", "=", self.company.id), ("payt_move_id", "=", move.id)),
            *(("payt_payment_id", "!=", False), ("payt_reversal_id", "=", False)),
            *(("payt_transaction_id", "=", said.transaction_id), ("payt_cost_type", "=", said.cost_type)),
        ]
        return self.env["account.payment"].sudo().search(domain, order="amount, id")

    def _refuse_unknown(self, row, move):
        """Wait for the payment, as long as it may still be followed."""
        said = PaymentPayload(row)
        for other in self._get_rows_of_transaction(row):
            if other.state in UNFOLLOWED and PaymentPayload(other).get_amount() > 0:
                raise PaytWaits(self.env._("Waits for the payment that it takes back."))
        if payments := self._get_candidates(row, move).filtered(lambda payment: payment._get_payt_standing()):
            raise UserError(
                self.env._(
                    "PAYT took back %(amount)s of %(invoice)s, but of what it paid only this still stands: "
                    "%(payments)s. Look at PAYT what it takes back, and book it by hand.",
                    amount=f"{abs(said.get_amount()):.2f}",
                    invoice=move.display_name,
                    payments=", ".join(
                        f"{payment.display_name} {payment._get_payt_standing():.2f}" for payment in payments
                    ),
                )
            )
        raise UserError(
            self.env._(
                "PAYT took back %(amount)s of %(invoice)s, of which Odoo knows no payment of PAYT.",
                amount=f"{abs(said.get_amount()):.2f}",
                invoice=move.display_name,
            )
        )

    def _get_rows_of_transaction(self, row):
        """PAYT's payments and reversals with the same transaction; none where it has none."""
        transaction = PaymentPayload(row).transaction_id
        return lookup.get_rows_of_transaction(self.backend, transaction) if transaction else row.browse()

    # === RETURNS

    def _return_payments(self, row, payment):
        """Return a payment, together with those that the same transaction takes back on other invoices."""
        returned = {row: payment, **self._get_siblings(row, payment)}
        self._check_all_returned(row, returned)
        payment_return = self.env["payment.return"].sudo().create(self._prepare_return(row, returned))
        payment_return.action_confirm()
        for reversal, paid in returned.items():
            paid._note_payt_reversal(reversal.payt_id, abs(PaymentPayload(reversal).get_amount()))
            self._allocate_rest(paid)

    def _check_all_returned(self, row, returned):
        """:raise PaytWaits: while other payments of the transaction stand, for a quarter of an hour"""
        transaction = PaymentPayload(row).transaction_id
        if not transaction:
            return
        standing = self.env["account.payment"].sudo()
        standing = standing.search(
            [
                *(("company_id", "=", self.company.id), ("payt_transaction_id", "=", transaction)),
                *(("payt_reversal_id", "=", False), ("payt_cost_type", "=", False), ("state", "!=", "canceled")),
            ]
        )
        has_waited = row.tries >= TRIES_FOR_SIBLINGS or row._has_waited(WAIT_FOR_SIBLINGS)
        if standing - standing.union(*returned.values()) and not has_waited:
            raise PaytWaits(self.env._("Waits for the other reversals of transaction %s.", transaction))

    def _get_siblings(self, row, taken):
        """The other reversals of a transaction, with the payment that each takes back.

        :param taken: the payment that ``row`` itself takes back

        :return: dict of row to payment
        """
        rows = self._get_rows_of_transaction(row)
        moves = lookup.get_followers(self.backend, "invoices", [PaymentPayload(one).invoice_id for one in rows])
        found = {}
        for other in rows - row:
            said = PaymentPayload(other)
            move = moves.get(said.invoice_id)
            if not move or said.get_amount() >= 0 or said.cost_type:
                continue
            if lookup.find_payment(self.backend, other.payt_id):
                continue  # booked already
            payment = self._find_reversed(other, move)
            if payment and payment != taken and payment not in found.values():  # another part of one has its own turn
                found[other] = payment
        return found

    def _prepare_return(self, row, returned):
        backend = self.backend
        day = self._get_day(row)
        open_day = backend._get_open_date(day)
        name = self.env._("PAYT %s", PaymentPayload(row).transaction_id or row.payt_id)
        if open_day != day:
            name = self.env._("%(name)s, taken back on %(day)s", name=name, day=format_date(self.env, day))
        by_account = {}
        for reversal, payment in returned.items():
            account = payment._get_payt_counterparts().account_id[:1]
            # what is taken back in part has a line of its own, as a line is spread over its payments in their order
            said = abs(PaymentPayload(reversal).get_amount())
            is_part = payment.currency_id.compare_amounts(said, payment.amount)
            by_account.setdefault((account, is_part and payment.id), {})[reversal] = payment
        return {
            "company_id": backend.company_id.id,
            "journal_id": backend.journal_id.id,
            "payment_method_line_id": backend._get_clearing_method().id,
            "date": open_day,
            "name": name,
            "line_ids": [Command.create(self._prepare_return_line(row, part)) for part in by_account.values()],
        }

    def _prepare_return_line(self, row, returned):
        said = PaymentPayload(row)
        code = (said.payload.get("reversal_code") or said.transaction.get("reversal_code") or "").upper()
        reason = self.env["payment.return.reason"].sudo().search([("code", "=", code)], limit=1) if code else False
        items = self.env["account.move.line"]
        amount = 0.0
        for reversal, payment in returned.items():
            lines = payment._get_payt_counterparts()
            items |= lines
            taken, before = abs(PaymentPayload(reversal).get_amount()), payment.amount - payment._get_payt_standing()
            amount += payment._get_payt_part(self.company.currency_id, sum(lines.mapped("credit")), before, taken)
        return {
            "partner_id": items.partner_id[:1].id,
            "move_line_ids": [Command.set(items.ids)],
            "amount": amount,
            "date": self._get_day(row),
            "reference": said.transaction_id or row.payt_id,
            "return_code": code,
            "reason_id": reason.id if reason else False,
            "reason_additional_information": said.payload.get("description") or False,
        }

    def _allocate_rest(self, payment):
        """What wasn't taken back still pays the invoice."""
        rest = payment._get_payt_counterparts().filtered(lambda line: not line.reconciled)
        open_items = payment.payt_move_id._get_payt_receivables().filtered(lambda line: not line.reconciled)
        if rest and open_items and payment.payt_move_id.state == "posted":
            (rest | open_items).reconcile()
