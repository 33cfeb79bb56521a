"""The two digests of PAYT: the signature of a webhook, and the checksum of a file."""

import base64
import hashlib
import hmac
from collections.abc import Iterable


def sign(body: bytes, secret: str) -> str:
    """The signature PAYT puts into ``X-PAYT-SIGNATURE``: hex HMAC-SHA256 of the raw body (docs: webhooks)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def is_signed(body: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets signed this body. During a rotation the old and the new secret are both in use.

    No secret means closed. The comparison takes equally long wherever a signature is wrong, and all secrets are tried,
    so that the time tells nothing.

    :param body: the bytes as received, before anything parsed them
    :param signature: the header's value; None where it is missing
    """
    given = (signature or "").strip().lower().encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(sign(body, secret).encode(), given) for secret in secrets if secret]
    return any(matches)


def checksum(content: bytes) -> str:
    """A file's name at PAYT: base64 of its SHA3-512, 88 characters (docs: models/file).

    SHA-512 has as many characters, is accepted by ``POST /v1/files`` and fails only when the bytes are uploaded.
    """
    return base64.b64encode(hashlib.sha3_512(content).digest()).decode()
