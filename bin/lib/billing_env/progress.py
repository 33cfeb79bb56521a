"""Progress on standard error: which step of how many is being done, and for how long.

On a terminal the last line tells the steps that are being done and the seconds run along. Elsewhere, as in a log,
there is a line when a step begins that may take long, and one when a step ends: ``[   12.3 s] 2/5 what was done``.
"""

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

MINUTE = 60  # seconds
SCREEN = 100  # columns of the line that runs along


@dataclass(frozen=True)
class Step:
    """Something a command does."""

    what: str
    seconds: float = 0  # it takes on a quiet machine; 0 where it isn't worth telling
    speaks: bool = False  # it writes to the terminal itself


_writing = threading.RLock()  # steps are done beside each other
_planned: list[Step] = []  # what this command has to do, as far as it is known
_running: dict[Step, float] = {}  # the steps that are being done, and when they began


def say(text: str) -> None:
    """Tell the user something; never on standard output, which belongs to results."""
    with _writing:
        if _runs_along():
            _clear()
        print(text, file=sys.stderr, flush=True)
        tick()


def plan(steps: Iterable[Step], seconds: float = 0) -> None:
    """Count these steps as steps to come; they get their numbers in this order.

    :param seconds: they take together on a quiet machine
    """
    _planned.extend(step for step in steps if step not in _planned)
    if seconds >= MINUTE:
        say(f"{len(_planned)} steps, together{_in_words(seconds)} on a quiet machine.")


@contextmanager
def step(what: Step) -> Iterator[None]:
    """Show what is done, its number and the seconds it takes."""
    started = time.monotonic()
    with _writing:
        if what not in _planned:
            _planned.append(what)
        _running[what] = started
        if what.speaks or (what.seconds and not sys.stderr.isatty()):
            say(f"[    begun] {_name(what)}{',' if what.seconds else ''}{_in_words(what.seconds)}")
        tick()
    outcome = "  (not finished)"
    try:
        yield
        outcome = ""
    finally:
        with _writing:
            if _runs_along():
                _clear()
            del _running[what]
            say(f"[{time.monotonic() - started:7.1f} s] {_name(what)}{outcome}")


def _clear() -> None:
    print(f"\r{'':<{SCREEN}}\r", end="", file=sys.stderr)


def _name(what: Step) -> str:
    return f"{_planned.index(what) + 1}/{len(_planned)} {what.what}"


def _in_words(seconds: float) -> str:
    if not seconds:
        return ""
    if seconds < MINUTE:
        return f" some {round(seconds / 5) * 5} seconds"
    minutes = round(seconds / 30) / 2
    return f" some {minutes:g} minute{'s' if minutes > 1 else ''}"


def _runs_along() -> bool:
    """Whether there is a line at the end of the terminal in which the seconds run."""
    return sys.stderr.isatty() and bool(_running) and not any(step.speaks for step in _running)


def tick() -> None:
    """Show on a terminal how long the present steps have been going on; called now and then by who waits."""
    with _writing:
        if _runs_along():
            now = time.monotonic()
            line = "  ".join(f"[{now - since:3.0f} s ...] {_name(what)}" for what, since in _running.items())
            print(f"\r{line[:SCREEN]:<{SCREEN}}", end="", file=sys.stderr, flush=True)
