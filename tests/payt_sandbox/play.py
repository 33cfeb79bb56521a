"""``POST /_sandbox/play``: PAYT, the debtor, the bank or the bailiff does something.

    {"do": "pay", "invoice": "INV/2026/0001", "amount": "50.00", "method": "ideal"}

Each function below is one thing to do; its parameters are the other names in the body. An invoice goes by its number, a
credit case by that of one of its invoices, a debtor by its number, anything else by PAYT's id.
"""

import inspect
from collections.abc import Callable
from typing import Any

from . import dunning, ledger, mandates, money_play, plans
from .invoices import send as send_invoice
from .problems import invalid
from .store import Record
from .world import World, amount, text

ACTIONS: dict[str, Callable[..., Any]] = {}


def action(function: Callable[..., Any]) -> Callable[..., Any]:
    ACTIONS[function.__name__] = function
    return function


def perform(world: World, body: dict[str, Any]) -> Any:
    """:raise Problem: 422 for something there isn't to do, or not like that"""
    values = dict(body)
    name = values.pop("do", "")
    if name not in ACTIONS:
        raise invalid(f"do is one of {', '.join(ACTIONS)}")
    try:
        inspect.signature(ACTIONS[name]).bind(world, **values)
    except TypeError as error:
        raise invalid(f"{name}: {error}") from None
    return ACTIONS[name](world, **values)


def _invoice(world: World, number: str) -> Record:
    invoice = world.store.invoices.by("invoice_number", number)
    if not invoice:
        raise invalid(f"Invoice {number} not found")
    return invoice


def _invoices(world: World, invoice: str | list[str]) -> list[Record]:
    return [_invoice(world, number) for number in ([invoice] if isinstance(invoice, str) else invoice)]


def _debtor(world: World, number: str) -> Record:
    debtor = world.store.debtors.by("debtor_number", number)
    if not debtor:
        raise invalid(f"Debtor {number} not found")
    return debtor


def _case(world: World, invoice: str) -> Record:
    case = dunning.case_of(world, _invoice(world, invoice))
    if not case:
        raise invalid(f"Invoice {invoice} has no credit case")
    return case


def _last_transaction(world: World, invoice: str, status: str) -> Record:
    number = _invoice(world, invoice)["id"]
    found = [t for t in world.store.psp_transactions if number in t["invoice_ids"] and t["status"] == status]
    if not found:
        raise invalid(f"Invoice {invoice} has no transaction that is {status}")
    return found[-1]


# === PAYT


@action
def send(world: World, invoice: str) -> dict[str, bool]:
    return {"sent": send_invoice(world, _invoice(world, invoice))}


@action
def send_all(world: World) -> dict[str, int]:
    """Send everything that was left to PAYT to send."""
    return {"sent": sum(send_invoice(world, invoice) for invoice in world.store.invoices)}


@action
def remind(world: World, invoice: str, step: str = "reminder_1") -> None:
    dunning.remind(world, _invoice(world, invoice), step)


@action
def make_collectable(world: World, invoice: str) -> None:
    dunning.make_collectable(world, _invoice(world, invoice))


@action
def collection(world: World, invoice: str | list[str], interest: str = "0.00") -> dict[str, str]:
    """Start a credit case."""
    return {"credit_case_id": dunning.start_case(world, _invoices(world, invoice), amount(interest))["id"]}


@action
def case_step(world: World, invoice: str, step: str = "summons_1") -> None:
    dunning.step_case(world, _case(world, invoice), step)


@action
def bailiff(world: World, invoice: str) -> None:
    dunning.to_bailiff(world, _case(world, invoice))


@action
def pause(world: World, invoice: str) -> None:
    """By a person at PAYT, not through the API."""
    record = _invoice(world, invoice)
    record.update(paused_at=world.clock.stamp(), paused_by_user=True, _blocked_by_api=False)
    world.store.invoices.touch(record)
    world.emit("invoice_paused", "invoice", record)


@action
def unpause(world: World, invoice: str) -> None:
    record = _invoice(world, invoice)
    record.update(paused_at=None, paused_by_user=False, _blocked_by_api=False)
    world.store.invoices.touch(record)
    world.emit("invoice_resumed", "invoice", record)


