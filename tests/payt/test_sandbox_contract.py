"""The sandbox refuses what PAYT's description refuses, and everything refused is remembered."""

import json

import pytest
import requests
from payt_api.guard import guarded
from payt_api.operations import InvoicePayload

from tests.payt import examples
from tests.payt_sandbox.contract import DESCRIPTION, Contract, ContractBroken

pytestmark = pytest.mark.breaks_contract


@pytest.fixture
def send(sandbox):
    """A raw request, as no client of ours would make it."""

    def request(method, path, body=None, *, token=None, content_type="application/json", **options):
        headers = {"Authorization": f"Bearer {token or sandbox.token}", "Content-Type": content_type}
        data = body if isinstance(body, bytes | str) or body is None else json.dumps(body)
        return requests.request(method, sandbox.url + path, data=data, headers=headers, timeout=5, **options)

    return request


@pytest.fixture
def invoices(sandbox, client):
    """The body of a write of one invoice that is right but for the changes given."""
    examples.prepare(client)

    def body(**changes):
        record = guarded(InvoicePayload, examples.invoice()) | changes
        return {"administration_id": sandbox.administration_id, "invoices": [record]}

    return body


def _refused(sandbox, answer, about):
    assert answer.status_code == 422, answer.text
    assert answer.json().keys() == {"code", "message"}
    assert about in answer.json()["message"]
    assert len(sandbox.traffic.contract_broken) == 1
    assert sandbox.state()["invoices"] == []


def test_a_right_one_is_taken(invoices, send):
    answer = send("POST", "/v1/invoices", invoices())
    assert answer.status_code == 201
    assert answer.json() == {"success": True, "count": 1, "errors": {}, "warnings": answer.json()["warnings"]}


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"open_amount": "1.00"}, "open_amount"),
        ({"amount_open": 121.0}, "amount_open"),
        ({"amount_open": "121"}, "amount_open"),
        ({"amount_open": "121.000"}, "amount_open"),
        ({"amount_open": None}, "amount_open"),
        ({"due_date": "15-11-2026"}, "due_date"),
        ({"due_date": "2026-02-30"}, "due_date"),
        ({"sent_at": "2026-11-01T08:00:00+00:00"}, "sent_at"),
        ({"sent_at": "2026-11-01"}, "sent_at"),
        ({"sent_at": False}, "sent_at"),
        ({"payment_method": "sepa"}, "payment_method"),
        ({"payment_term": "14"}, "payment_term"),
        ({"payment_term": 2**31}, "payment_term"),
        ({"currency_code": "euro"}, "currency_code"),
        ({"labels": "MAAND"}, "labels"),
        ({"document": {"checksum": "short"}}, "document.checksum"),
        ({"document": {"name": "x"}}, "document"),
        ({"payments": [{"amount": "1.00"}]}, "payments.0"),
        ({"payments": [{"amount": 1, "origin_identifier": "P"}]}, "payments.0.amount"),
        ({"payments": [{"amount": "1.00", "origin_identifier": "P", "transaction_type": "storno"}]}, "payments.0"),
        ({"invoice_lines": [{"description": "x"}]}, "invoice_lines.0"),
    ],
)
def test_an_invoice_that_breaks_the_contract_is_refused(sandbox, invoices, send, changes, about):
    _refused(sandbox, send("POST", "/v1/invoices", invoices(**changes)), about)


def test_a_missing_field_is_refused(sandbox, invoices, send):
    body = invoices()
    del body["invoices"][0]["due_date"]
    _refused(sandbox, send("POST", "/v1/invoices", body), "due_date")


def test_an_administration_as_number_is_refused(sandbox, invoices, send):
    body = invoices() | {"administration_id": int(sandbox.administration_id)}
    _refused(sandbox, send("POST", "/v1/invoices", body), "administration_id")


@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'"x"', b""])
def test_a_body_that_is_none_is_refused(sandbox, send, body):
    assert send("POST", "/v1/invoices", body).status_code == 422
    assert len(sandbox.traffic.contract_broken) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("application/json", {"administration_id": "1", "invoice_numbers": ["x"]}), ("text/plain", "administration_id=1")],
)
def test_block_takes_only_a_form(sandbox, send, content_type, body):
    answer = send("PATCH", "/v1/invoices/block", body, content_type=content_type)
    assert answer.status_code == 422
    assert "application/x-www-form-urlencoded" in answer.json()["message"]


def test_block_takes_a_thousand_at_most(sandbox, send):
    form = f"administration_id={sandbox.administration_id}" + "".join(f"&invoice_numbers=I{n}" for n in range(1001))
    answer = send("PATCH", "/v1/invoices/block", form, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, "1000" in answer.json()["message"]) == (422, True)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "administration_id={id}&debtor=1",
        "administration_id={id}&per_page=501",
        "administration_id={id}&per_page=0",
        "administration_id={id}&per_page=ten",
        "administration_id={id}&paid=yes",
        "administration_id={id}&order=amount_asc",
        "administration_id={id}&updated_after=2026-11-01",
        "administration_id={id}&updated_after=2026-11-01T08:00:00%2B00:00",
        "administration_id={id}&fields=labels",
        "administration_id={id}&fields=%7B%22only%22%3A%5B%22colour%22%5D%7D",
        "administration_id={id}&administration_id={id}",
    ],
)
def test_a_query_that_breaks_the_contract_is_refused(sandbox, send, query):
    assert send("GET", f"/v1/invoices?{query.format(id=sandbox.administration_id)}").status_code == 422


def test_a_body_where_none_belongs_is_refused(sandbox, send):
    assert send("GET", "/v1/administrations", {"x": 1}).status_code == 422


def test_a_contacts_gender_is_refused_as_the_description_stands(sandbox, send):
    body = {"administration_id": sandbox.administration_id, "contacts": [examples.contact(gender="female")]}
    assert send("POST", "/v1/contacts", body).status_code == 422


@pytest.mark.parametrize("header", [None, "Bearer ", "Bearer wrong", "Basic x", "sandbox-static-token"])
def test_without_a_good_token_nothing_is_told(sandbox, header):
    headers = {"Authorization": header} if header else {}
    answer = requests.get(f"{sandbox.url}/v1/administrations", headers=headers, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


def test_another_administration_is_not_found(sandbox, send):
    assert send("GET", "/v1/invoices?administration_id=1").status_code == 404


def test_an_unknown_operation_is_not_found(send):
    assert send("GET", "/v1/nothing").status_code == 404
    assert send("PUT", "/v1/invoices", {}).status_code == 404


def test_a_429_has_no_data(sandbox, send):
    sandbox.world.set("requests_per_second", 2)
    answers = [send("GET", "/v1/administrations") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].content == b""


def test_every_validator_of_the_description_can_be_built():
    contract = Contract()
    assert len(contract.operations) > 50
    for operation in contract.operations:
        assert operation.bodies.keys() == operation._body_validators.keys()
        for status, answer in operation.spec["responses"].items():
            if "content" in answer and int(status) < 300:
                with pytest.raises(ContractBroken):
                    operation.check_answer(int(status), 7)


def test_the_description_is_the_vendors_to_the_byte():
    """Whoever mends it has to mend ``contract.py`` instead, and say there what deviates."""
    import hashlib

    assert (
        hashlib.sha256(DESCRIPTION.read_bytes()).hexdigest()
        == "33aa046f8d71d749bd729c496f9872065a419437dc160c70577450b15c4b448b"
    )
