"""Locks between processes. The kernel drops them with the process, so a killed one never blocks the next."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from . import beside
from .paths import CACHE
from .progress import say


class _BuildLock:
    """Held by the main thread of one process at a time; that one may take it again."""

    def __init__(self) -> None:
        self._file: TextIO | None = None
        self._holders = 0

    def take(self) -> None:
        self._holders += 1
        if self._holders > 1:
            return
        CACHE.mkdir(parents=True, exist_ok=True)
        self._file = open(CACHE / "build.lock", "w")  # closed by give_back
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another bin/ command that is setting up in this checkout ...")
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def give_back(self) -> None:
        self._holders -= 1
        if not self._holders and self._file:
            self._file.close()
            self._file = None


_lock = _BuildLock()


@contextmanager
def build_lock() -> Iterator[None]:
    """Only one process at a time sets up or builds a database template; the others wait here."""
    _lock.take()
    try:
        yield
    finally:
        _lock.give_back()


def keep_build_lock() -> None:
    """Keep the lock that is held now as long as work goes on beside (see :mod:`beside`)."""
    _lock.take()
    beside.afterwards(_lock.give_back)
