"""Work that goes on beside other work: failures, interruptions, and the lock that is kept meanwhile."""

import fcntl
import threading
import time

import pytest
from billing_env import beside, locks, processes
from billing_env.errors import BillingEnvError


@pytest.fixture(autouse=True)
def in_own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(locks, "CACHE", tmp_path)
    monkeypatch.setattr(processes, "LOGS", tmp_path / "logs")
    yield
    beside.stop()


def sleep_long():
    processes.run_quietly(["sleep", "60"], f"sleep-{threading.get_ident()}")


def fail():
    raise BillingEnvError("this failed")


def test_a_failure_ends_the_others_at_once():
    cleaned = []

    def work():
        try:
            sleep_long()
        finally:
            cleaned.append(True)

    started = time.monotonic()
    long = beside.start(work)
    with pytest.raises(BillingEnvError, match="this failed"):
        beside.wait_for(long, beside.start(fail))
    assert cleaned == [True]
    assert time.monotonic() - started < 15


def test_a_failure_ends_what_the_main_thread_waits_for():
    beside.start(fail)
    with pytest.raises(BillingEnvError, match="this failed"):
        sleep_long()


def test_what_needs_something_that_failed_is_not_begun():
    done = []
    failed = beside.start(fail)
    needs_it = beside.start(lambda: done.append(True), after=failed)
    with pytest.raises(BillingEnvError, match="this failed"):
        beside.wait_for(needs_it)
    assert done == []


def test_what_needs_something_comes_after_it():
    done = []
    first = beside.start(lambda: (time.sleep(0.2), done.append(1)))
    beside.start(lambda: done.append(2), after=first)
    beside.finish()
    assert done == [1, 2]


def test_the_lock_is_kept_as_long_as_something_goes_on(tmp_path):
    let_go = threading.Event()
    with locks.build_lock():
        beside.start(let_go.wait)
        locks.keep_build_lock()
    with locks.build_lock():
        pass  # the same process may take it again, for the databases
    with open(tmp_path / "build.lock") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    let_go.set()
    beside.finish()
    with open(tmp_path / "build.lock") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
