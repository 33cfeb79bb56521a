"""Ten requests a second per token: in one process, between threads, and between processes."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payt_api import Backoff, LocalThrottle, PaytAuth, PaytClient, ReservedThrottle
from payt_api import operations as op
from payt_api.throttle import next_slot
from payt_api.wire import REQUESTS_PER_SECOND

from tests.payt import examples
from tests.payt_sandbox import running_sandbox

CHECKOUT = Path(__file__).resolve().parents[2]


@given(st.lists(st.floats(min_value=0, max_value=3), max_size=60))
def test_no_second_has_more_than_ten_slots(pauses):
    now, free_from, slots = 0.0, None, []
    for pause in pauses:
        now += pause
        slot = next_slot(free_from, now)
        free_from = slot.following
        slots.append(now + slot.wait)
        assert slot.wait >= 0
    for start in slots:
        assert sum(start <= slot < start + 1.0 for slot in slots) <= REQUESTS_PER_SECOND


def test_the_first_request_does_not_wait():
    assert next_slot(None, 100.0).wait == 0
    assert next_slot(50.0, 100.0).wait == 0


def test_threads_share_the_slots():
    waited = []
    throttle = LocalThrottle(interval=1.0, clock=lambda: 0.0, sleep=waited.append)
    threads = [threading.Thread(target=throttle.wait) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(waited) == [1.0, 2.0, 3.0, 4.0]


def test_holding_makes_the_next_one_wait():
    waited = []
    throttle = LocalThrottle(clock=lambda: 0.0, sleep=waited.append)
    throttle.hold(5)
    throttle.hold(2)
    throttle.wait()
    assert waited == [5.0]


def test_a_reserved_throttle_waits_as_long_as_it_is_told():
    waited, held = [], []
    throttle = ReservedThrottle(iter([0.0, 0.5]).__next__, held.append, waited.append)
    throttle.wait()
    throttle.wait()
    throttle.hold(3)
    assert (waited, held) == ([0.5], [3])


def test_the_sandbox_counts_a_client_that_does_not_keep_to_the_limit():
    with running_sandbox() as sandbox:
        client = PaytClient(
            sandbox.url,
            auth=PaytAuth(lambda: sandbox.token),
            administration_id=sandbox.administration_id,
            throttle=LocalThrottle(interval=0),
            backoff=Backoff(attempts=10, first_seconds=0.6),
        )
        with client:
            for number in range(12):
                client.write_many(op.UPSERT_DEBTORS, [examples.debtor(f"D{number}")])
        assert sandbox.traffic.by_status[429] >= 1
        assert len(sandbox.state()["debtors"]) == 12


@pytest.mark.parametrize("processes", [2])
def test_two_processes_with_one_token_keep_to_the_limit_together(tmp_path, processes):
    with running_sandbox() as sandbox:
        command = [
            *(sys.executable, "-m", "tests.payt.send_debtors"),
            *(sandbox.url, sandbox.token, sandbox.administration_id, str(tmp_path / "slots"), "15"),
        ]
        running = [
            subprocess.Popen([*command, f"P{place}"], cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
            for place in range(processes)
        ]
        for process in running:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors
        assert sandbox.traffic.by_status == {201: 30}
        assert 5 <= sandbox.traffic.most_in_a_second <= REQUESTS_PER_SECOND
        assert len(sandbox.state()["debtors"]) == 30
