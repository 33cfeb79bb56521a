"""What PAYT does about an unpaid invoice: reminders, the credit case, the bailiff."""

from decimal import Decimal

from .problems import invalid
from .store import Record
from .world import ZERO, World, amount, text

# step of an invoice: the property with its moment
INVOICE_STEPS = {
    "pre_reminder": "pre_reminder_at",
    "reminder_1": "reminder_1_at",
    "reminder_2": "reminder_2_at",
    "reminder_3": "reminder_3_at",
    "reminder_4": "reminder_4_at",
    "final_reminder": "final_reminder_at",
    "end_of_service_announcement": "end_of_service_announcement_at",
    "end_of_service": "end_of_service_at",
}
TRUE_REMINDERS = {"reminder_1", "reminder_2", "reminder_3", "reminder_4", "final_reminder"}
# step of a credit case: the property with its moment, and the name in the webhook
CASE_STEPS = {
    "pre_summons": ("pre_summons_at", "pre_summons"),
    "summons_1": ("summons_1_at", "summons"),
    "summons_2": ("summons_2_at", "second_summons"),
    "summons_3": ("summons_3_at", "summons_reminder"),
    "summons_4": ("summons_4_at", "second_summons_reminder"),
    "notice_of_default": ("notice_of_default_at", "notice_of_default"),
    "pre_judicial": ("pre_judicial_at", "prejudiciary"),
}


def remind(world: World, invoice: Record, step: str) -> None:
    """One step on the invoice."""
    if step not in INVOICE_STEPS:
        raise invalid(f"A step is one of {', '.join(INVOICE_STEPS)}")
    now = world.clock.stamp()
    invoice[INVOICE_STEPS[step]] = now
    if step in TRUE_REMINDERS:
        invoice["latest_reminder_at"] = now
    if step == "reminder_1":
        invoice["first_reminder_at"] = now
    world.store.invoices.touch(invoice)
    world.emit("invoice_step_performed", "invoice", invoice, step=step)


def make_collectable(world: World, invoice: Record) -> None:
    """Ready for debt collection, which is not the collection itself."""
    invoice["collectable_at"] = world.clock.stamp()
    world.store.invoices.touch(invoice)
    world.emit("invoice_to_debt_collection", "invoice", invoice)


def start_case(world: World, invoices: list[Record], interest: Decimal = ZERO) -> Record:
    """A credit case over invoices of one debtor, with collection costs."""
    open_amount = sum((amount(invoice["open_amount"]) for invoice in invoices), ZERO)
    rate = Decimal(world.setting("collection_costs_rate"))
    costs = max(amount(world.setting("collection_costs_minimum")), amount(open_amount * rate))
    now = world.clock.stamp()
    case = world.store.credit_cases.add(
        {
            "currency_code": invoices[0]["currency_code"],
            "debtor_id": invoices[0]["debtor_id"],
            "debt_collection_costs": text(costs),
            "interest_costs": text(interest),
            "open_interest_and_collection_costs": text(costs + interest),
            "started_at": now,
            "_invoice_ids": [invoice["id"] for invoice in invoices],
        }
    )
    case.update(case_number=case["id"], credit_case_number=f"C{case['id']}")
    for invoice in invoices:
        invoice.setdefault("collectable_at", now)
        invoice.update(debt_collection_at=now, active_credit_case_id=case["id"], credit_case_id=case["id"])
        world.store.invoices.touch(invoice)
    refresh_case(world, case)
    world.emit("case_created", "credit_case", case)
    return case


def refresh_case(world: World, case: Record) -> None:
    """Bring the case's amounts in line with its invoices and costs."""
    invoices = invoices_of(world, case)
    costs = amount(case["debt_collection_costs"]) + amount(case["interest_costs"])
    total = sum((amount(invoice["total_amount"]) for invoice in invoices), costs)
    open_costs = amount(case["open_interest_and_collection_costs"])
    still_open = sum((amount(invoice["open_amount"]) for invoice in invoices), open_costs)
    case.update(total_amount=text(total), open_amount=text(still_open))
    if still_open == ZERO and not case.get("deactivated_at"):
        case["deactivated_at"] = world.clock.stamp()
        for invoice in invoices:
            invoice.update(active_credit_case_id=None, credit_case_id=None)
            world.store.invoices.touch(invoice)
        world.emit("case_paid", "credit_case", case)
    world.store.credit_cases.touch(case)


def step_case(world: World, case: Record, step: str) -> None:
    if step not in CASE_STEPS:
        raise invalid(f"A step of a credit case is one of {', '.join(CASE_STEPS)}")
    name, told = CASE_STEPS[step]
    now = world.clock.stamp()
    for record in (case, *invoices_of(world, case)):
        record[name] = now
        if step.startswith("summons"):
            record["latest_summons_at"] = now
        if step == "summons_1":
            record["first_summons_at"] = now
    for invoice in invoices_of(world, case):
        world.store.invoices.touch(invoice)
    world.store.credit_cases.touch(case)
    world.emit("case_step_performed", "credit_case", case, step=told)


def to_bailiff(world: World, case: Record) -> None:
    now = world.clock.stamp()
    case["forwarded_to_bailiff_at"] = now
    world.store.credit_cases.touch(case)
    for invoice in invoices_of(world, case):
        invoice["bailiff_at"] = now
        world.store.invoices.touch(invoice)
    world.emit("case_to_bailiff", "credit_case", case)


def invoices_of(world: World, case: Record) -> list[Record]:
    found = (world.store.invoices.get(number) for number in case["_invoice_ids"])
    return [invoice for invoice in found if invoice]


def case_of(world: World, invoice: Record) -> Record | None:
    return world.store.credit_cases.get(invoice.get("active_credit_case_id"))