# === THE DEBTOR AND THE BANK


@action
def pay(world: World, invoice: str | list[str], amount: str | None = None, method: str = "ideal") -> dict[str, int]:
    value = None if amount is None else _money(amount)
    return {"payments": len(money_play.pay(world, _invoices(world, invoice), value, method))}


@action
def pay_bailiff(world: World, invoice: str, amount: str | None = None) -> dict[str, int]:
    value = None if amount is None else _money(amount)
    return {"payments": len(money_play.pay(world, _invoices(world, invoice), value, "bank_transfer", bailiff=True))}


@action
def pay_costs(
    world: World,
    invoice: str,
    amount: str | None = None,
    method: str = "ideal",
    cost_type: str = "debt_collection_costs",
) -> None:
    value = None if amount is None else _money(amount)
    money_play.pay_costs(world, _case(world, invoice), value, method, cost_type)


@action
def debit(world: World, invoice: str | list[str]) -> dict[str, str]:
    """PAYT hands a direct debit to the bank; ``settle_debit`` or ``fail_debit`` is the bank's answer."""
    return {"psp_transaction_id": money_play.start_debit(world, _invoices(world, invoice))["id"]}


@action
def debit_due(world: World) -> dict[str, int]:
    """Hand all direct debits that are due to the bank: sent, open, with a mandate, not on their way already."""
    under_way = {
        number for t in world.store.psp_transactions if t["status"] == "pending" for number in t["invoice_ids"]
    }
    started = 0
    for record in world.store.invoices:
        wanted = record["payment_method"] == "direct_debit" and record.get("sent_at") and not record.get("paused_at")
        is_due = record["due_date"] <= world.clock.today() and amount(record["open_amount"]) > 0
        if wanted and is_due and record["id"] not in under_way and mandates.active_mandate(world, record["debtor_id"]):
            money_play.start_debit(world, [record])
            started += 1
    return {"debits": started}


@action
def settle_all(world: World) -> dict[str, int]:
    """The bank pays every direct debit that is on its way."""
    pending = [t for t in world.store.psp_transactions if t["status"] == "pending"]
    for transaction in pending:
        money_play.finish(world, transaction, paid=True, reason=None)
    return {"debits": len(pending)}


@action
def settle_debit(world: World, invoice: str) -> None:
    money_play.finish(world, _last_transaction(world, invoice, "pending"), paid=True, reason=None)


@action
def fail_debit(world: World, invoice: str, code: str = "AM04") -> None:
    money_play.finish(world, _last_transaction(world, invoice, "pending"), paid=False, reason=code)


@action
def reverse(world: World, invoice: str, code: str = "MD06") -> None:
    """The debtor's bank takes back the last payment through the provider."""
    money_play.reverse(world, _last_transaction(world, invoice, "paid"), code)


@action
def reverse_part(world: World, payment: str, amount: str, code: str = "MD06") -> None:
    """Part of one payment is taken back, of an invoice or of costs; more than it was, if asked for."""
    money_play.reverse_part(world, world.store.payments.get(payment), _money(amount), code)


@action
def refund(world: World, invoice: str) -> None:
    money_play.reverse(world, _last_transaction(world, invoice, "paid"), "", status="refunded")


@action
def dispute(world: World, invoice: str, content: str = "I don't agree") -> dict[str, str]:
    """The debtor comments on an invoice; PAYT pauses it."""
    record = _invoice(world, invoice)
    note = _note(world, content, invoice_id=record["id"], debtor_id=record["debtor_id"])
    world.emit("invoice_new_comment", "invoice", record)
    pause(world, invoice)
    return {"note_id": note["id"]}


@action
def comment(world: World, debtor: str, content: str) -> dict[str, str]:
    record = _debtor(world, debtor)
    note = _note(world, content, debtor_id=record["id"])
    world.emit("debtor_new_comment", "debtor", record)
    return {"note_id": note["id"]}


