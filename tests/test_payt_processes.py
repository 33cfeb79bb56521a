"""What only shows between real processes: one token, one throttle, one outbox, and a worker that is killed."""

import re
import time

import pytest

from .payt_sandbox import running_sandbox
from .payt_sandbox.tokens import ALL_SCOPES, hand_out
from .processes import SCRIPTS, check, database, run_script, start

STATES = "SELECT state, count(*) FROM payt_outbox GROUP BY state ORDER BY state"


def set_up(cluster, name, sandbox, partners=0, refresh_token=""):
    method, token = ("refresh_token", refresh_token) if refresh_token else ("static", sandbox.token)
    run_script(
        cluster, name, "payt_setup.py", sandbox.url, str(sandbox.administration_id), method, token, str(partners)
    )


def ask_together(cluster, name, folder, processes, requests):
    """Let processes ask PAYT from the same moment on, each so many times; all have to succeed."""
    signal, ready = folder / "start", [folder / f"ready-{number}" for number in range(processes)]
    running = [start(cluster, SCRIPTS / "payt_ask.py", name, str(requests), path, signal) for path in ready]
    try:
        while not all(path.exists() for path in ready):
            assert all(process.poll() is None for process in running), "a process ended before the start signal"
            time.sleep(0.05)
        signal.touch()
        for process in running:
            check(process)
    finally:
        for process in running:
            process.kill()


def test_two_workers_with_one_rotating_token_refresh_it_once(tmp_path):
    with running_sandbox() as sandbox, database("payt-token") as (cluster, name):
        with sandbox.world.lock:
            granted = hand_out(sandbox.world, ALL_SCOPES, refreshable=True)
        set_up(cluster, name, sandbox, refresh_token=granted["refresh_token"])
        before = len(sandbox.world.store.tokens)
        sandbox.fail("timeout", path="/oauth/token", seconds=1.5)  # long enough for the other one to come along

        ask_together(cluster, name, tmp_path, processes=2, requests=3)

        assert len(sandbox.world.store.tokens) == before + 1, "refreshed more than once"
        assert sandbox.traffic.by_operation["POST /oauth/token"] == 1
        assert sandbox.traffic.by_status == {200: 1 + 6}
        assert cluster.sql("SELECT paused IS TRUE FROM payt_backend", database=name) == [["f"]]
        [[kept]] = cluster.sql("SELECT refresh_token FROM payt_token", database=name)
        assert sandbox.world.store.tokens.by("refresh_token", kept), "what is stored isn't what PAYT handed out last"
        assert kept != granted["refresh_token"]


def test_two_workers_with_one_token_keep_to_ten_requests_a_second_together(tmp_path):
    with running_sandbox() as sandbox, database("payt-throttle") as (cluster, name):
        set_up(cluster, name, sandbox)

        ask_together(cluster, name, tmp_path, processes=2, requests=20)

        assert sandbox.traffic.by_status == {200: 40}, "some were throttled"
        assert 5 <= sandbox.traffic.most_in_a_second <= 10


@pytest.mark.parametrize("step", ["taken", "answered", "recorded", "next enqueued"])
def test_a_worker_killed_while_it_empties_the_outbox_leaves_nothing_undone_or_doubled(step):
    with running_sandbox() as sandbox, database("payt-kill") as (cluster, name):
        set_up(cluster, name, sandbox, partners=25)
        victim = start(cluster, SCRIPTS / "payt_worker.py", name, step)
        _out, err = victim.communicate(timeout=300)
        assert "STRUCK" in err, err[-3000:]
        assert cluster.sql(STATES, database=name) == [["pending", "25"]], "the batch is one transaction"

        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))

        assert cluster.sql(STATES, database=name) == [["sent", "25"]]
        contacts = sandbox.state()["contacts"]
        assert sorted(contact["contact_identifier"] for contact in contacts) == sorted(f"P{n}" for n in range(25))
        assert sandbox.traffic.contract_broken == []


def test_what_payt_got_from_a_killed_worker_is_not_taken_for_what_it_had_before():
    with running_sandbox() as sandbox, database("payt-doubt") as (cluster, name):
        set_up(cluster, name, sandbox, partners=2)
        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))
        check(start(cluster, SCRIPTS / "payt_change.py", name, "P0", "Renamed"))
        victim = start(cluster, SCRIPTS / "payt_worker.py", name, "answered")
        victim.communicate(timeout=300)
        assert "Renamed" in {contact["lastname"] for contact in sandbox.state()["contacts"]}
        check(start(cluster, SCRIPTS / "payt_change.py", name, "P0", "Partner 0"))

        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))

        assert {contact["lastname"] for contact in sandbox.state()["contacts"]} == {"Partner 0", "Partner 1"}
        requests = sandbox.traffic.by_operation["POST /v1/contacts"]
        check(start(cluster, SCRIPTS / "payt_change.py", name, "P0", "Partner 0"))
        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))
        assert sandbox.traffic.by_operation["POST /v1/contacts"] == requests, "the doubt was never dispelled"


def test_a_change_while_the_record_is_being_sent_waits_for_nobody_and_is_not_lost():
    with running_sandbox() as sandbox, database("payt-change") as (cluster, name):
        set_up(cluster, name, sandbox, partners=1)
        sandbox.fail("timeout", path="/v1/contacts", seconds=12)
        worker = start(cluster, SCRIPTS / "payt_worker.py", name, "")
        while not sandbox.state()["contacts"]:
            assert worker.poll() is None
            time.sleep(0.05)
        told = check(start(cluster, SCRIPTS / "payt_change.py", name, "P0", "Renamed"))
        assert worker.poll() is None, "the answer was there before the change"
        assert float(re.search(r"TOOK ([\d.]+)", told)[1]) < 3, "it waited for PAYT"
        check(worker)

        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))

        assert [contact["lastname"] for contact in sandbox.state()["contacts"]] == ["Renamed"]
        assert cluster.sql(STATES, database=name) == [["sent", "2"]]


def test_people_who_change_a_record_together_leave_one_row():
    with running_sandbox() as sandbox, database("payt-people") as (cluster, name):
        set_up(cluster, name, sandbox, partners=1)
        cluster.sql("DELETE FROM payt_outbox", database=name)
        people = [start(cluster, SCRIPTS / "payt_change.py", name, "P0", f"Name {number}") for number in range(3)]
        for person in people:
            check(person)

        assert cluster.sql(STATES, database=name) == [["pending", "1"]]
        check(start(cluster, SCRIPTS / "payt_worker.py", name, ""))
        [[last]] = cluster.sql("SELECT name FROM res_partner WHERE ref = 'P0'", database=name)
        assert [contact["lastname"] for contact in sandbox.state()["contacts"]] == [last]


def test_workers_that_empty_the_outbox_together_send_nothing_twice():
    with running_sandbox() as sandbox, database("payt-together") as (cluster, name):
        set_up(cluster, name, sandbox, partners=40)
        sandbox.fail("timeout", path="/v1/contacts", seconds=2)
        workers = [start(cluster, SCRIPTS / "payt_worker.py", name, "") for _ in range(2)]
        for worker in workers:
            check(worker)

        assert cluster.sql(STATES, database=name) == [["sent", "40"]]
        assert sandbox.traffic.by_operation == {"POST /v1/contacts": 1}
