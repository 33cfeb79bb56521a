from datetime import date

from odoo import fields
from odoo.exceptions import UserError
from odoo.tools import format_date

from . import lookup
from .base import Handler, PaytLeft
from .own_payments import OwnPayments
from .paid_invoices import PaidInvoices
from .payload import PaymentPayload
from .reversals import Reversals


class PaymentsHandler(Handler):
    """Payments: what PAYT collected is booked on the clearing journal, and nothing else is.

    Whose a payment is, ``readme/MONEY.md`` explains: with a provider's transaction it is PAYT's, with a bank
    transaction that of Odoo's own bank statement, and otherwise it is compared with what Odoo reported.
    """

    resource = "payments"
    context = {"payt_following": True}

    def prepare(self):
        ids = {payt_id for row in self.rows if (payt_id := PaymentPayload(row).invoice_id)}
        self.invoices = PaidInvoices(self.backend, ids)
        self.own = OwnPayments(self.backend)
        self.reversals = Reversals(self.backend)

    def apply(self, row):
        if booked := lookup.find_payment(self.backend, row.payt_id):
            self._check_still_as_booked(row, booked)
            return booked
        said = PaymentPayload(row)
        if not said.invoice_id:
            raise UserError(self.env._("PAYT doesn't say which invoice this pays."))
        move = self.invoices.get_move(said.invoice_id)
        if not move:
            return None  # on an invoice of somebody else
        self._check_whose(said, move)
        if self.own.is_own(row, move):
            return move
        return self._follow_money(row, move)

    def apply_deleted(self, row):
        return self.reversals.follow_deletion(row)

    def undo_deleted(self, row):
        """A person wants it: take back what was booked for a payment that PAYT deleted."""
        Reversals(self.backend).undo_deleted(row.with_env(self.env))

    def _follow_money(self, row, move):
        """Book what came in, or take back what was booked."""
        said = PaymentPayload(row)
        amount = said.get_amount()
        if not amount:
            return None
        if said.kind == "reversal" or (amount < 0 and said.kind == "payment"):
            return self.reversals.follow(row, move)
        if said.kind != "payment":
            raise UserError(
                self.env._(
                    "PAYT booked %(amount)s on %(invoice)s as %(kind)s. Book it here too if it is right.",
                    amount=f"{amount:.2f}",
                    invoice=move.display_name,
                    kind=said.kind,
                )
            )
        return self._book_payment(row, move)

    # === WHOSE IT IS

    def _check_whose(self, said, move):
        """A payment PAYT read from a bank statement is Odoo's to book, from the same statement."""
        if said.is_of_bank_statement:
            raise PaytLeft(
                self.env._(
                    "PAYT read it from a bank statement: Odoo books it from its own statement, on %s.",
                    move.display_name,
                ),
                move,
            )

    def _check_still_as_booked(self, row, payment):
        amount = PaymentPayload(row).get_amount()
        if payment.payt_payment_id == row.payt_id and payment.currency_id.compare_amounts(payment.amount, amount):
            raise UserError(
                self.env._(
                    "PAYT changed this payment from %(before)s to %(now)s after it was booked as %(payment)s.",
                    before=f"{payment.amount:.2f}",
                    now=f"{amount:.2f}",
                    payment=payment.display_name,
                )
            )

    # === BOOKING

    def _book_payment(self, row, move):
        said = PaymentPayload(row)
        payment = self.env["account.payment"].sudo().create(self._prepare_payment(row, move))
        if move.currency_id != move.company_currency_id and self._is_in_our_currency(said):
            payment._generate_journal_entry(force_balance=said.get_amount("total_book_amount"))
        payment.action_post()
        self._note_debit(said, move)
        if not said.cost_type:
            self._allocate(payment, move)
        return payment

    def _prepare_payment(self, row, move):
        said = PaymentPayload(row)
        backend = self.backend
        method = backend._get_clearing_method()
        receivable = move._get_payt_receivables()[:1]
        costs = said.cost_type
        account = backend._get_costs_account(costs) if costs else receivable.account_id
        return {
            "payment_type": "inbound",
            "partner_type": "customer",
            "partner_id": (receivable.partner_id or move.commercial_partner_id).id,
            "amount": said.get_amount(),
            "currency_id": move.currency_id.id,
            "date": backend._get_open_date(self._get_day(said)),
            "journal_id": backend.journal_id.id,
            "payment_method_line_id": method.id,
            "destination_account_id": account.id,
            "memo": self._get_memo(row, move),
            "payt_payment_id": row.payt_id,
            "payt_transaction_id": said.transaction_id,
            "payt_cost_type": costs,
            "payt_move_id": move.id,
        }

    def _get_day(self, said):
        return said.day or fields.Date.context_today(self.backend)

    def _is_in_our_currency(self, said):
        """Whether PAYT keeps its books in our currency, so that its amounts are ours."""
        currency = self.backend.administration_currency
        return bool(said.payload.get("total_book_amount")) and currency in (False, self.company.currency_id.name)

    def _get_memo(self, row, move):
        """What the books and the bank statement's search show: PAYT's ids, the invoice and, if need be, the day."""
        said = PaymentPayload(row)
        words = [self.env._("PAYT payment %s", row.payt_id)]
        if said.transaction_id:
            words.append(self.env._("transaction %s", said.transaction_id))
        words.append(move.name or move.display_name)
        day = self._get_day(said)
        if self.backend._get_open_date(day) != day:
            words.append(self.env._("paid on %s", format_date(self.env, day)))
        if description := said.payload.get("description"):
            words.append(description)
        return ", ".join(words)

    def _allocate(self, payment, move):
        """Reconcile a payment with its invoice; what is left stays the customer's credit."""
        is_open = move.state == "posted" and not move.currency_id.is_zero(move.amount_residual)
        if is_open:
            receivables = move._get_payt_receivables() | payment._get_payt_counterparts()
            receivables.filtered(lambda line: not line.reconciled).reconcile()
            return
        user = self.backend.responsible_id or self.env.ref("base.user_admin")
        move.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("PAYT collected money for an invoice with nothing to pay"),
            note=self.env._("%s is open as the customer's credit: pay it back or use it.", payment.display_name),
            user_id=user.id,
        )

    def _note_debit(self, said, move):
        """A mandate lapses 36 months after its last debit, also if PAYT's provider did that."""
        method = said.transaction.get("payment_method") or said.payload.get("payment_method")
        if method == "direct_debit":
            note_mandate_debit(move, self._get_day(said))


def note_mandate_debit(move, day):
    """Note that the mandate of an invoice was used."""
    debtor = move.commercial_partner_id.with_company(move.company_id)
    mandate = move.mandate_id.sudo() or debtor._get_billing_mandate(move.company_id).sudo()
    if mandate and day > max(filter(None, (mandate.signature_date, mandate.last_debit_date)), default=date.min):
        mandate.last_debit_date = day
