"""At most ten requests a second per access token, however many workers share it.

A request takes a *slot*, a moment at which it may leave; slots of one token lie ``REQUEST_INTERVAL_SECONDS`` apart.
Who keeps the last slot given out decides how far the promise reaches: :class:`LocalThrottle` keeps it in memory (one
process, several threads); :class:`ReservedThrottle` asks a function given from outside, which keeps it where all
workers look. The ORM does that in one short transaction of its own cursor, locking the token's row, never in the job's
transaction, which would hold the row for as long as the job runs::

    def _reserve_request_slot(self):                       # seconds to wait
        with self.env.registry.cursor() as cr:
            cr.execute("SELECT extract(epoch FROM next_slot_at), extract(epoch FROM clock_timestamp()) "
                       "FROM payt_token WHERE id = %s FOR NO KEY UPDATE", (self.id,))
            slot = next_slot(*cr.fetchone())
            cr.execute("UPDATE payt_token SET next_slot_at = to_timestamp(%s) WHERE id = %s", (slot.following, self.id))
        return slot.wait

(Under Odoo's REPEATABLE READ a waiting ``FOR UPDATE`` ends in a serialization failure: repeat it with a new cursor.)
"""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from .wire import REQUEST_INTERVAL_SECONDS


class Throttle(Protocol):
    """What the client asks before each request."""

    def wait(self) -> None:
        """Return as soon as one more request may leave."""

    def hold(self, seconds: float) -> None:
        """PAYT answered 429: nobody with this token sends anything for so long."""


class Slot(NamedTuple):
    wait: float  # seconds until the slot taken now
    following: float  # the earliest slot for the next one, on the clock that was passed in


def next_slot(free_from: float | None, now: float, interval: float = REQUEST_INTERVAL_SECONDS) -> Slot:
    """Take the next slot. Whoever calls this stores ``following`` before anyone else may call it.

    :param free_from: ``following`` of the slot given out last; None when there was none
    :param now: the present moment in seconds, on the clock all callers share
    """
    start = now if free_from is None else max(free_from, now)
    return Slot(start - now, start + interval)


class LocalThrottle:
    """For one process: threads share the slots, processes don't."""

    def __init__(
        self,
        interval: float = REQUEST_INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._interval = interval
        self._clock = clock
        self._sleep = sleep
        self._free_from: float | None = None
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            slot = next_slot(self._free_from, self._clock(), self._interval)
            self._free_from = slot.following
        if slot.wait > 0:
            self._sleep(slot.wait)

    def hold(self, seconds: float) -> None:
        with self._lock:
            until = self._clock() + seconds
            self._free_from = until if self._free_from is None else max(self._free_from, until)


class ReservedThrottle:
    """For any number of workers: slots come from a function all of them share.

    :param reserve: takes the next slot for good and returns the seconds to wait for it
    :param hold: moves the next free slot at least so many seconds into the future; without it, each worker only backs
        off for itself
    """

    def __init__(
        self,
        reserve: Callable[[], float],
        hold: Callable[[float], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reserve = reserve
        self._hold = hold
        self._sleep = sleep

    def wait(self) -> None:
        seconds = self._reserve()
        if seconds > 0:
            self._sleep(seconds)

    def hold(self, seconds: float) -> None:
        if self._hold:
            self._hold(seconds)
