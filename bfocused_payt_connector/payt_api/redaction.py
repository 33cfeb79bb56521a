"""Makes a text of PAYT's fit for screens and logs: no secret we know, no full IBAN."""

import re
from collections.abc import Iterable

IBAN = re.compile(r"\b([A-Z]{2}\d{2})[ ]?((?:[A-Z0-9]{4}[ ]?){2,7}[A-Z0-9]{0,4})\b")
# what follows these words is a secret whatever it looks like
NAMED_SECRET = re.compile(
    r"(?i)((?:access_token|refresh_token|client_secret|authorization|bearer|basic)[\"']?\s*[:=]?\s*[\"']?)"
    r"[A-Za-z0-9._~+/=-]{8,}"
)
MAX_LENGTH = 500


def redacted(text: object, secrets: Iterable[str] = ()) -> str:
    """The text with secrets and bank accounts masked, and no longer than a screen can show (500 characters)."""
    clean = str(text)
    for secret in secrets:
        if secret:
            clean = clean.replace(secret, "***")
    clean = NAMED_SECRET.sub(r"\1***", clean)
    clean = IBAN.sub(_masked_iban, clean)
    return clean if len(clean) <= MAX_LENGTH else clean[:MAX_LENGTH] + "…"


def _masked_iban(match: re.Match) -> str:
    number = match[0].replace(" ", "")
    return f"{number[:4]}…{number[-4:]}"
