"""Keeps secrets off screens and out of logs: none we know, none in an upload's address, no full IBAN."""

import logging
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

IBAN = re.compile(r"\b([A-Z]{2}\d{2})[ ]?((?:[A-Z0-9]{4}[ ]?){2,7}[A-Z0-9]{0,4})\b")
# what follows these words is a secret whatever it looks like
NAMED_SECRET = re.compile(
    r"(?i)((?:access_token|refresh_token|client_secret|authorization|bearer|basic)[\"']?\s*[:=]?\s*[\"']?)"
    r"[A-Za-z0-9._~+/=-]{8,}"
)
# and so is what follows the word and is too long for one: PAYT may name a token that isn't ours any more
LONG_TOKEN = re.compile(r"(?i)(\btoken[\"']?\s*[:=]?\s*[\"']?)[A-Za-z0-9._~+/=-]{20,}")
MAX_LENGTH = 500


def redacted(text: object, secrets: Iterable[str] = ()) -> str:
    """The text with secrets and bank accounts masked, and no longer than a screen can show (500 characters)."""
    clean = str(text)
    for secret in secrets:
        if secret:
            clean = clean.replace(secret, "***")
    clean = NAMED_SECRET.sub(r"\1***", clean)
    clean = LONG_TOKEN.sub(r"\1***", clean)
    clean = IBAN.sub(_masked_iban, clean)
    return clean if len(clean) <= MAX_LENGTH else clean[:MAX_LENGTH] + "…"


def _masked_iban(match: re.Match) -> str:
    number = match[0].replace(" ", "")
    return f"{number[:4]}…{number[-4:]}"


# === LOGS OF OTHERS

_unlogged = threading.local()


class _Quiet(logging.Filter):
    """Drops what urllib3 has to say (at DEBUG, each address) about a request whose address is a secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(_unlogged, "now", False)


logging.getLogger("urllib3.connectionpool").addFilter(_Quiet())


@contextmanager
def unlogged() -> Iterator[None]:
    """Around a request to a signed address: whoever reads the address may use it. Only this thread falls silent."""
    _unlogged.now = True
    try:
        yield
    finally:
        _unlogged.now = False
