"""VAT rates, contacts and debtors: upserts on their natural keys."""

from typing import Any

from .contract import published_texts
from .outcome import Outcome
from .store import Record
from .world import World

CONTACT_TO_DEBTOR = (
    *("invoice_email_address", "invoice_cc_email_address", "invoice_bcc_email_address"),
    *("reminder_email_address", "reminder_cc_email_address", "reminder_bcc_email_address"),
    *("call_phone_number", "sms_phone_number"),
)


def upsert_vat_rates(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    for given in outcome.wanted(body["vat_rates"], "code"):
        with outcome.record(given.get("code", "")) as problems:
            known = world.store.vat_rates.by("code", given.get("code"))
            if not given.get("code"):
                problems.append("Code can't be blank")
            for name in ("rate", "name"):
                if not known and name not in given:
                    problems.append(f"{name.capitalize()} can't be blank")
            if problems:
                continue
            record = known or world.store.vat_rates.add({"category": "regular", "code": given["code"]})
            record.update(given, rate=float(given.get("rate", record.get("rate", 0))))
            world.store.vat_rates.touch(record)


def upsert_contacts(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    for given in outcome.wanted(body["contacts"], "contact_identifier", "id"):
        with outcome.record(given.get("contact_identifier") or given.get("id") or "") as problems:
            if "id" in given and not world.store.contacts.get(given["id"]):
                problems.append("Contact not found")
                continue
            contact = _upsert(world, world.store.contacts, "contact_identifier", given)
            contact.setdefault("validation_errors", {})
            for debtor in world.store.debtors:
                if given.get("contact_identifier") and debtor.get("_contact") == given["contact_identifier"]:
                    _take_addresses(world, debtor, contact)


def upsert_debtors(world: World, body: dict[str, Any], outcome: Outcome) -> None:
    for given in outcome.wanted(body["debtors"], "debtor_number"):
        with outcome.record(given["debtor_number"]) as problems:
            contact = world.store.contacts.by("contact_identifier", given.get("contact_identifier"))
            if "contact_identifier" in given and not contact:
                problems.append("Contact not found")
            other = world.store.debtors.by("debtor_identifier", given["debtor_identifier"])
            if other and other["debtor_number"] != given["debtor_number"]:
                problems.append("Debtor identifier has already been taken")
            if problems:
                continue
            values = {
                name: value for name, value in given.items() if name not in ("country_code", "contact_identifier")
            }
            values["_country_code"] = given.get("country_code")
            debtor = _upsert(world, world.store.debtors, "debtor_number", values)
            if contact:
                debtor["_contact"] = contact["contact_identifier"]
                numbers = contact.setdefault("debtor_numbers", [])
                if debtor["debtor_number"] not in numbers:
                    numbers.append(debtor["debtor_number"])
                    world.store.contacts.touch(contact)
            _take_addresses(world, debtor, contact)


# a label left out leaves labels as they are, in either reading: that is written
TEXTS_OF = {
    "contact_identifier": frozenset(published_texts("postV1Contacts", "contacts")) - {"id", "contact_identifier"},
    "debtor_number": frozenset(published_texts("postV1Debtors", "debtors"))
    - {"debtor_number", "debtor_identifier", "name", "country_code", "contact_identifier"},
}


def _upsert(world: World, collection: Any, key: str, given: Record) -> Record:
    if world.setting("omitted_is_emptied"):
        given = dict.fromkeys(TEXTS_OF[key], "") | given
    record = collection.by(key, given.get(key)) or (collection.get(given["id"]) if "id" in given else None)
    if record is None:
        return collection.add(dict(given))
    record.update(given)
    collection.touch(record)
    return record


def _take_addresses(world: World, debtor: Record, contact: Record | None) -> None:
    """What PAYT shows of a debtor's contact on the debtor itself."""
    if contact:
        for name in CONTACT_TO_DEBTOR:
            debtor[name] = contact.get(name)
        debtor["primary_email_address"] = contact.get("default_email_address")
    address = {
        "city": (contact or {}).get("postal_address_city") or "",
        "country_code": (contact or {}).get("postal_address_country_code") or debtor.get("_country_code") or "NL",
    }
    optional = {
        "postal_code": (contact or {}).get("postal_address_postal_code"),
        "region": (contact or {}).get("postal_address_region"),
        "street_1": (contact or {}).get("postal_address_street_1"),
        "street_2": (contact or {}).get("postal_address_street_2"),
    }
    debtor["postal_address"] = address | {name: value for name, value in optional.items() if value}
    world.store.debtors.touch(debtor)
