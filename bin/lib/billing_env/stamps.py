"""Stamps: what was built, and from which inputs.

A step is done when its stamp holds the fingerprint of its present inputs. The stamp is written last, so an
interrupted step never counts as done.
"""

import hashlib
from pathlib import Path

from .paths import STAMPS


def fingerprint(*parts: object) -> str:
    """Short hash of the parts: the content of a Path, the text of anything else."""
    digest = hashlib.sha256()
    for part in parts:
        content = part.read_bytes() if isinstance(part, Path) else str(part).encode()
        digest.update(len(content).to_bytes(8, "big") + content)
    return digest.hexdigest()[:12]


def is_done(step: str, key: str) -> bool:
    """Whether ``step`` was finished with the inputs whose fingerprint is ``key``."""
    return read(step) == key


def read(step: str) -> str | None:
    """What the stamp of ``step`` holds; nothing where there is none."""
    try:
        return (STAMPS / step).read_text()
    except FileNotFoundError:
        return None


def mark_done(step: str, key: str) -> None:
    """Record, atomically, that ``step`` is finished."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    temporary = STAMPS / f".{step}.new"
    temporary.write_text(key)
    temporary.replace(STAMPS / step)


def forget(step: str) -> None:
    """Make ``step`` count as not done; called before it is begun anew."""
    (STAMPS / step).unlink(missing_ok=True)
