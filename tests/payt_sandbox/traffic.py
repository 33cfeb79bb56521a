"""The limit of requests per second, and a log of what was asked and answered."""

import time
from collections import Counter, deque
from dataclasses import dataclass
from threading import Lock
from typing import Any

KEPT = 5000


@dataclass
class Entry:
    """A request. ``operation`` has the path's template, so that nothing personal is in it."""

    at: float  # seconds, real time
    operation: str
    status: int
    milliseconds: float
    problem: str = ""
    fault: str = ""


class Traffic:
    """Counts by token, in a window of one second that moves along."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._recent: dict[str, deque[float]] = {}
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.by_operation: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()
        self._all_recent: deque[float] = deque()
        self.most_in_a_second = 0
        self.most_of_all_in_a_second = 0  # of every request there is: uploads and tokens, too
        self.contract_broken: list[str] = []  # what the contract refused; a test suite wants this empty
        self.ever_broken: list[str] = []  # the same, also from before a reset
        self.answers_broken: list[str] = []  # the sandbox' own sins

    def admit(self, token: str, limit: int) -> bool:
        """Whether this request is within the limit. Refused ones count as well, or hammering would pay."""
        now = time.monotonic()
        with self._lock:
            recent = self._recent.setdefault(token, deque())
            while recent and recent[0] <= now - 1.0:
                recent.popleft()
            recent.append(now)
            self.most_in_a_second = max(self.most_in_a_second, len(recent))
            return len(recent) <= limit

    def note_broken(self, what: str) -> None:
        """Remember a request that the contract doesn't allow, whatever is forgotten later."""
        with self._lock:
            self.contract_broken.append(what)
            self.ever_broken.append(what)

    def note(self, entry: Entry) -> None:
        now = time.monotonic()
        with self._lock:
            while self._all_recent and self._all_recent[0] <= now - 1.0:
                self._all_recent.popleft()
            self._all_recent.append(now)
            self.most_of_all_in_a_second = max(self.most_of_all_in_a_second, len(self._all_recent))
            self.entries.append(entry)
            self.by_operation[entry.operation] += 1
            self.by_status[entry.status] += 1

    def reset(self) -> None:
        with self._lock:
            self._recent.clear()
            self._all_recent.clear()
            self.entries.clear()
            self.by_operation.clear()
            self.by_status.clear()
            self.most_in_a_second = 0
            self.most_of_all_in_a_second = 0
            self.contract_broken.clear()
            self.answers_broken.clear()

    def per_second(self, seconds: int = 60) -> list[int]:
        """Requests in each of the last seconds, the latest last."""
        now = int(time.time())
        counted = Counter(int(entry.at) for entry in list(self.entries))
        return [counted[now - age] for age in range(seconds - 1, -1, -1)]

    def as_json(self) -> dict[str, Any]:
        with self._lock:
            return {
                "total": sum(self.by_operation.values()),
                "by_operation": dict(self.by_operation),
                "by_status": {str(status): count for status, count in self.by_status.items()},
                "most_in_a_second": self.most_in_a_second,
                "most_of_all_in_a_second": self.most_of_all_in_a_second,
                "contract_broken": list(self.contract_broken),
                "answers_broken": list(self.answers_broken),
            }
