"""Documents: announced by checksum, uploaded only where PAYT hasn't got them.

Docs: models/file. ``POST /v1/files`` answers with the files PAYT misses, each with an address good for four hours.
The description shows one such object as the answer, the vendor's page a list: both are read.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Self

from .errors import PaytError, PaytRejected, PaytTemporary
from .signature import checksum


@dataclass(frozen=True)
class PaytFile:
    """A file PAYT is to have. ``read`` gives its bytes, only asked for when PAYT misses them."""

    checksum: str
    byte_size: int
    content_type: str
    read: Callable[[], bytes] = field(repr=False, compare=False)

    @classmethod
    def of(cls, content: bytes, content_type: str) -> Self:
        """A file that is in memory anyway."""
        return cls(checksum(content), len(content), content_type, partial(bytes, content))

    def content(self) -> bytes:
        """The bytes, checked: a changed file would be uploaded in vain.

        :raise PaytRejected: when they are not those announced
        """
        content = self.read()
        if checksum(content) != self.checksum:
            raise PaytRejected("The file changed after it was announced to PAYT.")
        return content


@dataclass
class FileReport:
    """What became of each file, by checksum."""

    present: list[str] = field(default_factory=list)  # PAYT had it
    uploaded: list[str] = field(default_factory=list)
    failed: dict[str, PaytError] = field(default_factory=dict)

    @property
    def at_payt(self) -> set[str]:
        """Checksums an invoice may refer to."""
        return {*self.present, *self.uploaded}


def read_missing(answer: Any) -> dict[str, str]:
    """Checksum and upload address of each file PAYT misses.

    :raise PaytTemporary: when the answer names a file without saying where it goes
    """
    if isinstance(answer, Mapping) and "checksum" not in answer:
        answer = answer.get("data") or answer.get("files") or []
    entries = [answer] if isinstance(answer, Mapping) else answer or []
    try:
        return {str(entry["checksum"]): str(entry["url"]) for entry in entries}
    except (KeyError, TypeError):
        raise PaytTemporary("PAYT's answer to the announcement of files can't be read.") from None
