"""Money that moves without us: payments by iDEAL, bank or direct debit, reversals, refunds, costs of a credit case."""

from decimal import Decimal
from typing import Any

from . import dunning, ledger, plans
from .mandates import active_mandate
from .problems import invalid
from .store import Record
from .world import ZERO, World, amount, text

# paid straight to the bank account, not through the provider
BY_BANK = {"bank_transfer"}


def pay(
    world: World, invoices: list[Record], value: Decimal | None, method: str, bailiff: bool = False
) -> list[Record]:
    """One payment over one or more invoices, the oldest first; what is too much goes to the last one.

    :param value: None for all that is open
    """
    if method == "direct_debit":
        _check_mandate(world, invoices)
    if value is None:
        value = sum((amount(invoice["open_amount"]) for invoice in invoices), ZERO)
    transaction = None if method in BY_BANK else _transaction(world, invoices, value, method, "paid")
    return book(world, invoices, value, method, transaction, "Paid to the bailiff" if bailiff else None)


def start_debit(world: World, invoices: list[Record]) -> Record:
    """A direct debit that is on its way to the bank."""
    _check_mandate(world, invoices)
    value = sum((amount(invoice["open_amount"]) for invoice in invoices), ZERO)
    return _transaction(world, invoices, value, "direct_debit", "pending")


def finish(world: World, transaction: Record, paid: bool, reason: str | None) -> None:
    """The bank's answer to a direct debit."""
    if transaction["status"] not in ("pending", "processing"):
        raise invalid("The transaction is finished already")
    transaction["status"] = "paid" if paid else "failed"
    if paid:
        transaction["paid_at"] = world.clock.stamp()
        invoices = [world.store.invoices.get(number) for number in transaction["invoice_ids"]]
        book(world, invoices, amount(transaction["amount"]), transaction["payment_method"], transaction, None)
        world.emit("psp_transaction_successful", "psp_transaction", transaction)
    else:
        transaction["reversal_code"] = reason
    world.store.psp_transactions.touch(transaction)


def book(
    world: World, invoices: list[Record], value: Decimal, method: str, transaction: Record | None, text_: str | None
) -> list[Record]:
    """Spread a payment over invoices.

    :param text_: what it was paid to the bailiff for: no bank account that PAYT reads ever saw it
    """
    left = value
    booked = []
    for place, invoice in enumerate(invoices):
        part = left if place == len(invoices) - 1 else min(left, amount(invoice["open_amount"]))
        left -= part
        if part == ZERO:
            continue
        extra: dict[str, Any] = {"payment_method": method, "description": text_}
        if transaction:
            extra["_psp_transaction_id"] = transaction["id"]
        elif not text_:
            extra["_bank_transaction"] = _bank_transaction(world, invoice, part)
        source = "psp" if transaction else "bank"
        booked.append(ledger.add_payment(world, invoice, part, source, **extra))
        after(world, invoice, part)
    return booked


def after(world: World, invoice: Record, value: Decimal) -> None:
    """What a payment or a reversal changes besides the invoice itself."""
    ledger.settle(world, invoice)
    plans.count_payment(world, invoice, value)
    if case := dunning.case_of(world, invoice):
        dunning.refresh_case(world, case)
        if value > ZERO:
            world.emit("case_invoice_amount_paid", "credit_case", case)


def reverse(world: World, transaction: Record, code: str, status: str = "charged_back") -> None:
    """The debtor's bank takes a payment back (or we do: ``refunded``)."""
    if transaction["status"] != "paid":
        raise invalid("Only a paid transaction can be reversed")
    transaction.update(status=status, reversal_code=code if status == "charged_back" else None)
    world.store.psp_transactions.touch(transaction)
    for payment in [p for p in world.store.payments if p.get("_psp_transaction_id") == transaction["id"]]:
        if payment["transaction_type"] != "payment":
            continue
        invoice = world.store.invoices.get(payment["invoice_id"])
        value = amount(payment["total_amount"])
        reversal = {
            "payment_method": transaction["payment_method"],
            "transaction_type": "reversal",
            "reversal_code": code,
            "cost_type": payment["cost_type"],
            "_psp_transaction_id": transaction["id"],
        }
        ledger.add_payment(world, invoice, -value, "psp", **reversal)
        after(world, invoice, -value)
    event = "psp_transaction_charged_back" if status == "charged_back" else "psp_transaction_refunded"
    world.emit(event, "psp_transaction", transaction)


def reverse_part(world: World, payment: Record, value: Decimal, code: str) -> None:
    """Take back a part of one payment; the provider's transaction stays paid."""
    invoice = world.store.invoices.get(payment["invoice_id"])
    reversal = {
        "payment_method": payment.get("payment_method"),
        "transaction_type": "reversal",
        "reversal_code": code,
        "cost_type": payment["cost_type"],
        "_psp_transaction_id": payment.get("_psp_transaction_id"),
    }
    ledger.add_payment(world, invoice, -value, "psp", **reversal)
    after(world, invoice, -value)


def pay_costs(world: World, case: Record, value: Decimal | None, method: str, cost_type: str) -> None:
    """The debtor pays collection costs or interest; the invoice's principal stays as it is."""
    left = amount(case["open_interest_and_collection_costs"])
    value = left if value is None else min(value, left)
    invoice = dunning.invoices_of(world, case)[0]
    transaction = None if method in BY_BANK else _transaction(world, [invoice], value, method, "paid")
    extra: dict[str, Any] = {"payment_method": method, "cost_type": cost_type}
    if transaction:
        extra["_psp_transaction_id"] = transaction["id"]
    else:
        extra["_bank_transaction"] = _bank_transaction(world, invoice, value)
    ledger.add_payment(world, invoice, value, "psp" if transaction else "bank", **extra)
    ledger.settle(world, invoice)
    case["open_interest_and_collection_costs"] = text(left - value)
    dunning.refresh_case(world, case)


def _transaction(world: World, invoices: list[Record], value: Decimal, method: str, status: str) -> Record:
    mandate = active_mandate(world, invoices[0]["debtor_id"]) or {}
    transaction = world.store.psp_transactions.add(
        {
            "bank_account_name": mandate.get("bank_account_name"),
            "bank_account_number": mandate.get("bank_account_number"),
            "currency_code": invoices[0]["currency_code"],
            "invoice_ids": [invoice["id"] for invoice in invoices],
            "payment_method": method,
            "status": status,
            "amount": text(value),
            "book_amount": text(_book_value(invoices[0], value)),
            "debtor_id": invoices[0]["debtor_id"],
            "paid_at": world.clock.stamp() if status == "paid" else None,
        }
    )
    if status == "paid":
        world.emit("psp_transaction_successful", "psp_transaction", transaction)
    return transaction


def _bank_transaction(world: World, invoice: Record, value: Decimal) -> dict[str, Any]:
    return {
        "currency_code": invoice["currency_code"],
        "exchange_rate": "1.0",
        "payment_method": "bank_transfer",
        "amount": text(value),
        "book_amount": text(_book_value(invoice, value)),
        "id": str(world.store.next_number()),
        "book_date": world.clock.today(),
        "description": invoice["invoice_number"],
    }


def _book_value(invoice: Record, value: Decimal) -> Decimal:
    total = amount(invoice["total_amount"])
    return value * amount(invoice["book_total_amount"]) / total if total else value


def _check_mandate(world: World, invoices: list[Record]) -> None:
    for invoice in invoices:
        if not active_mandate(world, invoice["debtor_id"]):
            raise invalid(f"The debtor of {invoice['invoice_number']} has no active mandate")