@action
def bounce(world: World, invoice: str, reason: str = "mailbox unavailable") -> None:
    """An e-mail about the invoice comes back."""
    record = _invoice(world, invoice)
    world.store.notifications.add(
        {
            "notification_type": "mail_bounced",
            "resource_type": "invoice",
            "acknowledged_by_user": None,
            "details": {"bounce_reason": reason},
            "debtor_id": record["debtor_id"],
            "invoice_id": record["id"],
            "created_at": world.clock.stamp(),
        }
    )
    world.emit("invoice_email_bounced", "invoice", record)


@action
def give_address(world: World, debtor: str, address: str) -> None:
    record = _debtor(world, debtor)
    record["debtor_provided_email_address"] = address
    world.store.debtors.touch(record)
    world.emit("debtor_email_address_provided", "debtor", record)


@action
def signal(world: World, debtor: str, event: str) -> None:
    """An event about a debtor that changes nothing we can read: credit limit, creditworthiness, labels."""
    world.emit(event, "debtor", _debtor(world, debtor))


# === PLANS AND MANDATES


@action
def propose_plan(
    world: World, invoice: str | list[str], terms: list[dict[str, str]], reason: str = "Short of cash"
) -> dict[str, str]:
    wanted = [(amount(term["amount"]), term["due_date"]) for term in terms]
    return {"payment_plan_id": plans.propose(world, _invoices(world, invoice), wanted, reason)["id"]}


@action
def break_plan(world: World, plan: str) -> None:
    record = world.store.payment_plans.get(plan)
    if not record:
        raise invalid("Payment plan not found")
    plans.end(world, record, "payment_plan_deactivated")


@action
def expire_terms(world: World) -> dict[str, int]:
    return {"terms": plans.expire_terms(world)}


@action
def sign_mandate(world: World, debtor: str, bank_account_number: str, provider: str = "mollie") -> dict[str, str]:
    """A mandate made at the provider, not by us."""
    record = _debtor(world, debtor)
    given = {
        "bank_account_name": record["name"],
        "bank_account_number": bank_account_number,
        "provider_code": provider,
    }
    return {"psp_mandate_id": mandates.register(world, record, given)["id"]}


@action
def revoke_mandate(world: World, debtor: str) -> None:
    mandate = mandates.active_mandate(world, _debtor(world, debtor)["id"])
    if not mandate:
        raise invalid("The debtor has no active mandate")
    mandates.deactivate(world, mandate)


# === DELETION


@action
def delete(world: World, resource: str, id: str = "", invoice: str = "") -> None:
    """A person at PAYT deletes an invoice, credit case, payment, plan or mandate. No webhook tells."""
    if resource not in ("invoices", "credit_cases", "payments", "payment_plans", "psp_mandates"):
        raise invalid("resource can't be deleted")
    collection_ = getattr(world.store, resource)
    record = _invoice(world, invoice) if invoice else collection_.get(id)
    if not record:
        raise invalid("Nothing to delete")
    if resource == "payments":
        invoice_ = world.store.invoices.get(record["invoice_id"])
        ledger.delete_payment(world, record)
        ledger.settle(world, invoice_)
        return
    collection_.remove(record)
    world.store.deleted.add(
        {
            "_resource": resource,
            "number": record["id"],
            "deleted_at": world.clock.stamp(),
            "debtor_id": record["debtor_id"],
            "invoice_number": record.get("invoice_number"),
            "origin_identifier": record.get("invoice_identifier") or "",
            "mandate_identifier": record.get("mandate_identifier"),
            "provider": record.get("provider"),
        }
    )


def _note(world: World, content: str, **about: str) -> Record:
    """What a debtor writes, in the list or lists that it stands in."""
    where, now = world.setting("comments_in"), world.clock.stamp()
    if where != "notes":
        message = {"sender_type": "debtor", "subject": "Comment", "content": content, "received_at": now, **about}
        message = world.store.messages.add(message)
    return message if where == "messages" else _written_note(world, content, **about)


def _written_note(world: World, content: str, **about: str) -> Record:
    return world.store.notes.add({"content": content, "created_at": world.clock.stamp(), **about})


def _money(value: str) -> Any:
    return amount(text(amount(value)))
