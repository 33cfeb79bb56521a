"""Tokens: the three ways, the round trip with state, rotation, and what is never repeated."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from payt_api import (
    PaytAuth,
    PaytForbidden,
    PaytReauthorise,
    PaytTemporary,
    PaytThrottled,
    PaytUnknownOutcome,
    auth,
    wire,
)

REDIRECT = "https://odoo.example/payt/oauth"


@pytest.fixture
def tokens(sandbox):
    """Tokens got by the whole round trip."""
    state = auth.new_state()
    url = auth.authorize_url(sandbox.url, sandbox.client_id, REDIRECT, state, ["invoices:read", "debtors:read"])
    back = requests.get(url, allow_redirects=False, timeout=5).headers["Location"]
    answer = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()}
    auth.check_state(state, answer["state"])
    return auth.exchange_code(sandbox.url, sandbox.client_id, sandbox.client_secret, answer["code"], REDIRECT)


def _refresh(sandbox, token):
    return auth.refresh(sandbox.url, sandbox.client_id, sandbox.client_secret, token)


def _requests(sandbox):
    return sandbox.traffic.by_operation["POST /oauth/token"]


def test_a_client_is_tested_without_using_up_a_token(sandbox, tokens):
    auth.check_client(sandbox.url, sandbox.client_id, sandbox.client_secret)
    with pytest.raises(PaytForbidden):
        auth.check_client(sandbox.url, sandbox.client_id, "wrong")
    assert _refresh(sandbox, tokens.refresh_token).access_token


def test_the_round_trip_gives_tokens_that_work(sandbox, tokens, make_client):
    assert tokens.scopes == {"invoices:read", "debtors:read"}
    lifetime = tokens.expires_at - datetime.now(UTC)
    assert timedelta(seconds=7190) < lifetime <= timedelta(seconds=7200)
    client = make_client(auth=PaytAuth(lambda: tokens.access_token))
    assert list(client.iter_pages("debtors")) == []


def test_the_address_to_grant_access_at_is_the_web_applications():
    url = auth.authorize_url(wire.DEMO.app, "id", REDIRECT, "s t", ["b:read", "a:read"])
    assert url == (
        "https://demo.paytsoftware.com/oauth/authorize?client_id=id&redirect_uri=https%3A%2F%2Fodoo.example%2Fpayt%2Foauth"
        "&response_type=code&state=s+t&scope=a%3Aread+b%3Aread"
    )


@pytest.mark.parametrize(
    ("expected", "given"), [("a", "b"), ("a", ""), ("a", None), ("", ""), (None, None), ("a", "é")]
)
def test_a_state_that_is_not_ours_is_refused(expected, given):
    with pytest.raises(PaytForbidden):
        auth.check_state(expected, given)


def test_states_differ():
    assert len({auth.new_state() for _ in range(100)}) == 100


def test_client_credentials_never_lapse(sandbox, make_client):
    tokens = auth.client_credentials(sandbox.url, sandbox.client_id, sandbox.client_secret)
    assert (tokens.expires_at, tokens.refresh_token) == (None, "")
    sandbox.clock.advance(10 * 365 * 24 * 3600)
    assert make_client(auth=PaytAuth(lambda: tokens.access_token)).administration()


def test_a_refresh_token_works_once(sandbox, tokens):
    new = _refresh(sandbox, tokens.refresh_token)
    assert new.refresh_token != tokens.refresh_token
    assert _refresh(sandbox, new.refresh_token).access_token
    with pytest.raises(PaytReauthorise):
        _refresh(sandbox, tokens.refresh_token)


def test_a_refresh_token_lapses_after_90_days(sandbox, tokens):
    sandbox.clock.advance(90 * 24 * 3600 + 1)
    with pytest.raises(PaytReauthorise):
        _refresh(sandbox, tokens.refresh_token)


def test_a_lapsed_access_token_is_renewed_by_the_hook(sandbox, tokens, make_client):
    store = {"tokens": tokens}

    def renew(stale):
        assert stale == store["tokens"].access_token
        store["tokens"] = _refresh(sandbox, store["tokens"].refresh_token)
        return store["tokens"].access_token

    client = make_client(auth=PaytAuth(lambda: store["tokens"].access_token, renew))
    sandbox.clock.advance(7201)
    assert list(client.iter_pages("debtors")) == []
    assert list(client.iter_pages("invoices")) == []
    assert _requests(sandbox) == 2  # the code and one refresh


@pytest.mark.parametrize("failure", ["error", "error_after", "lost_answer", "drop", "malformed", "timeout"])
def test_a_rotation_whose_answer_is_lost_is_never_repeated(sandbox, tokens, monkeypatch, failure):
    monkeypatch.setattr(auth, "TOKEN_TIMEOUT", (1.0, 0.2))
    before = _requests(sandbox)
    sandbox.fail(failure, path="/oauth/token", seconds=0.5)
    with pytest.raises(PaytUnknownOutcome) as caught:
        _refresh(sandbox, tokens.refresh_token)
    assert not caught.value.retryable
    assert _requests(sandbox) == before + 1


def test_a_throttled_rotation_may_be_repeated(sandbox, tokens):
    sandbox.fail("throttle", path="/oauth/token")
    with pytest.raises(PaytThrottled):
        _refresh(sandbox, tokens.refresh_token)
    assert _refresh(sandbox, tokens.refresh_token)


def test_an_unreachable_token_endpoint_did_nothing():
    with pytest.raises(PaytTemporary) as caught:
        auth.refresh("http://127.0.0.1:1", "id", "secret", "token")
    assert not caught.value.maybe_processed


def test_a_wrong_client_secret_is_a_matter_of_settings(sandbox, tokens):
    with pytest.raises(PaytForbidden) as caught:
        auth.refresh(sandbox.url, sandbox.client_id, "wrong", tokens.refresh_token)
    assert not isinstance(caught.value, PaytReauthorise)
    assert caught.value.code == "invalid_client"
    assert _refresh(sandbox, tokens.refresh_token)


def test_secrets_are_not_sent_over_an_open_line():
    with pytest.raises(PaytForbidden, match="https"):
        auth.refresh("http://api.paytsoftware.com", "id", "secret", "token")


@pytest.mark.parametrize("token", ["", "two words", "new\nline", "é"])
def test_what_cannot_be_a_token_is_not_sent(sandbox, make_client, token):
    with pytest.raises(PaytForbidden):
        make_client(auth=PaytAuth(lambda: token)).administration()
    assert sandbox.traffic.as_json()["total"] == 0


@pytest.mark.parametrize("status", [200, 201])
def test_tokens_are_kept_whatever_success_is_called(monkeypatch, status):
    """Many a framework calls what a POST made 201; tokens thrown away are a rotation lost."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = b'{"access_token": "a", "refresh_token": "r", "expires_in": 7200}'
    monkeypatch.setattr(requests, "post", lambda *args, **kwargs: answer)
    assert auth.refresh("https://api.paytsoftware.com", "id", "secret", "old").refresh_token == "r"
