"""The sandbox as a server: state kept, strings to pull, a page to look at, and quick enough."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from payt_api import LocalThrottle, PaytAuth, PaytClient
from payt_api import operations as op

from tests.payt import examples
from tests.payt_sandbox import running_sandbox

CHECKOUT = Path(__file__).resolve().parents[2]


def _client(url, token, administration_id):
    auth = PaytAuth(lambda: token)
    return PaytClient(url, auth=auth, administration_id=administration_id, throttle=LocalThrottle(interval=0))


def test_the_state_is_there_after_a_restart(tmp_path):
    with running_sandbox(tmp_path / "state.sqlite", requests_per_second=10_000) as sandbox:
        with _client(sandbox.url, sandbox.token, sandbox.administration_id) as client:
            examples.prepare(client)
            client.upload_files([examples.PDF])
            document = {"checksum": examples.PDF.checksum, "filename": "1.pdf"}
            client.write_many(
                op.UPSERT_INVOICES, [examples.invoice(document=document, payments=[examples.payment("P1", "1.00")])]
            )
        before = sandbox.state()
    with running_sandbox(tmp_path / "state.sqlite") as sandbox:
        assert sandbox.state() == before
        assert sandbox.world.store.get_file(examples.PDF.checksum) == examples.PDF.content()
        with _client(sandbox.url, sandbox.token, sandbox.administration_id) as client:
            assert client.upload_files([examples.PDF]).present
            result = client.write_many(
                op.UPSERT_INVOICES, [examples.invoice(payments=[examples.payment("P1", "1.00")])]
            )
            assert result.taken and len(sandbox.state()["invoices"]) == 1


def test_as_a_process_it_says_where_it_is_and_survives_being_killed(tmp_path):
    command = [sys.executable, "-m", "tests.payt_sandbox", "--state", str(tmp_path / "s"), "--set", "nulls=true"]
    numbers = set()
    for end in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        try:
            ready = json.loads(process.stdout.readline())
            with _client(ready["url"], ready["token"], ready["administration_id"]) as client:
                number = f"D{len(numbers)}"
                assert client.write_many(op.UPSERT_DEBTORS, [examples.debtor(number)]).taken == [number]
                numbers.add(number)
                assert {record["debtor_number"] for page in client.iter_pages("debtors") for record in page} == numbers
        finally:
            process.send_signal(end)
            process.wait(20)
            process.stdout.close()


@pytest.fixture
def strings(sandbox):
    def pull(method, path, body=None):
        answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return pull


def test_the_strings_over_http(sandbox, client, strings):
    strings("POST", "faults", {"kind": "lost_answer", "method": "POST", "path": "/v1/debtors"})
    assert strings("GET", "faults")["waiting"][0]["kind"] == "lost_answer"
    examples.prepare(client)
    assert strings("GET", "faults")["happened"] == 1
    assert strings("GET", "traffic")["by_operation"]["POST /v1/debtors"] == 2
    assert strings("POST", "clock", {"now": "2027-01-01T00:00:00Z", "frozen": True}) == {"now": "2027-01-01T00:00:00Z"}
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at="2026-11-01T08:00:00Z")])
    strings("POST", "play", {"do": "pay", "invoice": "INV/2026/0001"})
    state = strings("GET", "state")
    assert state["invoices"][0]["payment_date"] == "2027-01-01"
    strings("POST", "settings", {"send_at_once": True})
    assert strings("GET", "settings")["send_at_once"] is True
    token = strings("POST", "tokens", {"scopes": ["debtors:read"]})["access_token"]
    strings("POST", "tokens/revoke", {"access_token": token})
    strings("POST", "tokens/expire", {})
    strings("DELETE", "faults")
    strings("DELETE", "traffic")
    assert strings("GET", "traffic")["total"] == 0


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "faults", {"kind": "earthquake"}, 422),
        ("POST", "faults", {"kind": "error", "colour": "red"}, 422),
        ("POST", "settings", {"speed": 1}, 422),
        ("POST", "clock", {"now": "tomorrow"}, 422),
        ("POST", "clock", {}, 422),
        ("POST", "webhook", {"adress": "x"}, 422),
        ("GET", "nothing", None, 404),
    ],
)
def test_a_wrong_string_is_said(sandbox, method, path, body, status):
    answer = requests.request(method, f"{sandbox.url}/_sandbox/{path}", json=body, timeout=10)
    assert (answer.status_code, answer.json().keys()) == (status, {"code", "message"})


def test_the_dump_has_no_upload_address(sandbox, client, strings):
    client.upload_files([examples.PDF])
    keys = [file["_upload_key"] for file in sandbox.world.store.files]
    assert keys and keys[0] not in json.dumps(strings("GET", "state"))


def test_the_page_shows_debtors_mandates_invoices_documents_and_failures(sandbox, client):
    examples.prepare(client)
    client.write_many(op.UPSERT_DEBTORS, [examples.debtor("D2", name="<script>alert(1)</script>")])
    client.write_one(op.CREATE_PSP_MANDATES, examples.mandate())
    client.upload_files([examples.PDF])
    document = {"checksum": examples.PDF.checksum, "filename": "factuur 1.pdf"}
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(document=document)])
    sandbox.fail("error", status=503)
    client.administration()

    def page(tab):
        return requests.get(f"{sandbox.url}/?tab={tab}", timeout=5).text

    assert "INV/2026/0001" in page("invoices") and "factuur 1.pdf" in page("invoices")
    assert "503" in page("invoices") and "0 requests broke the contract" in page("invoices")
    assert "Klant BV" in page("debtors") and "<script>" not in page("debtors")
    assert "NL91…4300" in page("psp_mandates") and examples.IBAN not in page("psp_mandates")
    assert page("payments") and page("nonsense")


def test_many_thousand_invoices_are_written_and_read(tmp_path):
    count = 50_000 if os.environ.get("BFOCUSED_LONG") else 5_000
    with running_sandbox(tmp_path / "state.sqlite", requests_per_second=10_000) as sandbox:
        with _client(sandbox.url, sandbox.token, sandbox.administration_id) as client:
            examples.prepare(client)
            started = time.monotonic()
            for start in range(0, count, 1000):
                client.write_many(
                    op.UPSERT_INVOICES,
                    [
                        examples.invoice(f"INV/{number:06d}", sent_at="2026-11-01T08:00:00Z")
                        for number in range(start, start + 1000)
                    ],
                )
            written = time.monotonic()
            read = sum(len(page) for page in client.iter_pages("invoices"))
            done = time.monotonic()
    print(f"{count} invoices: written in {written - started:.1f} s, read in {done - written:.1f} s")
    assert read == count


@pytest.mark.parametrize(("path", "body"), [("/v1/contacts", {"nonsense": 1}), ("/v1/no_such_thing", {})])
def test_a_sandbox_fails_the_test_in_which_the_contract_was_broken(path, body):
    with pytest.raises(AssertionError, match=path), running_sandbox() as sandbox:
        header = {"Authorization": f"Bearer {sandbox.token}"}
        requests.post(sandbox.url + path, json=body, headers=header, timeout=5)
        sandbox.traffic.reset()  # which forgets nothing of this
