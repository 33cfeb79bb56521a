import http.client
import json
import uuid

import requests

from odoo.tests.common import TEST_CURSOR_COOKIE_NAME

from ..const import ADMINISTRATION_HEADER, DELIVERY_HEADER, SIGNATURE_HEADER
from ..payt_api.signature import sign

SECRET = "the secret of now"
OLD_SECRET = "the secret of before"


def make_event(name="debtor_new_comment", resource_type="debtor", payt_id=1, **context):
    """As PAYT would tell it."""
    return {
        "id": str(uuid.uuid4()),
        "event_name": name,
        "event_time": "2026-01-20T10:11:12.345Z",
        "context": {"resource_type": resource_type, "id": payt_id, **context},
    }


class WebhookMixin:
    """Requests as they come over the line, whole or broken."""

    def setUp(self):
        super().setUp()
        self.backend.write({"webhook_secret": SECRET, "webhook_secret_previous": OLD_SECRET})

    def get_path(self, backend=None):
        return f"/payt/webhook/{(backend or self.backend).webhook_key}"

    def get_headers(self, body, secret=SECRET, **changed):
        """Those of a delivery; ``None`` leaves one out."""
        headers = {
            "Content-Type": "application/json",
            ADMINISTRATION_HEADER: self.backend.administration_id,
            DELIVERY_HEADER: str(uuid.uuid4()),
            SIGNATURE_HEADER: sign(body, secret),
            "Content-Length": str(len(body)),
        } | {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in headers.items() if value is not None}

    def call(self, body, headers, method="POST", path=None):
        """One request by hand.

        :return: status, and the answer's headers
        """
        path = path or self.get_path()
        self.env.cr.flush()
        self.env.cr.clear()
        with self.allow_requests():
            line = http.client.HTTPConnection("127.0.0.1", self.http_port(), timeout=20)
            try:
                line.putrequest(method, path)
                line.putheader("Cookie", f"{TEST_CURSOR_COOKIE_NAME}={self.http_request_key}")
                for name, value in headers.items():
                    line.putheader(name, value)
                line.endheaders()
                self.send_body(line, body)
                answer = line.getresponse()
                return answer.status, answer.headers
            finally:
                line.close()
                self.env.invalidate_all()

    def send_body(self, line, body):
        """A server that has seen enough doesn't listen to the end."""
        for start in range(0, len(body), 65536):
            try:
                line.send(body[start : start + 65536])
            except OSError:
                return

    def tell(self, event=None, backend=None, **changed):
        """Deliver an event.

        :return: the status
        """
        body = json.dumps({"event": event or make_event()}).encode()
        return self.call(body, self.get_headers(body, **changed), path=self.get_path(backend))[0]

    def get_events(self):
        return self.env["payt.webhook.event"].search([("backend_id", "=", self.backend.id)])

    def get_jobs(self):
        key = f"bfocused_payt_connector.events.{self.backend.id}"
        return self.env["queue.job"].search([("identity_key", "=", key)])


class ToldMixin(WebhookMixin):
    """The sandbox tells Odoo itself, over HTTP. For a ``PullCase`` that is an ``HttpCase``."""

    registry_test_mode = False  # each test enters it, see PullCase

    def order(self, **mode):
        """Have events told, as badly as ``mode`` says."""
        url = self.base_url() + self.get_path()
        order = {"url": url, "secrets": [SECRET], "mode": {"manual": True, **mode}}
        requests.post(f"{self.sandbox.url}/_sandbox/webhook", json=order, timeout=10).raise_for_status()

    def deliver(self):
        """:return: how the deliveries ended, counted"""
        self.env.cr.flush()
        self.env.cr.clear()
        with self.allow_requests(all_requests=True):
            answer = requests.post(f"{self.sandbox.url}/_sandbox/webhook/flush", json={}, timeout=300)
        self.env.invalidate_all()
        answer.raise_for_status()
        return answer.json()
