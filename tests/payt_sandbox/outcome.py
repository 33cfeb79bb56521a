"""The answer to a bulk write: ``{"success", "count", "errors", "warnings"}``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from .faults import Fault


class Outcome:
    """Collects what becomes of each record.

    :param fault: a per-record failure to act out
    """

    def __init__(self, fault: Fault | None = None) -> None:
        self.count = 0
        self.errors: dict[str, list[str]] = {}
        self.warnings: dict[str, list[str]] = {}
        self._fault = fault

    def skips(self, key: str) -> bool:
        """Whether this record is to be refused on demand."""
        if self._fault and self._fault.kind == "record_error" and self._fault.key in ("", key):
            self.errors[key] = [self._fault.reason]
            return True
        return False

    @contextmanager
    def record(self, key: str) -> Iterator[list[str]]:
        """Around one record; what is put into the list are the reasons for skipping it.

        (A ``continue`` in the block is fine; whether to skip on demand is asked by ``wanted`` beforehand.)
        """
        problems: list[str] = []
        yield problems
        if problems:
            self.errors[key] = problems
            return
        self.count += 1
        if self._fault and self._fault.kind == "record_warning" and self._fault.key in ("", key):
            self.warn(key, self._fault.reason)

    def wanted(self, records: list[dict[str, Any]], *keys: str) -> list[dict[str, Any]]:
        """The records that aren't refused on demand."""
        return [record for record in records if not self.skips(next((record[k] for k in keys if record.get(k)), ""))]

    def not_found(self, key: str) -> None:
        self.errors.setdefault("not_found", []).append(key)

    def warn(self, key: str, reason: str) -> None:
        self.warnings.setdefault(key, []).append(reason)

    def as_json(self) -> dict[str, Any]:
        answer: dict[str, Any] = {"success": True, "count": self.count, "errors": self.errors}
        return answer | {"warnings": self.warnings} if self.warnings else answer
