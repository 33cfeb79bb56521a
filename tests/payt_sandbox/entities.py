"""Records as PAYT shows them: which properties, asked for with ``fields`` or not, empty ones absent or null."""

import json
from typing import Any

from .problems import invalid
from .store import Record
from .world import World

ENTITIES = {
    "administrations": "CustomerApi_V1_AdministrationEntity",
    "contacts": "CustomerApi_V1_ContactEntity",
    "credit_cases": "CustomerApi_V1_CreditCaseEntity",
    "debtors": "CustomerApi_V1_DebtorEntity",
    "invoices": "CustomerApi_V1_InvoiceEntity",
    "messages": "CustomerApi_V1_MessageEntity",
    "notes": "CustomerApi_V1_NoteEntity",
    "notifications": "CustomerApi_V1_NotificationEntity",
    "payments": "CustomerApi_V1_PaymentEntity",
    "payment_plans": "CustomerApi_V1_PaymentPlanEntity",
    "psp_mandates": "CustomerApi_V1_PspMandateEntity",
    "psp_transactions": "CustomerApi_V1_PspTransactionEntity",
    "vat_rates": "CustomerApi_V1_VatRateEntity",
}


class View:
    """How one request wants the records of one collection."""

    def __init__(self, world: World, collection: str, fields: str | None = None) -> None:
        entity = ENTITIES[collection]
        self._world = world
        self._collection = collection
        contract = world.contract.entity(entity)
        self._nulls = world.setting("nulls")
        self._required = set(contract["required"])
        known = list(contract["properties"])
        if fields is None:
            on_request = world.contract.on_request(entity)
            self._names = [name for name in known if name not in on_request]
        else:
            self._names = _chosen(fields, known)
            self._required &= set(self._names)

    def show(self, record: Record) -> dict[str, Any]:
        values = {name: self._value(record, name) for name in self._names}
        if self._nulls:
            return values
        return {name: value for name, value in values.items() if value is not None or name in self._required}

    def _value(self, record: Record, name: str) -> Any:
        value = record.get(name)
        if name == "labels":
            return [{"name": label} for label in value or []]
        if name == "debtor_number" and self._collection == "psp_mandates":
            debtor = self._world.store.debtors.get(record["debtor_id"])
            return debtor and debtor["debtor_number"]
        if name in ("psp_transaction", "bank_transaction"):
            return self._transaction(record, name)
        if name in ("document_url", "ubl_document_url"):
            document = record.get("_" + name.removesuffix("_url"))
            return document and f"{self._world.base_url}/_files/{document['_key']}/{document['filename']}"
        if name in ("public_url", "deeplink_url"):
            return f"{self._world.base_url}/#{self._collection}-{record['id']}"
        if name == "administration_id":
            return self._world.administration["id"]
        return value

    def _transaction(self, record: Record, name: str) -> Any:
        if name == "bank_transaction":
            return record.get("_bank_transaction")
        transaction = self._world.store.psp_transactions.get(record.get("_psp_transaction_id"))
        return transaction and View(self._world, "psp_transactions").show(transaction)


def _chosen(fields: str, known: list[str]) -> list[str]:
    """The names in ``{"only": [...]}``: exactly these are returned."""
    try:
        only = json.loads(fields)["only"]
        names = [name for item in only for name in ([item] if isinstance(item, str) else item)]
    except (ValueError, KeyError, TypeError):
        raise invalid('fields is invalid, it should look like {"only": ["field"]}') from None
    unknown = [name for name in names if name not in known]
    if unknown:
        raise invalid(f"fields has unknown names: {', '.join(unknown)}")
    return names
