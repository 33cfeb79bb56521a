"""Each failure at each kind of request: what the caller learns, and that PAYT has everything once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from payt_api import (
    Backoff,
    LocalThrottle,
    PaytAuth,
    PaytClient,
    PaytForbidden,
    PaytRejected,
    PaytTemporary,
    PaytThrottled,
    PaytUnknownOutcome,
)
from payt_api import operations as op

from tests.payt import examples
from tests.payt_sandbox import running_sandbox

INVOICE = "INV/2026/0001"


def _with_invoice(client: PaytClient) -> None:
    examples.prepare(client)
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at="2026-11-01T08:00:00Z")])


def _with_blocked_invoice(client: PaytClient) -> None:
    _with_invoice(client)
    client.write_many(op.BLOCK_INVOICES, [INVOICE])


def _with_mandate(client: PaytClient) -> None:
    examples.prepare(client)
    client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())


def _paid(client: PaytClient) -> Any:
    payments = [examples.payment("P1", "21.00"), examples.payment("P2", "100.00")]
    amounts = {"amount_open": "0.00", "book_amount_open": "0.00"}
    return client.write_many(op.UPSERT_INVOICES, [examples.invoice(**amounts, payments=payments)])


class Kind(NamedTuple):
    """A request: how it is prepared and made, and what it is at the server."""

    prepare: Callable[[PaytClient], Any]
    make: Callable[[PaytClient], Any]
    operation: op.Operation


def _nothing(client: PaytClient) -> None:
    pass


REPEATABLE = {
    "vat rates": Kind(
        _nothing, lambda c: c.write_many(op.UPSERT_VAT_RATES, [examples.vat_rate()]), op.UPSERT_VAT_RATES
    ),
    "contacts": Kind(_nothing, lambda c: c.write_many(op.UPSERT_CONTACTS, [examples.contact()]), op.UPSERT_CONTACTS),
    "debtors": Kind(_nothing, lambda c: c.write_many(op.UPSERT_DEBTORS, [examples.debtor()]), op.UPSERT_DEBTORS),
    "files": Kind(_nothing, lambda c: c.upload_files([examples.PDF]), op.ANNOUNCE_FILES),
    "invoices": Kind(
        examples.prepare, lambda c: c.write_many(op.UPSERT_INVOICES, [examples.invoice()]), op.UPSERT_INVOICES
    ),
    "payments": Kind(examples.prepare, _paid, op.UPSERT_INVOICES),
    "block": Kind(_with_invoice, lambda c: c.write_many(op.BLOCK_INVOICES, [INVOICE]), op.BLOCK_INVOICES),
    "resume": Kind(_with_blocked_invoice, lambda c: c.write_many(op.RESUME_INVOICES, [INVOICE]), op.RESUME_INVOICES),
    "revocation": Kind(_with_mandate, lambda c: c.write_many(op.REVOKE_PSP_MANDATES, ["M1"]), op.REVOKE_PSP_MANDATES),
    "reading": Kind(_with_invoice, lambda c: list(c.iter_pages("invoices")), op.LISTINGS["invoices"].operation),
}
ONCE_ONLY = {
    "mandate": Kind(
        examples.prepare, lambda c: c.write_one(op.CREATE_PSP_MANDATES, examples.mandate()), op.CREATE_PSP_MANDATES
    ),
    "plan": Kind(_with_invoice, lambda c: c.write_one(op.CREATE_PAYMENT_PLAN, examples.plan()), op.CREATE_PAYMENT_PLAN),
}
CERTAINLY_NOT_DONE = {"throttle": {}}
MAYBE_DONE = {
    "error": {"status": 500},
    "error_after": {"status": 502},
    "drop": {},
    "lost_answer": {},
    "timeout": {"seconds": 0.5},
    "malformed": {},
}


@pytest.fixture
def impatient(monkeypatch):
    """Time-outs a test can wait for."""
    monkeypatch.setattr(op, "READ_TIMEOUT", (1.0, 0.2))
    monkeypatch.setattr(op, "WRITE_TIMEOUT", (1.0, 0.2))


def _without_failure(kind: Kind) -> dict[str, Any]:
    """What PAYT has when all goes well."""
    with running_sandbox(requests_per_second=100_000) as sandbox:
        auth = PaytAuth(lambda: sandbox.token)
        client = PaytClient(
            sandbox.url, auth=auth, administration_id=sandbox.administration_id, throttle=LocalThrottle(interval=0)
        )
        with client:
            kind.prepare(client)
            kind.make(client)
        return examples.outline(sandbox.state())


def _order(sandbox, failure: str, kind: Kind, times: int = 1, **options: Any) -> None:
    sandbox.fail(failure, method=kind.operation.method, path=kind.operation.path, times=times, **options)


def _asked(sandbox, kind: Kind) -> int:
    return sandbox.traffic.by_operation[str(kind.operation)]


@pytest.mark.parametrize("failure", [*CERTAINLY_NOT_DONE, *MAYBE_DONE])
@pytest.mark.parametrize("name", REPEATABLE)
def test_a_repeatable_request_gets_through_and_doubles_nothing(sandbox, client, impatient, name, failure):
    kind = REPEATABLE[name]
    kind.prepare(client)
    sandbox.traffic.reset()
    _order(sandbox, failure, kind, **{**CERTAINLY_NOT_DONE, **MAYBE_DONE}[failure])

    kind.make(client)

    assert sandbox.faults.happened == 1
    assert sandbox.traffic.contract_broken == []
    assert examples.outline(sandbox.state()) == _without_failure(kind)


@pytest.mark.parametrize("failure", CERTAINLY_NOT_DONE)
@pytest.mark.parametrize("name", ONCE_ONLY)
def test_a_request_that_must_not_be_doubled_is_sent_again_when_nothing_was_done(sandbox, client, name, failure):
    kind = ONCE_ONLY[name]
    kind.prepare(client)
    _order(sandbox, failure, kind)

    kind.make(client)

    assert _asked(sandbox, kind) == 2
    assert examples.outline(sandbox.state()) == _without_failure(kind)


@pytest.mark.parametrize("failure", MAYBE_DONE)
@pytest.mark.parametrize("name", ONCE_ONLY)
def test_a_request_that_must_not_be_doubled_is_not_sent_again_when_it_may_have_been_done(
    sandbox, client, impatient, name, failure
):
    kind = ONCE_ONLY[name]
    kind.prepare(client)
    _order(sandbox, failure, kind, **MAYBE_DONE[failure])

    with pytest.raises(PaytUnknownOutcome) as caught:
        kind.make(client)

    assert not caught.value.retryable
    assert sandbox.faults.happened == 1
    # a time-out's request is noted when it ends, after ours did
    assert _asked(sandbox, kind) <= 1


@pytest.mark.parametrize("name", [*REPEATABLE, *ONCE_ONLY])
def test_a_lapsed_token_is_renewed_once_and_the_request_gets_through(sandbox, make_client, name):
    kind = (REPEATABLE | ONCE_ONLY)[name]
    asked = []

    def renew(stale: str) -> str:
        asked.append(stale)
        return "another token"

    tokens = iter([sandbox.token] * 50)
    client = make_client(auth=PaytAuth(lambda: next(tokens), renew))
    kind.prepare(client)
    _order(sandbox, "expired_token", kind)

    kind.make(client)

    assert asked == [sandbox.token]
    assert examples.outline(sandbox.state()) == _without_failure(kind)


def test_a_token_that_stays_refused_is_not_renewed_for_ever(sandbox, make_client):
    client = make_client(auth=PaytAuth(lambda: "wrong", lambda stale: "wrong too"))
    with pytest.raises(PaytForbidden) as caught:
        client.administration()
    assert caught.value.status == 401
    assert client.requests_sent == 2


@pytest.mark.parametrize("name", [*REPEATABLE, *ONCE_ONLY])
def test_a_missing_permission_is_named_and_not_tried_again(sandbox, client, name):
    kind = (REPEATABLE | ONCE_ONLY)[name]
    kind.prepare(client)
    before = examples.outline(sandbox.state())
    _order(sandbox, "forbidden", kind, reason=f"Missing permission: {kind.operation.scope}")

    with pytest.raises(PaytForbidden) as caught:
        kind.make(client)

    assert caught.value.missing_permission == kind.operation.scope
    assert not caught.value.retryable
    assert examples.outline(sandbox.state()) == before


def test_a_scope_taken_away_gives_the_missing_permission(sandbox, make_client):
    token = sandbox.server.control.make_token({"scopes": ["debtors:write"], "static": True})["access_token"]
    client = make_client(auth=PaytAuth(lambda: token))
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    with pytest.raises(PaytForbidden) as caught:
        client.write_many(op.UPSERT_VAT_RATES, [examples.vat_rate()])
    assert caught.value.missing_permission == "vat_rates:write"


def test_the_attempts_end(sandbox, client):
    sandbox.fail("error", status=503, times=100)
    with pytest.raises(PaytTemporary) as caught:
        client.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    assert caught.value.status == 503
    assert caught.value.retryable
    assert client.requests_sent == 3


def test_the_pauses_grow_and_everyone_with_the_token_waits_after_a_429(sandbox, make_client):
    slept, held = [], []

    class Throttle(LocalThrottle):
        def hold(self, seconds):
            held.append(seconds)

    client = make_client(
        sleep=slept.append, throttle=Throttle(interval=0), backoff=Backoff(attempts=4, chance=lambda: 1.0)
    )
    sandbox.fail("throttle", times=3)
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    assert slept == held == [0.5, 1.0, 2.0]


def test_retry_after_is_kept_to(sandbox, make_client):
    slept = []
    client = make_client(sleep=slept.append)
    sandbox.fail("throttle", retry_after=7)
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    assert 7 <= slept[0] <= 7.25


def test_a_long_retry_after_is_the_callers(sandbox, make_client):
    slept = []
    client = make_client(sleep=slept.append)
    sandbox.fail("throttle", retry_after=3600)
    with pytest.raises(PaytThrottled) as caught:
        client.write_many(op.UPSERT_DEBTORS, [examples.debtor()])
    assert (caught.value.retry_after, slept) == (3600, [])


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_answer_of_two_hundred_and_something_is_a_yes(sandbox, client, status):
    sandbox.fail("error_after", status=status)
    assert client.write_many(op.UPSERT_DEBTORS, [examples.debtor()]).taken == ["D1"]
    assert client.requests_sent == 1


def test_an_unreachable_payt_did_nothing():
    auth = PaytAuth(lambda: "x")
    client = PaytClient("http://127.0.0.1:1", auth=auth, administration_id="1", backoff=Backoff(attempts=1))
    with pytest.raises(PaytTemporary) as caught:
        client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())
    assert not caught.value.maybe_processed


def test_a_rejected_request_says_why(sandbox, client):
    examples.prepare(client)
    with pytest.raises(PaytRejected, match="Debtor not found"):
        client.write_one(op.CREATE_PSP_MANDATES, examples.mandate(debtor_code="D9"))
    assert client.requests_sent == 4


def test_payt_is_only_reached_over_https():
    for url in ("http://api.paytsoftware.com", "ftp://localhost", "https://user:pass@api.paytsoftware.com", "https://"):
        with pytest.raises(PaytForbidden):
            PaytClient(url, auth=PaytAuth(lambda: "x"))
    assert PaytClient("https://api.paytsoftware.com/", auth=PaytAuth(lambda: "x"))
