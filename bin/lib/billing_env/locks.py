"""Locks between processes. The kernel drops them with the process, so a killed one never blocks the next."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from .paths import CACHE
from .progress import say


@contextmanager
def build_lock() -> Iterator[None]:
    """Only one process at a time sets up or builds a database template; the others wait here."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "build.lock", "w") as lock_file:
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another bin/ command that is setting up in this checkout ...")
            fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield
