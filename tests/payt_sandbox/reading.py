"""Lists: filters, ``updated_after``, cursor and page size; single records; what was deleted."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import islice
from typing import Any

from .clock import parsed
from .entities import View
from .problems import not_found
from .store import Record
from .world import World, amount

DEFAULT_PER_PAGE = 100
DELETED_KEPT = timedelta(days=90)

Fits = Callable[[Record], bool]

# filters that compare a property of the record itself
DIRECT = {
    "ids": "id",
    "contact_identifiers": "contact_identifier",
    "debtor_identifiers": "debtor_identifier",
    "debtor_ids": "debtor_id",
    "invoice_ids": "invoice_id",
    "invoice_numbers": "invoice_number",
    "invoice_identifiers": "invoice_identifier",
    "credit_case_ids": "active_credit_case_id",
    "payment_methods": "payment_method",
    "statuses": "status",
    "debtor_numbers": "debtor_number",
}
ORDERS = {
    "invoice_date_asc": ("invoice_date", False),
    "invoice_date_desc": ("invoice_date", True),
    "due_date_asc": ("due_date", False),
    "due_date_desc": ("due_date", True),
}
DELETED_SHOWN = {
    "credit_cases": ("debtor_id", "deleted_at"),
    "invoices": ("invoice_number", "origin_identifier", "debtor_id", "deleted_at"),
    "payments": ("origin_identifier", "invoice_id", "deleted_at"),
    "payment_plans": ("debtor_id", "deleted_at"),
    "psp_mandates": ("debtor_id", "mandate_identifier", "provider", "deleted_at"),
}


def page(world: World, collection: str, query: dict[str, Any]) -> dict[str, Any]:
    """One page of a list."""
    view = View(world, collection, query.get("fields"))
    fits = _filters(world, collection, query)
    size = query.get("per_page", DEFAULT_PER_PAGE)
    if query.get("order"):
        return _ordered_page(world, view, fits, query, size)
    cursor = str(query.get("cursor") or "0")
    after = int(cursor) if cursor.isdigit() else 0
    records = getattr(world.store, collection).after(after)
    found = list(islice((record for record in records if all(fit(record) for fit in fits)), size))
    # the last page has a cursor too, even an empty one
    return {
        "data": [view.show(record) for record in found],
        "pagination": {"cursor": found[-1]["id"] if found else cursor},
    }


def _ordered_page(world: World, view: View, fits: list[Fits], query: dict[str, Any], size: int) -> dict[str, Any]:
    name, descending = ORDERS[query["order"]]
    records = [record for record in world.store.invoices if all(fit(record) for fit in fits)]
    records.sort(key=lambda record: record[name], reverse=descending)
    start = int(query.get("cursor") or 0)
    return {
        "data": [view.show(record) for record in records[start : start + size]],
        "pagination": {"cursor": str(start + size)},
    }


def one(world: World, collection: str, number: str, query: dict[str, Any]) -> dict[str, Any]:
    """A single record, by PAYT's id or, for debtors and invoices, by one of ours."""
    records = getattr(world.store, collection)
    kind = query.get("identifier_type")
    record = records.by(kind, number) if kind else records.get(number)
    if not record:
        raise not_found()
    return View(world, collection, query.get("fields")).show(record)


def deleted_page(world: World, resource: str, query: dict[str, Any]) -> dict[str, Any]:
    after, before = parsed(query["deleted_after"]), query.get("deleted_before")
    oldest = world.clock.now() - DELETED_KEPT
    cursor = str(query.get("cursor") or "0")
    found = []
    for record in world.store.deleted.after(int(cursor) if cursor.isdigit() else 0):
        moment = parsed(record["deleted_at"])
        in_time = moment > max(after, oldest) and (not before or moment < parsed(before))
        if record["_resource"] == resource and in_time:
            found.append(record)
    found = found[: query.get("per_page", DEFAULT_PER_PAGE)]
    shown = [
        {"id": record["number"], "administration_id": world.administration["id"]}
        | {name: record[name] or "" for name in DELETED_SHOWN[resource]}
        for record in found
    ]
    return {"data": shown, "pagination": {"cursor": found[-1]["id"] if found else cursor}}


def _filters(world: World, collection: str, query: dict[str, Any]) -> list[Fits]:
    fits: list[Fits] = []
    if after := query.get("updated_after"):
        # all moments are written alike, so texts compare; a fraction of a second in the question is more, not less
        mark = after[:19] + "Z"
        fits.append(lambda record: record["updated_at"] > mark)
    for name, value in query.items():
        if special := SPECIAL.get((collection, name)):
            fits.append(special(world, value))
        elif name in DIRECT:
            fits.append(_one_of(DIRECT[name], value.split(",")))
    return fits


def _one_of(name: str, values: Iterable[str]) -> Fits:
    wanted = frozenset(values)
    return lambda record: record.get(name) in wanted


def _of_debtors(world: World, key: str, values: str) -> Fits:
    found = (world.store.debtors.by(key, value) for value in values.split(","))
    return _one_of("debtor_id", [debtor["id"] for debtor in found if debtor])


def _of_invoices(world: World, key: str, values: str) -> Fits:
    found = (world.store.invoices.by(key, value) for value in values.split(","))
    return _one_of("invoice_id", [invoice["id"] for invoice in found if invoice])


def _of_cases(world: World, key: str, values: str) -> Fits:
    wanted = frozenset(values.split(","))
    cases = [case for case in world.store.credit_cases if case[key] in wanted]
    return _one_of("invoice_id", [number for case in cases for number in case["_invoice_ids"]])


def _has_debtor_number(world: World, values: str) -> Fits:
    wanted = set(values.split(","))
    return lambda record: bool(wanted & set(record.get("debtor_numbers", ())))


def _paid(world: World, value: bool) -> Fits:
    return lambda record: (amount(record["open_amount"]) == 0) is value


# filters that look at other records
SPECIAL: dict[tuple[str, str], Callable[[World, Any], Fits]] = {
    ("contacts", "debtor_numbers"): _has_debtor_number,
    ("invoices", "debtor_identifiers"): lambda world, values: _of_debtors(world, "debtor_identifier", values),
    ("invoices", "paid"): _paid,
    ("invoices", "book_amount_total_lte"): lambda _, value: lambda r: float(r["book_total_amount"]) <= value,
    ("invoices", "book_amount_total_gte"): lambda _, value: lambda r: float(r["book_total_amount"]) >= value,
    ("payment_plans", "debtor_numbers"): lambda world, values: _of_debtors(world, "debtor_number", values),
    ("payment_plans", "debtor_identifiers"): lambda world, values: _of_debtors(world, "debtor_identifier", values),
    ("psp_mandates", "debtor_numbers"): lambda world, values: _of_debtors(world, "debtor_number", values),
    ("payments", "invoice_numbers"): lambda world, values: _of_invoices(world, "invoice_number", values),
    ("payments", "invoice_identifiers"): lambda world, values: _of_invoices(world, "invoice_identifier", values),
    ("payments", "credit_case_ids"): lambda world, values: _of_cases(world, "id", values),
    ("payments", "credit_case_numbers"): lambda world, values: _of_cases(world, "credit_case_number", values),
    ("messages", "credit_case_ids"): lambda _, values: _one_of("credit_case_id", values.split(",")),
    ("notes", "credit_case_ids"): lambda _, values: _one_of("credit_case_id", values.split(",")),
    ("notifications", "credit_case_ids"): lambda _, values: _one_of("credit_case_id", values.split(",")),
}
