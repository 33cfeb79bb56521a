"""Small valid records, and a PAYT that has what an invoice needs."""

from datetime import date
from decimal import Decimal
from typing import Any

from payt_api import PaytClient, PaytFile
from payt_api import operations as op

IBAN = "NL91ABNA0417164300"
PDF = PaytFile.of(b"%PDF-1.7 an invoice", "application/pdf")


def vat_rate(code: str = "V21", **values: Any) -> dict[str, Any]:
    return {"code": code, "rate": Decimal(21), "name": "21%", "category": "regular", **values}


def contact(identifier: str = "C1", **values: Any) -> dict[str, Any]:
    return {"contact_identifier": identifier, "invoice_email_address": "facturen@klant.example", **values}


def debtor(number: str = "D1", **values: Any) -> dict[str, Any]:
    return {"debtor_number": number, "name": "Klant BV", "debtor_identifier": f"partner-{number}", **values}


def invoice(number: str = "INV/2026/0001", total: str = "121.00", **values: Any) -> dict[str, Any]:
    amounts = dict.fromkeys(("amount_total", "amount_open", "book_amount_total", "book_amount_open"), Decimal(total))
    return {
        "invoice_number": number,
        "debtor_number": "D1",
        "currency_code": "EUR",
        "invoice_date": date(2026, 11, 1),
        "due_date": date(2026, 11, 15),
        **amounts,
        **values,
    }


def payment(key: str, amount: str, **values: Any) -> dict[str, Any]:
    return {"amount": amount, "origin_identifier": key, "transaction_type": "payment", **values}


def mandate(reference: str = "M1", **values: Any) -> dict[str, Any]:
    return {
        "bank_account_name": "Klant BV",
        "bank_account_number": IBAN,
        "provider_code": "mollie",
        "debtor_code": "D1",
        "mandate_reference": reference,
        **values,
    }


def plan(number: str = "INV/2026/0001") -> dict[str, Any]:
    terms = [{"amount": Decimal("60.50"), "due_date": day} for day in (date(2026, 12, 1), date(2027, 1, 1))]
    return {"terms": terms, "invoice_numbers": [number]}


def prepare(client: PaytClient) -> None:
    """A VAT rate, a contact and a debtor."""
    client.write_many(op.UPSERT_VAT_RATES, [vat_rate()])
    client.write_many(op.UPSERT_CONTACTS, [contact()])
    client.write_many(op.UPSERT_DEBTORS, [debtor(contact_identifier="C1")])


def outline(state: dict[str, Any]) -> dict[str, Any]:
    """What PAYT has, without the numbers and moments that differ from run to run."""
    return {name: sorted((_plain(record) for record in records), key=str) for name, records in state.items()}


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _plain(value) for name, value in sorted(node.items()) if not _is_chance(name)}
    return [_plain(item) for item in node] if isinstance(node, list) else node


def _is_chance(name: str) -> bool:
    return name == "id" or name.endswith(("_id", "_ids", "_at", "_key", "number")) and name not in OURS


OURS = {"invoice_number", "debtor_number", "bank_account_number"}
