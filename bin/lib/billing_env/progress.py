"""Progress on standard error, one line a step: ``[  12.3 s] what was done``."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def say(text: str) -> None:
    """Tell the user something; never on standard output, which belongs to results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show ``what`` while it is going on and how many seconds it took.

    On a terminal the line is rewritten; elsewhere it is only printed at the end, so that a log has one line a step.
    """
    started = time.monotonic()
    on_terminal = sys.stderr.isatty()
    if on_terminal:
        print(f"[   ...   ] {what}", end="", file=sys.stderr, flush=True)
    succeeded = False
    try:
        yield
        succeeded = True
    finally:
        seconds = time.monotonic() - started
        outcome = "" if succeeded else "  (not finished)"
        say(f"{chr(13) if on_terminal else ''}[{seconds:7.1f} s] {what}{outcome}")
