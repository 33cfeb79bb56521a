"""Payments of an invoice, and the open amount that follows from them: total less the payments on the principal."""

from decimal import Decimal
from typing import Any

from .store import Record
from .world import ZERO, World, amount, text

# shown as they were given; the rest is ours
GIVEN = ("cost_type", "description", "payment_date", "payment_method", "reversal_code", "transaction_type")


def payments_of(world: World, invoice: Record) -> list[Record]:
    found = (world.store.payments.get(number) for number in invoice["_payment_ids"])
    return [payment for payment in found if payment]


def open_by_payments(world: World, invoice: Record) -> Decimal:
    paid = (
        amount(payment["total_amount"])
        for payment in payments_of(world, invoice)
        if payment.get("cost_type", "principal") == "principal"
    )
    return amount(invoice["total_amount"]) - sum(paid, ZERO)


def add_payment(world: World, invoice: Record, value: Decimal, source: str, **values: Any) -> Record:
    """Book a payment. ``source``: who says so (``given`` by us, ``invented``, ``psp``, ``bank``)."""
    payment = {
        "invoice_id": invoice["id"],
        "total_amount": text(value),
        "total_book_amount": text(_in_book_currency(invoice, value)),
        "payment_date": world.clock.today(),
        "cost_type": "principal",
        "transaction_type": "payment",
        "_source": source,
        **{name: given for name, given in values.items() if given is not None},
    }
    world.store.payments.add(payment)
    invoice["_payment_ids"].append(payment["id"])
    world.emit("invoice_payment_created", "invoice", invoice)
    return payment


def replace_given(world: World, invoice: Record, given: list[Record]) -> None:
    """The list of the bookkeeping's payments: new ones are added, those left out are deleted.

    What PAYT booked itself (its provider's, the debtor's by bank) is no part of that list and stays; or it is, where
    the list is taken for the whole, and goes when it isn't in it under its number.
    """
    wanted = {payment["origin_identifier"]: payment for payment in given}
    own = {payment["id"]: payment for payment in payments_of(world, invoice) if payment["_source"] in ("psp", "bank")}
    if world.setting("knows_own_payments"):
        named = {key for key in wanted if key in own}
        wanted = {key: values for key, values in wanted.items() if key not in named}
    else:
        named = set()
    for payment in payments_of(world, invoice):
        is_ours = payment["_source"] == "given" and _key(payment) not in wanted
        is_forgotten = world.setting("payments_are_whole") and payment["id"] in own and payment["id"] not in named
        if payment["_source"] == "invented" or is_ours or is_forgotten:
            delete_payment(world, payment)
    for key, values in wanted.items():
        _give(world, invoice, key, values)


def _give(world: World, invoice: Record, key: str, values: Record) -> None:
    known = world.store.payments.by("_origin_identifier", key)
    shown = {name: values[name] for name in GIVEN if values.get(name)}
    if not known:
        booked = {"_origin_identifier": key, **shown}
        payment = add_payment(world, invoice, amount(values["amount"]), "given", **booked)
    else:
        payment = known
        payment.update(shown, total_amount=values["amount"])
    payment["total_book_amount"] = values.get("book_amount") or text(
        _in_book_currency(invoice, amount(values["amount"]))
    )
    world.store.payments.touch(payment)


def taken_elsewhere(world: World, invoice: Record | None, given: list[Record]) -> list[str]:
    """Origin identifiers that are another invoice's already."""
    found = (
        (p["origin_identifier"], world.store.payments.by("_origin_identifier", p["origin_identifier"])) for p in given
    )
    return [key for key, known in found if known and (not invoice or known["invoice_id"] != invoice["id"])]


def delete_payment(world: World, payment: Record) -> None:
    invoice = world.store.invoices.get(payment["invoice_id"])
    world.store.payments.remove(payment)
    if invoice:
        invoice["_payment_ids"].remove(payment["id"])
    world.store.deleted.add(
        {
            "_resource": "payments",
            "deleted_at": world.clock.stamp(),
            "number": payment["id"],
            "origin_identifier": payment.get("_origin_identifier", ""),
            "invoice_id": payment["invoice_id"],
        }
    )


def settle(world: World, invoice: Record, was_open: Decimal | None = None) -> None:
    """Bring the invoice's open amount in line with its payments, and tell whether it is paid or open again."""
    before = amount(invoice["open_amount"]) if was_open is None else was_open
    now = open_by_payments(world, invoice)
    invoice["open_amount"] = text(now)
    invoice["book_open_amount"] = text(_in_book_currency(invoice, now))
    if now == ZERO:
        dates = [payment["payment_date"] for payment in payments_of(world, invoice)]
        invoice["payment_date"] = max(dates, default=world.clock.today())
    else:
        invoice["payment_date"] = None
    world.store.invoices.touch(invoice)
    if now == ZERO and before != ZERO:
        world.emit("invoice_paid", "invoice", invoice)
    elif now != ZERO and before == ZERO:
        world.emit("invoice_reopened", "invoice", invoice)


def _key(payment: Record) -> str:
    return payment.get("_origin_identifier", "")


def _in_book_currency(invoice: Record, value: Decimal) -> Decimal:
    """At the invoice's own rate, which its two totals tell."""
    total = amount(invoice["total_amount"])
    if total == ZERO:
        return value
    return value * amount(invoice["book_total_amount"]) / total
