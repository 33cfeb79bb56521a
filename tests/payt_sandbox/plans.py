"""Payment plans."""

from decimal import Decimal
from typing import Any

from .entities import View
from .problems import invalid, not_found
from .store import Record
from .world import ZERO, World, amount, text


def create(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """``POST /v1/payment_plans``: an approved plan."""
    invoices = [_invoice(world, "invoice_number", key) for key in body.get("invoice_numbers", [])]
    invoices += [_invoice(world, "invoice_identifier", key) for key in body.get("invoice_identifiers", [])]
    for key in body.get("credit_case_numbers", []):
        case = world.store.credit_cases.by("credit_case_number", key)
        if not case:
            raise invalid(f"Credit case {key} not found")
        invoices += [world.store.invoices.get(number) for number in case["_invoice_ids"]]
    if not invoices or len({invoice["debtor_id"] for invoice in invoices}) != 1:
        raise invalid("A payment plan is about invoices of one debtor")
    terms = [(amount(term["amount"]), term["due_date"]) for term in body["terms"]]
    plan = propose(world, invoices, terms, reason=None, proposed=False)
    activate(world, plan)
    return View(world, "payment_plans").show(plan)


def propose(
    world: World, invoices: list[Record], terms: list[tuple[Decimal, str]], reason: str | None, proposed: bool = True
) -> Record:
    """A plan that isn't in force yet.

    :raise Problem: 422 when the terms aren't what is open, or an invoice has a plan
    """
    open_amount = sum((amount(invoice["open_amount"]) for invoice in invoices), ZERO)
    if sum((value for value, _ in terms), ZERO) != open_amount:
        raise invalid(f"The terms do not add up to the open amount {open_amount}")
    if any(invoice.get("active_payment_plan_id") for invoice in invoices):
        raise invalid("An invoice has a payment plan already")
    plan = world.store.payment_plans.add(
        {
            "payment_terms": [],
            "active": False,
            "auto_activated": False,
            "reason": reason,
            "debtor_id": invoices[0]["debtor_id"],
            "created_at": world.clock.stamp(),
            "proposed_at": world.clock.stamp() if proposed else None,
            "_invoice_ids": [invoice["id"] for invoice in invoices],
            "_paid": "0.00",
        }
    )
    plan["payment_terms"] = [
        {
            "id": f"{plan['id']}{place:02d}",
            "total_amount": text(value),
            "amount_due": text(value),
            "due_date": due,
            "payment_date": None,
        }
        for place, (value, due) in enumerate(sorted(terms, key=lambda term: term[1]), 1)
    ]
    world.emit("payment_plan_created", "payment_plan", plan)
    return plan


def activate(world: World, plan: Record) -> None:
    plan.update(active=True, approved_at=world.clock.stamp())
    world.store.payment_plans.touch(plan)
    _set_on_invoices(world, plan, plan["id"])
    world.emit("payment_plan_updated", "payment_plan", plan)


def approve(world: World, number: str, body: dict[str, Any]) -> dict[str, Any]:
    plan = _proposed(world, number)
    activate(world, plan)
    return View(world, "payment_plans", body.get("fields")).show(plan)


def reject(world: World, number: str, body: dict[str, Any]) -> dict[str, Any]:
    plan = _proposed(world, number)
    plan["rejected_at"] = world.clock.stamp()
    world.store.payment_plans.touch(plan)
    world.emit("payment_plan_updated", "payment_plan", plan)
    return View(world, "payment_plans", body.get("fields")).show(plan)


def deactivate(world: World, number: str, body: dict[str, Any]) -> dict[str, Any]:
    plan = _plan(world, number)
    if not plan["active"]:
        raise invalid("Payment plan is not active")
    how = "inactive" if world.setting("plan_finishes") == "inactive" else "deactivated"
    end(world, plan, "payment_plan_deactivated", how)
    return View(world, "payment_plans", body.get("fields")).show(plan)


def end(world: World, plan: Record, event: str, how: str = "deactivated") -> None:
    plan.update(active=how == "active")
    if how == "deactivated":
        plan["deactivated_at"] = world.clock.stamp()
    world.store.payment_plans.touch(plan)
    _set_on_invoices(world, plan, None)
    world.emit(event, "payment_plan", plan)


def count_payment(world: World, invoice: Record, value: Decimal) -> None:
    """A payment on an invoice of a plan pays the oldest terms first; a reversal opens the latest ones again."""
    plan = world.store.payment_plans.get(invoice.get("active_payment_plan_id"))
    if not plan or not plan["active"]:
        return
    plan["_paid"] = text(amount(plan["_paid"]) + value)
    left = amount(plan["_paid"])
    for term in plan["payment_terms"]:
        total = amount(term["total_amount"])
        paid = max(ZERO, min(left, total))
        left -= paid
        term["amount_due"] = text(total - paid)
        term["payment_date"] = (term["payment_date"] or world.clock.today()) if paid == total else None
    world.store.payment_plans.touch(plan)
    if all(term["payment_date"] for term in plan["payment_terms"]):
        end(world, plan, "payment_plan_finished", world.setting("plan_finishes"))


def expire_terms(world: World) -> int:
    """Tell of each term whose day went by unpaid, once."""
    today = world.clock.today()
    told = 0
    for plan in world.store.payment_plans:
        for term in plan["payment_terms"]:
            late = plan["active"] and not term["payment_date"] and term["due_date"] < today
            if late and term["id"] not in plan.setdefault("_expired", []):
                plan["_expired"].append(term["id"])
                world.store.payment_plans.touch(plan)
                world.emit("payment_plan_term_expired", "payment_plan", plan)
                told += 1
    return told


def _set_on_invoices(world: World, plan: Record, number: str | None) -> None:
    for invoice_id in plan["_invoice_ids"]:
        invoice = world.store.invoices.get(invoice_id)
        if invoice:
            invoice.update(active_payment_plan_id=number, payment_plan_id=number)
            world.store.invoices.touch(invoice)


def _plan(world: World, number: str) -> Record:
    plan = world.store.payment_plans.get(number)
    if not plan:
        raise not_found("Payment plan not found")
    return plan


def _proposed(world: World, number: str) -> Record:
    plan = _plan(world, number)
    if not plan.get("proposed_at") or plan.get("approved_at") or plan.get("rejected_at"):
        raise invalid("Payment plan is not waiting for an answer")
    return plan


def _invoice(world: World, key: str, value: str) -> Record:
    invoice = world.store.invoices.by(key, value)
    if not invoice:
        raise invalid(f"Invoice {value} not found")
    return invoice
