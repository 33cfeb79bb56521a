"""``/v1``: from an operation of the contract to what it does."""

from collections.abc import Callable
from typing import Any

from . import files, invoices, mandates, master_data, plans, reading
from .contract import Operation
from .entities import View
from .faults import Fault
from .outcome import Outcome
from .problems import Problem, not_found
from .world import World

Bulk = Callable[[World, dict[str, Any], Outcome], None]

BULK_WRITES: dict[str, Bulk] = {
    "POST /v1/vat_rates": master_data.upsert_vat_rates,
    "POST /v1/contacts": master_data.upsert_contacts,
    "POST /v1/debtors": master_data.upsert_debtors,
    "POST /v1/invoices": invoices.upsert,
    "PATCH /v1/invoices": invoices.update,
    "PATCH /v1/invoices/block": invoices.block,
    "PATCH /v1/invoices/resume": invoices.resume,
}
PLAN_STEPS = {"approve": plans.approve, "reject": plans.reject, "deactivate": plans.deactivate}
WITH_DELETED = {"credit_cases", "invoices", "payments", "payment_plans", "psp_mandates"}
LISTED = {
    *("contacts", "credit_cases", "debtors", "invoices", "messages", "notes", "notifications", "payments"),
    *("payment_plans", "psp_mandates", "psp_transactions", "vat_rates"),
}


def perform(
    world: World,
    operation: Operation,
    path: dict[str, str],
    query: dict[str, Any],
    body: dict[str, Any],
    fault: Fault | None,
) -> tuple[int, Any]:
    """Do what is asked. Status and answer.

    :raise Problem: 404 or 422 with PAYT's error shape; 501 for what the sandbox leaves out
    """
    _check_administration(
        world, path.get("administration_id") or query.get("administration_id", body.get("administration_id"))
    )
    if operation.method == "get":
        return 200, _read(world, operation, path, query)
    return _write(world, operation, path, query, body, fault)


def _write(
    world: World,
    operation: Operation,
    path: dict[str, str],
    query: dict[str, Any],
    body: dict[str, Any],
    fault: Fault | None,
) -> tuple[int, Any]:
    name = str(operation)
    if name in BULK_WRITES:
        outcome = Outcome(fault)
        BULK_WRITES[name](world, body, outcome)
        return (201 if operation.method == "post" else 200), outcome.as_json()
    if name == "DELETE /v1/psp_mandates":
        outcome = Outcome(fault)
        mandates.revoke(world, query, outcome)
        return 200, outcome.as_json()
    if name == "POST /v1/files":
        return 201, files.announce(world, body)
    if name == "POST /v1/psp_mandates":
        return 200, mandates.create(world, body)
    if name == "POST /v1/payment_plans":
        return 201, plans.create(world, body)
    if operation.path.startswith("/v1/payment_plans/{id}/"):
        return 200, PLAN_STEPS[operation.path.rpartition("/")[2]](world, path["id"], body)
    raise _left_out(operation)


def _read(world: World, operation: Operation, path: dict[str, str], query: dict[str, Any]) -> Any:
    parts = operation.path.split("/")[2:]
    resource = parts[0]
    if resource == "administrations":
        view = View(world, "administrations", query.get("fields"))
        if len(parts) == 2:
            return view.show(world.administration)
        return reading.page(world, "administrations", query)
    if resource not in LISTED:
        raise _left_out(operation)
    if len(parts) == 1:
        return reading.page(world, resource, query)
    if parts[1] == "deleted" and resource in WITH_DELETED:
        return reading.deleted_page(world, resource, query)
    return reading.one(world, resource, path["id"], query)


def _check_administration(world: World, number: str | None) -> None:
    """Everything but the list of administrations is about one."""
    if number is not None and number != world.administration["id"]:
        raise not_found("Administration not found")


def _left_out(operation: Operation) -> Problem:
    return Problem(501, "not_implemented", f"The sandbox leaves {operation} out")
