"""Progress on standard error, one line a step: ``[   12.3 s] what was done``."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_running: list[tuple[str, float]] = []  # the step that is shown at this moment, and when it began


def say(text: str) -> None:
    """Tell the user something; never on standard output, which belongs to results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(what: str, *, speaks: bool = False) -> Iterator[None]:
    """Show ``what`` with the seconds it takes.

    On a terminal the seconds run along; elsewhere there is one line, at the end.

    :param speaks: the step writes to the terminal itself, so its line only comes at the end.
    """
    started = time.monotonic()
    if not speaks:
        _running.append((what, started))
    tick()
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        if not speaks:
            _running.pop()
        outcome = "" if succeeded else "  (not finished)"
        start_of_line = "\r" if sys.stderr.isatty() and not speaks else ""
        say(f"{start_of_line}[{time.monotonic() - started:7.1f} s] {what}{outcome}")


def tick() -> None:
    """Show on a terminal how long the present step has been going on; called now and then by who waits."""
    if _running and sys.stderr.isatty():
        what, started = _running[-1]
        print(f"\r[{time.monotonic() - started:5.0f} ...] {what}", end="", file=sys.stderr, flush=True)
