"""How ``bin/test`` runs: how many processes, and clocks that tell the truth."""

import pytest
from _pytest import timing
from billing_env.commands import test as command
from freezegun import freeze_time


@pytest.fixture
def machine(monkeypatch):
    """A machine of our choice; two cores and enough memory at first."""

    def change(cores=2, gigabytes=8):
        monkeypatch.setattr(command, "cores", lambda: cores)
        monkeypatch.setattr(command, "free_memory", lambda: gigabytes * 1024**3)

    change()
    return change


@pytest.mark.parametrize("arguments", [[], ["-x"], ["tests"], ["-k", "ledger"], ["tests", "tests/test_lifecycle.py"]])
def test_two_workers_where_there_is_much_to_do(machine, arguments):
    assert command.spread(arguments)[:2] == ["-n", "2"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tests/test_lifecycle.py", "-x"],
        ["bfocused_billing/tests/test_ledger.py::TestLedger", "tests/test_lifecycle.py"],
        *(["-n", "0"], ["-n4"], ["--numprocesses=3"], ["-p", "no:xdist"], ["--dist=loadfile"], ["--pdb"], ["-s"]),
        ["--collect-only"],
    ],
)
def test_the_user_decides(machine, arguments):
    assert command.spread(arguments) == []


@pytest.mark.parametrize("lack", [{"cores": 1}, {"gigabytes": 3}])
def test_a_small_machine_has_one(machine, lack):
    machine(**lack)
    assert command.spread([]) == []


def test_what_the_machine_has_is_known():
    assert command.cores() >= 1
    assert command.free_memory() > 0


def test_the_clock_of_durations_goes_on_in_a_test_that_stops_time():
    began = timing.Instant()
    with freeze_time("2020-02-29"):
        elapsed = began.elapsed()
    assert 0 <= elapsed.seconds < 60
    assert elapsed.stop.time - began.time < 60
