"""Failures on demand."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any

# what happens to a request, and when
KINDS = {
    "throttle": "429 without data, before anything is processed",
    "error": "a status (default 500), before anything is processed",
    "error_after": "a status (default 502) although the request was processed",
    "refuse": "422 with PAYT's error shape, nothing processed",
    "drop": "the connection is closed before anything is processed",
    "lost_answer": "processed, then the connection is closed without an answer",
    "timeout": "processed, but the answer comes only after `seconds`",
    "malformed": "processed, but the answer is not JSON",
    "record_error": "the record named `key` is skipped with `reason`; the others are processed",
    "record_warning": "the record named `key` is processed and warned about with `reason`",
    "expired_token": "401: the token is taken for expired",
    "forbidden": "403: a missing permission",
}


@dataclass
class Fault:
    """A failure for the next ``times`` requests that fit, after ``after`` that go well.

    :param method: of the requests it is for; "" for any
    :param path: a regular expression their whole path matches; "" for any
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    after: int = 0
    status: int = 0
    seconds: float = 60.0
    key: str = ""
    reason: str = "Refused by the sandbox"
    retry_after: int | None = None

    def fits(self, method: str, path: str) -> bool:
        return self.method in ("", method) and (not self.path or re.fullmatch(self.path, path) is not None)


@dataclass
class Faults:
    """The failures waiting to happen, and how many did."""

    waiting: list[Fault] = field(default_factory=list)
    happened: int = 0

    def add(self, **values: Any) -> Fault:
        """:raise ValueError: for a kind or an option there isn't"""
        if values.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        try:
            fault = Fault(**values)
            re.compile(fault.path)
        except (TypeError, re.error) as error:
            raise ValueError(str(error)) from None
        self.waiting.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """The failure of this request, if any."""
        for fault in self.waiting:
            if fault.fits(method, path):
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times <= 0:
                    self.waiting.remove(fault)
                self.happened += 1
                return fault
        return None

    def clear(self) -> None:
        self.waiting.clear()

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.waiting]
