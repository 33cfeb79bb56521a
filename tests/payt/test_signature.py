"""Signatures of webhooks, and checksums of files."""

import base64
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payt_api.signature import checksum, is_signed, sign

# without NUL, which HMAC can't tell from the end of a key
secrets = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=40)
BODY = b'{"event": {"id": 1}}'


def test_the_signature_is_hmac_sha256_in_hex():
    # RFC 4231, test case 2
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign(b"what do ya want for nothing?", "Jefe") == expected


@given(st.binary(), secrets, secrets)
def test_only_the_secret_that_signed_it_fits(body, secret, other):
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    assert is_signed(body, signature, [secret])
    assert is_signed(body, signature.upper(), [other, secret])
    assert is_signed(body, signature, [other]) == (other == secret)


def test_during_a_rotation_the_old_and_the_new_secret_both_count():
    for secret in ("old", "new"):
        assert is_signed(BODY, sign(BODY, secret), ["new", "old"])


@pytest.mark.parametrize(
    "signature", [None, "", "é", sign(BODY, "s")[:-1], sign(BODY, "s") + "0", sign(BODY + b" ", "s"), sign(BODY, "t")]
)
def test_anything_else_is_refused(signature):
    assert not is_signed(BODY, signature, ["s"])


@pytest.mark.parametrize("secrets", [[], [""], ["", None]])
def test_without_a_secret_nothing_is_signed(secrets):
    assert not is_signed(BODY, sign(BODY, ""), secrets)


@given(st.binary())
def test_a_checksum_is_sha3_512_in_88_characters(content):
    text = checksum(content)
    assert len(text) == 88
    assert base64.b64decode(text) == hashlib.sha3_512(content).digest()
