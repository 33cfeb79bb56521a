"""Mandates at the payment provider."""

from typing import Any

from .entities import View
from .outcome import Outcome
from .problems import invalid
from .store import Record
from .world import World


def create(world: World, body: dict[str, Any]) -> Any:
    """``POST /v1/psp_mandates``: all or none; PAYT documents no answer by record."""
    debtors = [_checked(world, given) for given in body["psp_mandates"]]
    made = [register(world, debtor, given) for debtor, given in zip(debtors, body["psp_mandates"], strict=True)]
    view = View(world, "psp_mandates", body.get("fields"))
    shown = [view.show(mandate) for mandate in made]
    return shown[0] if world.setting("single_answers") and len(shown) == 1 else shown


def register(world: World, debtor: Record, given: Record) -> Record:
    mandate = world.store.psp_mandates.add(
        {
            "bank_account_name": given["bank_account_name"],
            "bank_account_number": given["bank_account_number"],
            "debtor_id": debtor["id"],
            "provider": given["provider_code"],
            "mandate_identifier": given.get("mandate_identifier") or f"mdt_{len(world.store.psp_mandates) + 1:06d}",
            "mandate_reference": given.get("mandate_reference"),
            "deactivated_at": None,
        }
    )
    world.emit("psp_mandate_created", "psp_mandate", mandate)
    return mandate


def revoke(world: World, query: dict[str, Any], outcome: Outcome) -> None:
    """``DELETE /v1/psp_mandates``."""
    numbers = {debtor["debtor_number"]: debtor["id"] for debtor in world.store.debtors}
    finders = {
        "psp_mandate_ids": lambda mandate, key: mandate["id"] == key,
        "mandate_identifiers": lambda mandate, key: mandate["mandate_identifier"] == key,
        "mandate_references": lambda mandate, key: mandate.get("mandate_reference") == key,
        "debtor_numbers": lambda mandate, key: mandate["debtor_id"] == numbers.get(key),
    }
    if not any(query.get(name) for name in finders):
        raise invalid("No mandates are named")
    active = [mandate for mandate in world.store.psp_mandates if not mandate["deactivated_at"]]
    for name, fits in finders.items():
        for key in query.get(name, []):
            found = [mandate for mandate in active if fits(mandate, key)]
            if outcome.skips(key):
                continue
            if not found and world.setting("repeats_are_errors"):
                outcome.errors[key] = ["Mandate is already revoked"]
            elif not found:
                outcome.not_found(key)
            for mandate in found:
                with outcome.record(key):
                    deactivate(world, mandate)


def deactivate(world: World, mandate: Record) -> None:
    mandate["deactivated_at"] = world.clock.stamp()
    world.store.psp_mandates.touch(mandate)
    world.emit("psp_mandate_revoked", "psp_mandate", mandate)


def active_mandate(world: World, debtor_id: str) -> Record | None:
    for mandate in world.store.psp_mandates:
        if mandate["debtor_id"] == debtor_id and not mandate["deactivated_at"]:
            return mandate
    return None


def _checked(world: World, given: Record) -> Record:
    """The debtor of a mandate that may be registered."""
    debtor = world.store.debtors.by("debtor_number", given.get("debtor_code")) or world.store.debtors.get(
        given.get("debtor_id")
    )
    if not debtor:
        raise invalid("Debtor not found")
    for known in world.store.psp_mandates:
        is_free = known["deactivated_at"] and world.setting("revoked_references_are_free")
        if known["mandate_reference"] == given.get("mandate_reference") and not is_free:
            raise invalid("Mandate reference has already been taken")
    if active_mandate(world, debtor["id"]):
        raise invalid("Debtor has a mandate already")
    return debtor
