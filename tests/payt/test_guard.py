"""The payload guard: what it lets through the contract lets through, and what the contract refuses never leaves."""

from datetime import date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payt_api import PaytPayloadInvalid
from payt_api import operations as op
from payt_api.guard import EMPTIED, get_emptiable, guarded

from tests.payt import examples
from tests.payt_sandbox.contract import Contract, ContractBroken

CONTRACT = Contract()
texts = st.text(st.characters(codec="utf-8"), max_size=20)
# what a field of a record may hold: Odoo's empties, texts, amounts, days
anything = st.one_of(
    st.none(),
    st.just(EMPTIED),
    st.booleans(),
    texts,
    st.integers(),
    st.decimals(allow_nan=True, allow_infinity=True),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.lists(texts, max_size=3),
    st.dictionaries(texts, texts, max_size=2),
)


def _accepted(path: str, name: str, payload: dict) -> bool:
    """Whether the contract takes this payload as the only one of a bulk write."""
    import json

    operation, _ = CONTRACT.find("POST", path)
    try:
        operation.read_body("application/json", json.dumps({"administration_id": "1", name: [payload]}).encode())
    except ContractBroken:
        return False
    return True


def _names(payload_type: type) -> st.SearchStrategy[str]:
    return st.sampled_from(sorted(payload_type.__annotations__) + ["unknown", "gender"])


@pytest.mark.parametrize(
    ("payload_type", "path", "name", "example"),
    [
        (op.DebtorPayload, "/v1/debtors", "debtors", examples.debtor()),
        (op.ContactPayload, "/v1/contacts", "contacts", examples.contact()),
        (op.InvoicePayload, "/v1/invoices", "invoices", examples.invoice()),
        (op.VatRatePayload, "/v1/vat_rates", "vat_rates", examples.vat_rate()),
        (op.PspMandatePayload, "/v1/psp_mandates", "psp_mandates", examples.mandate()),
    ],
)
@given(data=st.data())
def test_what_the_guard_lets_through_the_contract_accepts(payload_type, path, name, example, data):
    changes = data.draw(st.dictionaries(_names(payload_type), anything, max_size=4))
    try:
        payload = guarded(payload_type, {**example, **changes})
    except PaytPayloadInvalid as error:
        assert error.problems
    else:
        assert _accepted(path, name, payload)
        assert guarded(payload_type, payload) == payload


def test_empty_fields_are_left_out_and_nothing_else():
    record = examples.debtor(vat_number=False, coc_number="", remark=None, is_company=False, labels=[])
    payload = guarded(op.DebtorPayload, record)
    assert payload == examples.debtor(is_company=False, labels=[])


@pytest.mark.parametrize(
    ("payload_type", "path", "name", "example"),
    [
        (op.DebtorPayload, "/v1/debtors", "debtors", examples.debtor()),
        (op.ContactPayload, "/v1/contacts", "contacts", examples.contact()),
        (op.InvoicePayload, "/v1/invoices", "invoices", examples.invoice()),
    ],
)
def test_every_field_can_be_emptied_that_is_text(payload_type, path, name, example):
    payload = guarded(payload_type, {**example, **get_emptiable(payload_type)})
    assert _accepted(path, name, payload)
    assert {field for field in get_emptiable(payload_type) if payload[field] not in ("", [])} == set()


def test_only_peppol_enabled_may_be_null():
    assert guarded(op.DebtorPayload, examples.debtor(peppol_enabled=None))["peppol_enabled"] is None
    assert guarded(op.DebtorPayload, examples.debtor(peppol_enabled=False))["peppol_enabled"] is False


def test_money_days_and_moments_are_written_as_payt_wants_them():
    payments = [examples.payment("P1", Decimal("-21"), payment_date=date(2026, 11, 3))]
    payload = guarded(op.InvoicePayload, examples.invoice(sent_at=datetime(2026, 11, 1, 8), payments=payments))
    assert payload["amount_total"] == "121.00"
    assert payload["sent_at"] == "2026-11-01T08:00:00Z"
    assert payload["payments"][0] == {**payments[0], "amount": "-21.00", "payment_date": "2026-11-03"}


def test_a_plans_amounts_are_numbers():
    assert guarded(op.PaymentPlanPayload, examples.plan())["terms"][0]["amount"] == 60.5


def test_an_empty_list_of_payments_stays_because_it_says_something():
    assert guarded(op.InvoicePayload, examples.invoice(payments=[]))["payments"] == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"amount_open": 121.005}, "amount_open: an amount with more than two decimals"),
        ({"amount_open": True}, "amount_open: not a number"),
        ({"due_date": "15-11-2026"}, "due_date: not a day"),
        ({"payment_method": "sepa"}, "payment_method: none of bank_transfer, direct_debit"),
        ({"currency_code": "eur"}, "currency_code: not a currency code"),
        ({"payment_term": True}, "payment_term: not a whole number"),
        ({"payment_term": 2**31}, "payment_term: not a number of at most 32 bits"),
        ({"labels": "MAAND"}, "labels: not a list"),
        ({"labels": [1]}, "labels[0]: not a text"),
        ({"document": {"checksum": "abc"}}, "document.checksum: not a checksum"),
        ({"payments": [{"amount": "1.00"}]}, "payments[0].origin_identifier: missing"),
        ({"invoice_number": False}, "invoice_number: missing"),
        ({"open_amount": "1.00"}, "open_amount: not in PAYT's contract"),
        ({"sent_at": "2026-11-01T08:00:00+00:00"}, "sent_at: not a moment"),
    ],
)
def test_what_is_wrong_is_named(values, problem):
    with pytest.raises(PaytPayloadInvalid) as caught:
        guarded(op.InvoicePayload, examples.invoice(**values))
    assert [line for line in caught.value.problems if line.startswith(problem)]


def test_a_problem_never_tells_the_value():
    with pytest.raises(PaytPayloadInvalid) as caught:
        guarded(op.PspMandatePayload, examples.mandate(bank_account_number=12345678, provider_code=examples.IBAN))
    assert "12345678" not in str(caught.value) and examples.IBAN not in str(caught.value)
