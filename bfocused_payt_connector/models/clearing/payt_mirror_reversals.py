from datetime import timedelta

from odoo import Command, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..incoming.payt_mirror_apply import PaytWaits

# how long the other reversals of the same transaction are waited for
TRIES_FOR_SIBLINGS = 3
WAIT_FOR_SIBLINGS = timedelta(minutes=15)


class PaytMirror(models.Model):
    """Payments taken back, and payments deleted at PAYT.

    A payment of an invoice is undone as one that the bank returned: through a payment return with the reason code,
    which applies the policy of that code. What one transaction paid is returned at once, so that a debit that bounced
    is one reversal however many invoices it had paid.
    """

    _inherit = "payt.mirror"

    # === ACTIONS

    def action_undo_payment(self):
        """Take back here, with an entry of its own, a payment that PAYT deleted after it was booked."""
        self.check_access("read")
        self.env["account.payment"].check_access("write")
        for row in self.sudo().filtered(lambda row: row.resource == "payments" and row.deleted_at):
            if payment := row._get_standing():
                row._undo_deleted(payment)
            row.action_try_again()

    def _undo_deleted(self, payment):
        day = self.backend_id._get_open_date(payment.date)
        payment.with_context(payt_following=True)._reverse_payt(
            day, self.env._("Payment %s was deleted at PAYT", self.payt_id)
        )
        payment.payt_reversal_id = f"deleted-{self.payt_id}"

    # === DELETED

    def _apply_deleted_payments(self, known):
        """What isn't booked needs nothing; what is booked, a person decides about."""
        if payment := self._get_standing():
            raise UserError(
                self.env._(
                    "PAYT deleted payment %(number)s, which is booked here as %(payment)s. "
                    "Undo it here if that is right.",
                    number=self.payt_id,
                    payment=payment.display_name,
                )
            )
        return self._get_booked()

    def _get_standing(self):
        """The payment that was booked for this row, unless it was undone."""
        return self._get_booked().filtered(
            lambda payment: (
                payment.payt_payment_id == self.payt_id and not payment.payt_reversal_id and payment.state != "canceled"
            )
        )

    # === TAKEN BACK

    def _follow_reversal(self, move):
        payment = self._find_reversed(move)
        if not payment:
            self._refuse_unknown_reversal(move)
        if payment.state == "canceled":
            payment.payt_reversal_id = self.payt_id  # undone by hand
        elif payment.payt_cost_type:
            day = self.backend_id._get_open_date(self._get_payment_date())
            payment._reverse_payt(day, self.env._("PAYT reversal %s", self.payt_id))
            payment.payt_reversal_id = self.payt_id
        else:
            self._return_payments(payment)
        return payment

    def _find_reversed(self, move):
        """The booked payment that this takes back: of the same transaction and invoice, and of its amount or more."""
        domain = [
            *(("company_id", "=", self.company_id.id), ("payt_move_id", "=", move.id)),
            *(("payt_payment_id", "!=", False), ("payt_reversal_id", "=", False)),
            *(
                ("payt_transaction_id", "=", self._get_transaction_id()),
                ("payt_cost_type", "=", self._get_cost_type()),
            ),
            ("amount", ">=", abs(self._get_money("total_amount")) - move.currency_id.rounding / 2),
        ]
        # the one of just this amount, or else the largest
        return self.env["account.payment"].sudo().search(domain, order="amount, id", limit=1)

    def _refuse_unknown_reversal(self, move):
        """Wait for the payment, as long as it may still be followed."""
        transaction = self._get_transaction_id()
        for row in self._get_rows_of_transaction(transaction) if transaction else []:
            if row.state in ("pending", "waiting", "error") and row._get_money("total_amount") > 0:
                raise PaytWaits(self.env._("Waits for the payment that it takes back."))
        raise UserError(
            self.env._(
                "PAYT took back %(amount)s of %(invoice)s, of which Odoo knows no payment of PAYT.",
                amount=f"{abs(self._get_money('total_amount')):.2f}",
                invoice=move.display_name,
            )
        )

    def _get_rows_of_transaction(self, transaction):
        """PAYT's payments and reversals with a provider's transaction.

        :param transaction: PAYT's id
        """
        self.flush_model()
        self.env.cr.execute(
            """
            SELECT id FROM payt_mirror
             WHERE backend_id = %s AND resource = 'payments' AND payload -> 'psp_transaction' ->> 'id' = %s
               AND deleted_at IS NULL ORDER BY id""",
            [self.backend_id.id, transaction],
        )
        return self.sudo().browse(row_id for [row_id] in self.env.cr.fetchall())

    def _return_payments(self, payment):
        """Return a payment, together with those that the same transaction takes back on other invoices."""
        returned = {self: payment}
        if transaction := self._get_transaction_id():
            returned |= self._get_siblings(transaction)
            standing = self.env["account.payment"].sudo()
            standing = standing.search(
                [
                    *(("company_id", "=", self.company_id.id), ("payt_transaction_id", "=", transaction)),
                    *(("payt_reversal_id", "=", False), ("payt_cost_type", "=", False), ("state", "!=", "canceled")),
                ]
            )
            has_waited = self.tries >= TRIES_FOR_SIBLINGS or self._has_waited(WAIT_FOR_SIBLINGS)
            if standing - payment.union(*returned.values()) and not has_waited:
                raise PaytWaits(self.env._("Waits for the other reversals of transaction %s.", transaction))
        backend = self.backend_id
        payment_return = self.env["payment.return"].sudo().create(self._prepare_return(backend, returned))
        payment_return.action_confirm()
        for row, paid in returned.items():
            paid.payt_reversal_id = row.payt_id
            row._allocate_rest(paid)

    def _get_siblings(self, transaction):
        """The other reversals of a transaction, with the payment that each takes back.

        :return: dict of row to payment
        """
        found = {}
        moves = self._get_followed(
            "account.move",
            "invoices",
            [row._get_payment_invoice_id() for row in self._get_rows_of_transaction(transaction)],
        )
        for row in self._get_rows_of_transaction(transaction) - self:
            move = moves.get(row._get_payment_invoice_id())
            if move and row._get_money("total_amount") < 0 and not row._get_cost_type() and not row._get_booked():
                if payment := row._find_reversed(move.sudo()):
                    found[row] = payment
        return found

    def _prepare_return(self, backend, returned):
        day = self._get_payment_date()
        open_day = backend._get_open_date(day)
        name = self.env._("PAYT %s", self._get_transaction_id() or self.payt_id)
        if open_day != day:
            name = self.env._("%(name)s, taken back on %(day)s", name=name, day=format_date(self.env, day))
        by_account = {}
        for row, payment in returned.items():
            account = payment._get_payt_counterparts().account_id[:1]
            by_account.setdefault(account, {})[row] = payment
        return {
            "company_id": backend.company_id.id,
            "journal_id": backend.journal_id.id,
            "payment_method_line_id": backend._get_clearing_method().id,
            "date": open_day,
            "name": name,
            "line_ids": [Command.create(self._prepare_return_line(rows)) for rows in by_account.values()],
        }

    def _prepare_return_line(self, returned):
        code = (self.payload.get("reversal_code") or self._get_transaction().get("reversal_code") or "").upper()
        reason = self.env["payment.return.reason"].sudo().search([("code", "=", code)], limit=1) if code else False
        items = self.env["account.move.line"]
        amount = 0.0
        for row, payment in returned.items():
            lines = payment._get_payt_counterparts()
            items |= lines
            share = abs(row._get_money("total_amount")) / payment.amount
            amount += self.company_id.currency_id.round(sum(lines.mapped("credit")) * min(share, 1.0))
        return {
            "partner_id": items.partner_id[:1].id,
            "move_line_ids": [Command.set(items.ids)],
            "amount": amount,
            "date": self._get_payment_date(),
            "reference": self._get_transaction_id() or self.payt_id,
            "return_code": code,
            "reason_id": reason.id if reason else False,
            "reason_additional_information": self.payload.get("description") or False,
        }

    def _allocate_rest(self, payment):
        """What wasn't taken back still pays the invoice."""
        rest = payment._get_payt_counterparts().filtered(lambda line: not line.reconciled)
        open_items = payment.payt_move_id._get_payt_receivables().filtered(lambda line: not line.reconciled)
        if rest and open_items and payment.payt_move_id.state == "posted":
            (rest | open_items).reconcile()
