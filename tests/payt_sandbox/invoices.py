"""Invoices: upsert, update, block and resume."""

from typing import Any

from . import ledger
from .files import is_there
from .outcome import Outcome
from .store import Record
from .world import ZERO, World, amount

# names differ by direction
RENAMED = {
    "amount_total": "total_amount",
    "amount_open": "open_amount",
    "book_amount_total": "book_total_amount",
    "book_amount_open": "book_open_amount",
}
AS_GIVEN = (
    *("currency_code", "invoice_number", "invoice_identifier", "invoice_date", "due_date", "order_number"),
    *("peppol_identifier", "description", "category", "payment_method", "labels"),
)
MAY_BE_EMPTIED = ("order_number", "peppol_identifier", "description", "category")
PRIVATE = ("payment_condition", "payment_term", "contact_identifier")
NEW = {
    "payment_method": "unknown",
    "administration_costs_total": "0.00",
    "administration_costs_open": "0.00",
    "paused_by_user": False,
}


def upsert(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    """``POST /v1/invoices``."""
    for given in outcome.wanted(body["invoices"], "invoice_number"):
        known = world.store.invoices.by("invoice_number", given["invoice_number"])
        with outcome.record(given["invoice_number"]) as problems:
            problems += _problems(world, given, known)
            if problems:
                continue
            if known:
                _change(world, known, given, outcome)
            else:
                _create(world, given, outcome)


def update(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    """``PATCH /v1/invoices``: what isn't given stays; without amounts and payments, so does the money."""
    for given in outcome.wanted(body["invoices"], "invoice_number"):
        known = world.store.invoices.by("invoice_number", given["invoice_number"])
        if not known:
            outcome.not_found(given["invoice_number"])
            continue
        with outcome.record(given["invoice_number"]) as problems:
            problems += _problems(world, given, known)
            if not problems:
                _change(world, known, given, outcome)


def block(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    """``PATCH /v1/invoices/block``. Blocking twice is blocking once."""
    for key, invoice in _named(world, body, outcome):
        with outcome.record(key) as problems:
            if invoice.get("paused_at") and world.setting("repeats_are_errors"):
                problems.append("Invoice is already blocked")
            elif not invoice.get("paused_at"):
                invoice.update(paused_at=world.clock.stamp(), _blocked_by_api=True)
                world.store.invoices.touch(invoice)
                world.emit("invoice_blocked", "invoice", invoice)


def resume(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    """``PATCH /v1/invoices/resume``: only what the API blocked."""
    for key, invoice in _named(world, body, outcome):
        with outcome.record(key) as problems:
            is_repeated = not invoice.get("paused_at") and world.setting("repeats_are_errors")
            if is_repeated or (invoice.get("paused_at") and not invoice.get("_blocked_by_api")):
                problems.append("Invoice is not blocked through the API")
            elif invoice.get("paused_at"):
                invoice.update(paused_at=None, _blocked_by_api=False)
                world.store.invoices.touch(invoice)
                world.emit("invoice_resumed", "invoice", invoice)


def _named(world: World, body: dict[str, Any], outcome: Outcome) -> list[tuple[str, Record]]:
    found = []
    for name, key in (("invoice_numbers", "invoice_number"), ("invoice_identifiers", "invoice_identifier")):
        for value in body.get(name, []):
            invoice = world.store.invoices.by(key, value)
            if outcome.skips(value):
                continue
            if invoice:
                found.append((value, invoice))
            else:
                outcome.not_found(value)
    return found


def _problems(world: World, given: Record, known: Record | None) -> list[str]:
    """Why this record is skipped."""
    problems = []
    names_debtor = given.get("debtor_number") or given.get("debtor_identifier")
    if not _debtor(world, given) and (names_debtor or not known):
        problems.append("Debtor not found")
    if given.get("contact_identifier") and not world.store.contacts.by(
        "contact_identifier", given["contact_identifier"]
    ):
        problems.append("Contact not found")
    for name in ("document", "ubl_document"):
        document = given.get(name, {})
        if document.get("checksum") and not document.get("destroy") and not is_there(world, document["checksum"]):
            problems.append(f"{name} has not been uploaded")
    for line in given.get("invoice_lines", []):
        rate = world.store.vat_rates.by("code", line["vat_rate_code"])
        if not rate:
            problems.append(f"VAT rate {line['vat_rate_code']} not found")
        elif "vat_percentage" in line and float(line["vat_percentage"]) != rate["rate"]:
            problems.append(f"VAT percentage does not match VAT rate {rate['code']}")
        if "total_excl_tax_amount" not in line and "total_incl_tax_amount" not in line:
            problems.append("An invoice line needs a total")
    other = world.store.invoices.by("invoice_identifier", given.get("invoice_identifier"))
    if other and other is not known:
        problems.append("Invoice identifier has already been taken")
    return problems + _payment_problems(world, given, known)


def _payment_problems(world: World, given: Record, known: Record | None) -> list[str]:
    payments = given.get("payments", [])
    keys = [payment["origin_identifier"] for payment in payments]
    problems = [
        f"Origin identifier {key} has already been taken" for key in ledger.taken_elsewhere(world, known, payments)
    ]
    if len(set(keys)) != len(keys):
        problems.append("Origin identifiers of payments are not unique")
    dates = [payment["payment_date"] for payment in payments if "payment_date" in payment]
    if dates != sorted(dates):
        problems.append("Payments are not in chronological order")
    return problems


def _debtor(world: World, given: Record) -> Record | None:
    return world.store.debtors.by("debtor_number", given.get("debtor_number")) or world.store.debtors.by(
        "debtor_identifier", given.get("debtor_identifier")
    )


def _create(world: World, given: Record, outcome: Outcome) -> None:
    invoice = world.store.invoices.add({**NEW, "_payment_ids": [], "invoice_number": given["invoice_number"]})
    _write(world, invoice, given)
    if "sent_at" in given:
        invoice["sent_at"] = given["sent_at"]
    elif "document" not in given:
        outcome.warn(given["invoice_number"], "Invoice has no document and can't be sent")
    world.emit("invoice_created", "invoice", invoice)
    # before any payment all of it is open
    _book(world, invoice, given, outcome, was_open=amount(invoice["total_amount"]))
    if world.setting("send_at_once"):
        send(world, invoice)


def _change(world: World, invoice: Record, given: Record, outcome: Outcome) -> None:
    was_open = amount(invoice["open_amount"])
    if "sent_at" in given and given["sent_at"] != invoice.get("sent_at"):
        if invoice.get("sent_at"):
            outcome.warn(given["invoice_number"], "Sent at can't be changed, the invoice is sent already")
        else:
            invoice["sent_at"] = given["sent_at"]
    _write(world, invoice, given)
    _book(world, invoice, given, outcome, was_open)


def _write(world: World, invoice: Record, given: Record) -> None:
    for name in AS_GIVEN:
        if name in given:
            invoice[name] = given[name]
        elif name in MAY_BE_EMPTIED and world.setting("omitted_is_emptied"):
            invoice[name] = ""
    for name, shown in RENAMED.items():
        if name in given:
            invoice[shown] = given[name]
    for name in PRIVATE:
        if name in given:
            invoice[f"_{name}"] = given[name]
    if debtor := _debtor(world, given):
        invoice.update(debtor_id=debtor["id"], debtor_number=debtor["debtor_number"])
    if "invoice_lines" in given:
        invoice["invoice_lines"] = [_line(world, line, place) for place, line in enumerate(given["invoice_lines"], 1)]
    for name in ("document", "ubl_document"):
        if name in given:
            invoice[f"_{name}"] = _document(world, given[name])


def _document(world: World, given: Record) -> Record | None:
    if given.get("destroy") or not given.get("checksum"):
        return None
    file = world.store.files.by("checksum", given["checksum"])
    return {"checksum": given["checksum"], "filename": given.get("filename", "document"), "_key": file["id"]}


def _line(world: World, given: Record, place: int) -> dict[str, Any]:
    """A line with all PAYT works out itself."""
    rate = world.store.vat_rates.by("code", given["vat_rate_code"])
    factor = 1 + amount(rate["rate"]) / 100
    if "total_excl_tax_amount" in given:
        excluding = amount(given["total_excl_tax_amount"])
        including = amount(given.get("total_incl_tax_amount") or excluding * factor)
    else:
        including = amount(given["total_incl_tax_amount"])
        excluding = amount(including / factor)
    return {
        "description": given["description"],
        "product_unit": given.get("product_unit", "piece"),
        "vat_percentage": given.get("vat_percentage") or f"{rate['rate']:g}",
        "vat_rate_code": given["vat_rate_code"],
        "product_quantity": given.get("product_quantity", "1"),
        "line_order": given.get("line_order", place),
        "product_price": given.get("product_price", str(excluding)),
        "total_excl_tax_amount": str(excluding),
        "total_incl_tax_amount": str(including),
        "vat_amount": given.get("vat_amount") or str(including - excluding),
    }


def _book(world: World, invoice: Record, given: Record, outcome: Outcome, was_open: Any) -> None:
    """Payments given are the whole list; without them a changed open amount makes PAYT invent one."""
    told = amount(given["amount_open"]) if "amount_open" in given else None
    if "payments" in given:
        ledger.replace_given(world, invoice, given["payments"])
        follows = ledger.open_by_payments(world, invoice)
        if told is not None and told != follows:
            outcome.warn(given["invoice_number"], f"Open amount {told} does not follow from the payments ({follows})")
    else:
        follows = ledger.open_by_payments(world, invoice)
        difference = follows - told if told is not None else ZERO
        if difference:
            ledger.add_payment(world, invoice, difference, "invented", description="Change of the open amount")
    ledger.settle(world, invoice, was_open)


def send(world: World, invoice: Record) -> bool:
    """PAYT sends the invoice, unless it was sent, or there is nothing to send or nobody to send it to."""
    debtor = world.store.debtors.get(invoice["debtor_id"])
    address = debtor.get("invoice_email_address") or debtor.get("primary_email_address")
    if invoice.get("sent_at") or not invoice.get("_document") or not address:
        return False
    invoice["sent_at"] = world.clock.stamp()
    world.store.invoices.touch(invoice)
    world.emit("invoice_step_performed", "invoice", invoice, step="send")
    return True
