"""No token, secret, signed address or full account number in any log line or error text, whatever goes wrong."""

import logging
import traceback

import pytest
from payt_api import PaytAuth, PaytError, auth
from payt_api import operations as op
from payt_api.redaction import redacted

from tests.payt import examples

REASON = f"The account {examples.IBAN} and token sandbox-static-token are odd"
# not written out below: a traceback shows the lines of this file
CODE, WRONG_SECRET = "the-code-of-the-grant", "a-wrong-client-secret"
FAILURES = ["error", "error_after", "drop", "lost_answer", "timeout", "malformed", "expired_token"]


@pytest.fixture
def said(caplog, monkeypatch):
    """Everything logged at any level, and the text of every error with all it is chained to."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(op, "WRITE_TIMEOUT", (1.0, 0.1))
    monkeypatch.setattr(auth, "TOKEN_TIMEOUT", (1.0, 0.1))
    texts = []

    def attempt(make):
        try:
            texts.append(repr(make()))
        except PaytError as error:
            texts.append("".join(traceback.format_exception(error, chain=True)))
            texts.append(repr(error))
            texts.append(repr(error.partial))

    yield attempt, lambda: "\n".join([*texts, *(record.getMessage() for record in caplog.records)])


@pytest.mark.parametrize("failure", [*FAILURES, "refuse", "forbidden", "record_error"])
def test_no_secret_shows_whatever_fails(sandbox, make_client, said, failure):
    attempt, heard = said
    client = make_client(auth=PaytAuth(lambda: sandbox.token, lambda stale: None))
    examples.prepare(client)
    options = {"seconds": 0.3, "times": 100, "reason": REASON}
    sandbox.fail(failure, path="/v1/.*|/file_storage", **options)
    attempt(lambda: client.upload_files([examples.PDF]))
    attempt(lambda: client.write_many(op.UPSERT_DEBTORS, [examples.debtor(bank_account_number=examples.IBAN)]))
    attempt(lambda: client.write_one(op.CREATE_PSP_MANDATES, examples.mandate()) and None)
    attempt(lambda: client.write_many(op.REVOKE_PSP_MANDATES, ["M1"]))
    sandbox.faults.clear()
    sandbox.fail(failure, path="/file_storage", **options)
    attempt(lambda: client.upload_files([examples.PDF]))
    attempt(lambda: client)
    attempt(lambda: client._transport.auth)

    text = heard()
    for secret in (sandbox.token, examples.IBAN, *_upload_keys(sandbox)):
        assert secret not in text
    assert "urllib3" in text or "POST" in text  # something was heard at all


@pytest.mark.parametrize("failure", FAILURES)
def test_no_secret_shows_when_getting_tokens(sandbox, said, failure):
    attempt, heard = said
    tokens = sandbox.server.control.make_token({})
    sandbox.fail(failure, path="/oauth/token", seconds=0.3, times=1)
    credentials = (sandbox.url, sandbox.client_id, sandbox.client_secret)
    attempt(lambda: auth.refresh(*credentials, tokens["refresh_token"]))
    attempt(lambda: auth.refresh(*credentials, tokens["refresh_token"]))
    attempt(lambda: auth.exchange_code(*credentials, CODE, "https://odoo.example"))
    attempt(lambda: auth.client_credentials(*credentials))
    attempt(lambda: auth.client_credentials(sandbox.url, sandbox.client_id, WRONG_SECRET))
    text = heard()
    known = {sandbox.client_secret, CODE, WRONG_SECRET}
    known |= {value for token in sandbox.world.store.tokens for value in _tokens(token) if value != sandbox.token}
    assert len(known) >= 5
    for secret in known:
        assert secret not in text


def test_an_upload_to_an_unreachable_host_does_not_tell_the_address(make_client, said):
    attempt, heard = said
    key = "a-signed-address"
    attempt(lambda: make_client()._transport.upload(f"http://127.0.0.1:1/file_storage/{key}", b"", "application/pdf"))
    assert "can't be reached" in heard()
    assert "/file_storage/" + "a-signed" not in heard()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("NL91ABNA0417164300", "NL91…4300"),
        ("NL91 ABNA 0417 1643 00", "NL91…4300"),
        ("to DE89370400440532013000, please", "to DE89…3000, please"),
        ("Authorization: Bearer abcdefghij", "Authorization: *** abcdefghij"),
        ('{"refresh_token": "abcdefghijk"}', '{"refresh_token": "***"}'),
        ("INV/2026/0001 is fine", "INV/2026/0001 is fine"),
        ("mine is s3cret!", "mine is ***!"),
    ],
)
def test_texts_are_masked(text, clean):
    masked = redacted(text, ["s3cret"])
    if "Bearer" in text:
        assert "abcdefghij" not in masked
    else:
        assert masked == clean


def test_long_texts_are_cut():
    assert len(redacted("x" * 10_000)) == 501


def _upload_keys(sandbox):
    return [file["_upload_key"] for file in sandbox.world.store.files]


def _tokens(token):
    return [token[name] for name in ("access_token", "refresh_token") if token.get(name)]


def test_a_token_that_is_not_ours_any_more_is_masked_too_and_words_are_not():
    assert redacted("Odd: token WAIUUVvFfvhdRq0OyDMXmYJNYF27zEmMO7N7TXyRcdM") == "Odd: token ***"
    assert redacted("The access token expired, the token administration says so") == (
        "The access token expired, the token administration says so"
    )
