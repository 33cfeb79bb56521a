from datetime import date

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..incoming.payt_mirror_apply import PaytLeft, PaytWaits

PRINCIPAL = "principal"
UNFOLLOWED = ("pending", "waiting", "error")


class PaytMirror(models.Model):
    """Payments: what PAYT collected is booked on the clearing journal, and nothing else is.

    Whose a payment is, ``readme/MONEY.md`` explains: with a provider's transaction it is PAYT's, with a bank
    transaction that of Odoo's own bank statement, and otherwise it is compared with what Odoo reported.
    """

    _inherit = "payt.mirror"

    _payments_of_invoice = models.Index("(backend_id, (payload ->> 'invoice_id')) WHERE resource = 'payments'")
    _payments_of_transaction = models.Index(
        "(backend_id, (payload -> 'psp_transaction' ->> 'id')) WHERE resource = 'payments'"
    )

    def _get_known_payments(self):
        """The invoices of these payments, and room for what is read of each of them once."""
        ids = {payt_id for row in self if (payt_id := row._get_payment_invoice_id())}
        rows = self.search(
            [("backend_id", "in", self.backend_id.ids), ("resource", "=", "invoices"), ("payt_id", "in", list(ids))]
        )
        return {
            "rows": {row.payt_id: row for row in rows},
            "moves": self._get_followed("account.move", "invoices", ids),
            "own": {},
        }

    def _apply_payments(self, known):
        row = self.with_context(payt_following=True)
        if booked := row._get_booked():
            row._check_still_as_booked(booked)
            return booked
        move = row._get_payment_move(known)
        if not move:
            return None  # on an invoice of somebody else
        row._check_whose(move)
        if row._is_own(move, known):
            return move
        amount = row._get_money("total_amount")
        kind = row.payload.get("transaction_type") or "payment"
        if not amount:
            return None
        if kind == "reversal" or (amount < 0 and kind == "payment"):
            return row._follow_reversal(move)
        if kind != "payment":
            raise UserError(
                self.env._(
                    "PAYT booked %(amount)s on %(invoice)s as %(kind)s. Book it here too if it is right.",
                    amount=f"{amount:.2f}",
                    invoice=move.display_name,
                    kind=kind,
                )
            )
        return row._book_payment(move)

    # === WHAT THE ROW SAYS

    def _get_money(self, name):
        return float(self.payload.get(name) or 0)

    def _get_payment_date(self):
        text = self.payload.get("payment_date")
        return date.fromisoformat(text[:10]) if text else fields.Date.context_today(self)

    def _get_transaction(self):
        """The provider's transaction, as PAYT gives it with the payment."""
        transaction = self.sudo().payload.get("psp_transaction") or {}
        return transaction if transaction.get("id") else {}

    def _get_transaction_id(self):
        number = self._get_transaction().get("id")
        return str(number) if number else False

    def _get_cost_type(self):
        cost_type = self.payload.get("cost_type") or PRINCIPAL
        return False if cost_type == PRINCIPAL else cost_type

    def _get_payment_invoice_id(self):
        """PAYT's id of the invoice; costs of a credit case may only have those of the transaction."""
        numbers = [self.sudo().payload.get("invoice_id"), *(self._get_transaction().get("invoice_ids") or [])]
        return next((str(number) for number in numbers if number), False)

    def _get_payment_move(self, known):
        """The Odoo invoice.

        :return: ``account.move``, empty for an invoice that isn't Odoo's
        :raise PaytWaits: while it isn't known whose it is
        """
        number = self._get_payment_invoice_id()
        if not number:
            raise UserError(self.env._("PAYT doesn't say which invoice this pays."))
        invoice_row = known["rows"].get(number)
        move = known["moves"].get(number, self.env["account.move"])
        if not move and (not invoice_row or invoice_row.state in UNFOLLOWED):
            raise PaytWaits(self.env._("Waits for PAYT's invoice %s.", number))
        return move.with_env(self.env).sudo()

    def _check_whose(self, move):
        """A payment PAYT read from a bank statement is Odoo's to book, from the same statement."""
        if self.payload.get("bank_transaction") and not self._get_transaction():
            raise PaytLeft(
                self.env._(
                    "PAYT read it from a bank statement: Odoo books it from its own statement, on %s.",
                    move.display_name,
                ),
                move,
            )

    # === BOOKED ALREADY

    def _get_booked(self):
        """The payment that this row is, or takes back."""
        return (
            self.env["account.payment"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.company_id.id),
                    *("|", ("payt_payment_id", "=", self.payt_id), ("payt_reversal_id", "=", self.payt_id)),
                ],
                limit=1,
            )
        )

    def _check_still_as_booked(self, payment):
        amount = self._get_money("total_amount")
        if payment.payt_payment_id == self.payt_id and payment.currency_id.compare_amounts(payment.amount, amount):
            raise UserError(
                self.env._(
                    "PAYT changed this payment from %(before)s to %(now)s after it was booked as %(payment)s.",
                    before=f"{payment.amount:.2f}",
                    now=f"{amount:.2f}",
                    payment=payment.display_name,
                )
            )

    # === BOOKING

    def _book_payment(self, move):
        backend = self.backend_id
        method = backend._get_clearing_method()
        receivable = move._get_payt_receivables()[:1]
        costs = self._get_cost_type()
        account = backend._get_costs_account(costs) if costs else receivable.account_id
        payments = self.env["account.payment"].sudo()
        payment = payments.create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": (receivable.partner_id or move.commercial_partner_id).id,
                "amount": self._get_money("total_amount"),
                "currency_id": move.currency_id.id,
                "date": backend._get_open_date(self._get_payment_date()),
                "journal_id": backend.journal_id.id,
                "payment_method_line_id": method.id,
                "destination_account_id": account.id,
                "memo": self._get_memo(move),
                "payt_payment_id": self.payt_id,
                "payt_transaction_id": self._get_transaction_id(),
                "payt_cost_type": costs,
                "payt_move_id": move.id,
            }
        )
        if move.currency_id != move.company_currency_id and self._is_in_our_currency():
            payment._generate_journal_entry(force_balance=self._get_money("total_book_amount"))
        payment.action_post()
        self._note_debit(move, self._get_payment_date())
        if not costs:
            self._allocate(payment, move)
        return payment

    def _is_in_our_currency(self):
        """Whether PAYT keeps its books in our currency, so that its amounts are ours."""
        theirs = self.backend_id.administration_currency
        return bool(self.payload.get("total_book_amount")) and theirs in (False, self.company_id.currency_id.name)

    def _get_memo(self, move):
        """What the books and the bank statement's search show: PAYT's ids, the invoice and, if need be, the day."""
        words = [self.env._("PAYT payment %s", self.payt_id)]
        if transaction := self._get_transaction_id():
            words.append(self.env._("transaction %s", transaction))
        words.append(move.name or move.display_name)
        day = self._get_payment_date()
        if self.backend_id._get_open_date(day) != day:
            words.append(self.env._("paid on %s", format_date(self.env, day)))
        if description := self.payload.get("description"):
            words.append(description)
        return ", ".join(words)

    def _allocate(self, payment, move):
        """Reconcile a payment with its invoice; what is left stays the customer's credit."""
        is_open = move.state == "posted" and not move.currency_id.is_zero(move.amount_residual)
        if is_open:
            receivables = move._get_payt_receivables() | payment._get_payt_counterparts()
            receivables.filtered(lambda line: not line.reconciled).reconcile()
            return
        user = self.backend_id.responsible_id or self.env.ref("base.user_admin")
        move.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("PAYT collected money for an invoice with nothing to pay"),
            note=self.env._("%s is open as the customer's credit: pay it back or use it.", payment.display_name),
            user_id=user.id,
        )

    def _note_debit(self, move, day):
        """A mandate lapses 36 months after its last debit, also if PAYT's provider did that."""
        method = self._get_transaction().get("payment_method") or self.payload.get("payment_method")
        if method == "direct_debit":
            self._note_mandate_debit(move, day)

    def _note_mandate_debit(self, move, day):
        debtor = move.commercial_partner_id.with_company(move.company_id)
        mandate = move.mandate_id.sudo() or debtor._get_billing_mandate(move.company_id).sudo()
        if mandate and day > max(filter(None, (mandate.signature_date, mandate.last_debit_date)), default=date.min):
            mandate.last_debit_date = day
