"""Webhooks: signed as PAYT does it, and as badly delivered as asked for."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from payt_api import operations as op
from payt_api.signature import is_signed
from payt_api.wire import ADMINISTRATION_HEADER, DELIVERY_HEADER, SIGNATURE_HEADER

from tests.payt import examples


class Receiver:
    """Keeps what it gets, and answers as told."""

    def __init__(self):
        self.deliveries = []
        self.answers = []  # statuses to give, then 200
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # noqa: N802
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = "http://{}:{}/payt/webhook/1".format(*self.server.server_address)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def events(self):
        return [json.loads(body)["event"] for _, body in self.deliveries]

    @property
    def names(self):
        return [event["event_name"] for event in self.events]


@pytest.fixture
def receiver():
    running = Receiver()
    yield running
    running.server.shutdown()
    running.server.server_close()


@pytest.fixture
def deliver(sandbox, client, receiver):
    """Plays something with events, and delivers them in the way asked for."""

    def run(secrets=("s1", "s2"), **mode):
        hook = {"url": receiver.url, "secrets": list(secrets), "enabled": True, "mode": {"manual": True, **mode}}
        sandbox.server.control.set_webhook(hook)
        examples.prepare(client)
        client.write_many(op.UPSERT_INVOICES, [examples.invoice(f"INV/{number}") for number in range(10)])
        return sandbox.server.postman.flush()

    return run


def test_deliveries_carry_payts_headers_and_a_real_signature(deliver, receiver, sandbox):
    assert deliver() == {"delivered": 10}
    for headers, body in receiver.deliveries:
        assert is_signed(body, headers[SIGNATURE_HEADER], ["s1"])
        assert headers[ADMINISTRATION_HEADER] == sandbox.administration_id
    assert len({headers[DELIVERY_HEADER] for headers, _ in receiver.deliveries}) == 10


def test_an_invoices_event_tells_what_the_vendor_documents(deliver, receiver):
    deliver()
    event = receiver.events[0]
    assert event.keys() == {"id", "event_name", "event_time", "context"}
    context = event["context"]
    assert event["event_name"] == "invoice_created"
    assert (context["resource_type"], context["invoice_number"]) == ("invoice", "INV/0")
    assert (context["amount_total"], context["debtor"]["debtor_code"]) == ("121.00", "D1")
    assert isinstance(context["id"], int)


def test_after_a_rotation_the_other_secret_signs(deliver, receiver):
    deliver(secret=1)
    headers, body = receiver.deliveries[0]
    assert is_signed(body, headers[SIGNATURE_HEADER], ["s2"]) and not is_signed(body, headers[SIGNATURE_HEADER], ["s1"])


def test_duplicates_are_the_same_event_in_another_delivery(deliver, receiver):
    deliver(duplicate=1.0)
    assert len(receiver.deliveries) == 20
    assert len({event["id"] for event in receiver.events}) == 10
    assert len({headers[DELIVERY_HEADER] for headers, _ in receiver.deliveries}) == 20


def test_shuffled_events_all_arrive_in_another_order(deliver, receiver):
    deliver(shuffle=True, seed=1)
    numbers = [event["context"]["invoice_number"] for event in receiver.events]
    assert numbers != sorted(numbers) and sorted(numbers) == [f"INV/{number}" for number in range(10)]


def test_dropped_events_never_come(deliver, receiver):
    assert deliver(drop=1.0) == {"dropped": 10}
    assert receiver.deliveries == []


def test_wrongly_signed_ones_fit_no_secret(deliver, receiver):
    deliver(wrong_signature=1.0)
    for headers, body in receiver.deliveries:
        assert not is_signed(body, headers[SIGNATURE_HEADER], ["s1", "s2"])


@pytest.mark.parametrize("status", [404, 500, 201, 204])
def test_anything_but_200_is_tried_again(deliver, receiver, status):
    receiver.answers = [status, status]
    assert deliver() == {"delivered": 10}
    assert len(receiver.deliveries) == 12


def test_after_ten_failures_the_webhook_is_switched_off(deliver, receiver, sandbox, monkeypatch):
    from tests.payt_sandbox import webhooks

    monkeypatch.setattr(webhooks, "FIRST_INTERVAL_SECONDS", 0)
    receiver.answers = [500] * 100
    assert deliver() == {"failed": 1}
    assert len(receiver.deliveries) == 10
    assert sandbox.world.webhook["enabled"] is False


def test_events_are_delivered_by_themselves(sandbox, client, receiver):
    import time

    sandbox.server.control.set_webhook({"url": receiver.url, "secrets": ["s"]})
    examples.prepare(client)
    client.write_many(op.UPSERT_INVOICES, [examples.invoice(sent_at="2026-11-01T08:00:00Z")])
    sandbox.play("pay", invoice="INV/2026/0001")
    for _ in range(100):
        if "invoice_paid" in receiver.names:
            break
        time.sleep(0.05)
    expected = ["invoice_created", "psp_transaction_successful", "invoice_payment_created", "invoice_paid"]
    assert receiver.names == expected
