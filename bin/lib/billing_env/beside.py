"""Work that goes on beside other work, such as installing packages while Odoo is unpacked.

Each piece of work is a thread that starts programs and waits for them (:func:`processes.run_quietly`). The main
thread starts them, waits for those it needs now with :func:`wait_for`, and for all with :func:`finish`. When one fails,
or the user interrupts, the others are stopped: each unwinds, which removes what it began.
"""

import threading
from collections.abc import Callable

from . import progress

LOOK_EVERY = 0.2  # seconds between two looks at a thread; a thread that ends is noticed at once

_stopping = threading.Event()
_going_on: list["Work"] = []
_afterwards: list[Callable[[], None]] = []


class Stopped(BaseException):
    """Raised in a thread whose work isn't wanted any more. Like KeyboardInterrupt it is no ordinary error."""


class Work(threading.Thread):
    """Something done beside other work; its failure is kept for who waits for it."""

    def __init__(self, do: Callable[[], None], after: "Work | None" = None) -> None:
        super().__init__(name=getattr(do, "__name__", "work"))
        self._do = do
        self._after = after
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            if self._after:
                self._after.join()
                if self._after.failure:
                    return
            check()
            self._do()
        except BaseException as failure:  # noqa: BLE001  whatever it is, the main thread raises it
            self.failure = failure


def start(do: Callable[[], None], after: Work | None = None) -> Work:
    """Begin a piece of work.

    :param after: other work that has to be done before
    """
    work = Work(do, after)
    _going_on.append(work)
    work.start()
    return work


def wait_for(*works: Work) -> None:
    """Wait for these.

    :raise BaseException: the first failure of any work, after all others were stopped.
    """
    try:
        for work in works:
            while work.is_alive():
                work.join(LOOK_EVERY)
                raise_failure()
                progress.tick()
        raise_failure()
    except BaseException:
        stop()
        raise


def finish() -> None:
    """Wait for all work that goes on."""
    wait_for(*_going_on)
    _forget()


def stop() -> None:
    """End all work that goes on: what it began is removed before this returns."""
    _stopping.set()
    try:
        for work in _going_on:
            work.join()
    finally:
        _stopping.clear()
        _forget()


def afterwards(do: Callable[[], None]) -> None:
    """Have something done by the main thread once nothing goes on any more, after success and after failure."""
    _afterwards.append(do)


def check() -> None:
    """Called now and then by who waits for a program: leave, where something else failed.

    :raise Stopped: in the thread of a work that is stopped.
    """
    if _stopping.is_set() and isinstance(threading.current_thread(), Work):
        raise Stopped
    if threading.current_thread() is threading.main_thread():
        raise_failure()


def raise_failure() -> None:
    """Raise the failure of a work, where there is one."""
    for work in _going_on:
        if work.failure and not isinstance(work.failure, Stopped):
            raise work.failure


def _forget() -> None:
    _going_on.clear()
    while _afterwards:
        _afterwards.pop(0)()
