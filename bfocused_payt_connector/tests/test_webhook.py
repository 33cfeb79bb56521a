import json
from datetime import datetime
from unittest.mock import patch

from odoo import fields
from odoo.tests import HttpCase, tagged
from odoo.tools import config, mute_logger

from ..const import MAX_WEBHOOK_BYTES, TIMES_ASKED_AGAIN, WEBHOOK_SOURCE_ADDRESS
from ..payt_api.signature import sign
from .common import SandboxMixin
from .webhook_common import OLD_SECRET, SECRET, WebhookMixin, make_event

CONNECTOR = "odoo.addons.bfocused_payt_connector.models.incoming.payt_backend"


@tagged("post_install", "-at_install")
class TestWebhook(WebhookMixin, SandboxMixin, HttpCase):
    """Over real HTTP: what is let in, and that nothing changes when it isn't."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Sandbox Company"})

    def assert_nothing_came_in(self, reason=None):
        self.assertFalse(self.get_events())
        self.assertFalse(self.get_jobs())
        self.assertFalse(self.backend.webhook_last_at)
        self.assertEqual(self.backend.webhook_refused_reason, reason or False)
        self.assertEqual(bool(self.backend.webhook_refused_count), bool(reason))

    # === LET IN

    def test_an_event_is_kept_and_its_job_waits(self):
        self.sandbox.traffic.reset()
        self.assertEqual(self.tell(make_event(payt_id=17)), 200)
        event = self.get_events()
        self.assertEqual((event.event_name, event.resource_type, event.payt_id), ("debtor_new_comment", "debtor", "17"))
        self.assertEqual(event.event_time.isoformat(), "2026-01-20T10:11:12")
        self.assertEqual((event.state, event.is_acknowledged), ("pending", True))
        self.assertEqual(event.company_id, self.company)
        self.assertEqual(len(self.get_jobs()), 1)
        self.assertTrue(self.backend.webhook_last_at)
        self.assertEqual(dict(self.sandbox.traffic.by_operation), {}, "nothing is asked while PAYT waits")

    def test_the_answer_has_no_cookie(self):
        body = json.dumps({"event": make_event()}).encode()
        status, headers = self.call(body, self.get_headers(body))
        self.assertEqual(status, 200)
        self.assertNotIn("Set-Cookie", headers)

    def test_both_secrets_of_a_rotation_are_good(self):
        self.assertEqual(self.tell(secret=OLD_SECRET), 200)
        self.assertEqual(self.tell(secret=SECRET), 200)
        self.assertEqual(len(self.get_events()), 2)

    def test_a_replayed_delivery_is_kept_once(self):
        event = make_event()
        self.assertEqual([self.tell(event) for _delivery in range(3)], [200] * 3)
        self.get_events().state = "done"
        self.assertEqual(self.tell(event), 200)
        self.assertEqual(self.get_events().mapped("state"), ["done"])
        self.assertEqual(len(self.get_jobs()), 1)

    def test_the_same_event_id_of_another_connection_is_another_event(self):
        other = self.make_other_backend(administration_id=self.backend.administration_id, webhook_secret=SECRET)
        event = make_event()
        self.assertEqual((self.tell(event), self.tell(event, backend=other)), (200, 200))
        self.assertEqual(len(self.env["payt.webhook.event"].search([("event_id", "=", event["id"])])), 2)

    def test_unknown_names_and_kinds_are_kept(self):
        self.assertEqual(self.tell(make_event("moon_landed", "moon", 5)), 200)
        self.assertEqual(self.tell({"id": 12}), 200)
        self.assertEqual(set(self.get_events().mapped("state")), {"pending"})

    def test_events_are_kept_while_the_connection_is_paused(self):
        self.backend._note_stop("The access was taken away")
        self.assertEqual(self.tell(), 200)
        self.assertEqual(self.get_events().state, "pending")
        self.assertFalse(self.get_jobs())
        self.backend._resume()
        self.env["payt.webhook.event"]._cron_work_off()
        self.assertEqual(len(self.get_jobs()), 1)

    def test_bank_accounts_and_odd_characters_are_not_kept(self):
        account = {"bank_account_number": "NL91ABNA0417164300", "iban": "x", "name": "Jan\x00 \ud800"}
        self.assertEqual(self.tell(make_event(account=account, remark="NL91ABNA0417164300")), 200)
        payload = self.get_events().payload
        self.assertEqual(payload["context"]["account"], {"name": "Jan ?"})
        self.assertNotIn("ABNA", json.dumps(payload))

    # === NOT KNOWN YET

    def test_an_invoice_that_is_not_in_odoo_is_asked_for_again(self):
        event = make_event("invoice_created", "invoice", 5, invoice_number="ELSEWHERE/1")
        self.assertEqual([self.tell(event) for _try in range(TIMES_ASKED_AGAIN)], [404] * TIMES_ASKED_AGAIN)
        self.assertEqual(self.get_events().mapped("state"), ["unknown"])
        self.assertFalse(self.get_jobs())
        # an invoice that never was in Odoo must not make PAYT switch the webhook off
        self.assertEqual(self.tell(event), 200)
        self.assertEqual(self.get_events().mapped("state"), ["pending"])
        self.assertFalse(self.get_events().message)
        self.assertEqual(len(self.get_jobs()), 1)

    def test_an_invoice_that_came_meanwhile_is_taken(self):
        event = make_event("invoice_created", "invoice", 5, invoice_number="ELSEWHERE/1")
        self.assertEqual(self.tell(event), 404)
        self.env["payt.mirror"]._store(self.backend, "invoices", [{"id": "5", "invoice_number": "ELSEWHERE/1"}])
        self.assertEqual(self.tell(event), 200)
        self.assertEqual(self.get_events().mapped("state"), ["pending"])

    # === REFUSED

    @mute_logger(CONNECTOR)
    def test_no_wrong_and_truncated_signatures(self):
        event = make_event()
        body = json.dumps({"event": event}).encode()
        right = sign(body, SECRET)
        for signature in (None, "", "0" * 64, right[:-1], right[:32], right + "0", sign(body + b" ", SECRET), "é"):
            with self.subTest(signature=signature):
                self.assertEqual(self.tell(event, X_PAYT_SIGNATURE=signature), 403)
        self.assert_nothing_came_in("signature")

    @mute_logger(CONNECTOR)
    def test_a_secret_that_is_too_old_and_no_secret_at_all(self):
        self.assertEqual(self.tell(secret="the secret of long ago"), 403)
        self.assertEqual(self.tell(secret=""), 403)
        self.assert_nothing_came_in("signature")

    def test_closed_without_a_secret(self):
        self.backend.write({"webhook_secret": False, "webhook_secret_previous": " "})
        for secret in ("", " ", "False", SECRET):
            with self.subTest(secret=secret):
                self.assertEqual(self.tell(secret=secret), 404)
        self.assert_nothing_came_in()

    @mute_logger(CONNECTOR)
    def test_the_secret_of_another_connection(self):
        other = self.make_other_backend(webhook_secret="another's secret")
        self.assertEqual(self.tell(secret="another's secret"), 403)
        self.assertEqual(self.tell(backend=other), 403)
        self.assertEqual(self.tell(backend=other, secret=OLD_SECRET), 403)
        self.assertFalse(self.env["payt.webhook.event"].search([("backend_id", "=", other.id)]))
        self.assert_nothing_came_in("signature")

    @mute_logger(CONNECTOR)
    def test_another_administration(self):
        for header in ("4711", "", None, self.backend.administration_id + "0"):
            with self.subTest(header=header):
                self.assertEqual(self.tell(X_PAYT_ADMINISTRATION_IDENTIFIER=header), 403)
        # the header isn't signed, the body is
        self.assertEqual(self.tell(make_event(administration={"id": 4711})), 403)
        self.assert_nothing_came_in("administration")

    @mute_logger(CONNECTOR)
    def test_what_is_no_event(self):
        bodies = (b"", b"x", b"{", b"[]", b"null", b'{"event": 1}', b'{"event": {}}', b'{"event": {"id": "a,b"}}')
        deep = b'{"event": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"
        for body in (*bodies, b'{"event": {"id": NaN}}', b'\xff{"event": {}}', b"1" * 9000, deep):
            with self.subTest(body=body[:30]):
                self.assertEqual(self.call(body, self.get_headers(body))[0], 400)
        self.assert_nothing_came_in("content")

    def test_another_content_type(self):
        body = json.dumps({"event": make_event()}).encode()
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            with self.subTest(kind=kind):
                self.assertEqual(self.call(body, self.get_headers(body, Content_Type=kind))[0], 415)
        self.assert_nothing_came_in()

    def test_too_much(self):
        for size in (MAX_WEBHOOK_BYTES + 1, 10_000_000):
            with self.subTest(size=size):
                body = json.dumps({"event": make_event(filling="x" * size)}).encode()
                self.assertEqual(self.call(body, self.get_headers(body))[0], 413)
        self.assert_nothing_came_in()

    def test_too_much_without_saying_how_much(self):
        body = json.dumps({"event": make_event(filling="x" * MAX_WEBHOOK_BYTES)}).encode()
        headers = self.get_headers(body, Content_Length=None) | {"Transfer-Encoding": "chunked"}
        self.assertEqual(self.call(self.chunked(body), headers)[0], 413)
        self.assert_nothing_came_in()

    def chunked(self, body, size=4096):
        parts = [body[start : start + size] for start in range(0, len(body), size)] + [b""]
        return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)

    @mute_logger(CONNECTOR)
    def test_a_body_without_length_is_none(self):
        body = json.dumps({"event": make_event()}).encode()
        self.assertEqual(self.call(b"", self.get_headers(body, Content_Length=None))[0], 403)
        self.assert_nothing_came_in("signature")

    @mute_logger("odoo.http")
    def test_other_methods_and_keys(self):
        body = json.dumps({"event": make_event()}).encode()
        headers = self.get_headers(body)
        for method in ("GET", "PUT", "DELETE"):
            with self.subTest(method=method):
                self.assertIn(self.call(body, headers, method=method)[0], (404, 405))
        key = self.backend.webhook_key
        for path in (key[:-1], key + "x", "%00", "%27", "%C3%A9", "x" * 5000, "False", "..%2F" + key):
            with self.subTest(path=path):
                self.assertEqual(self.call(body, headers, path=f"/payt/webhook/{path}")[0], 404)
        self.assert_nothing_came_in()

    @mute_logger(CONNECTOR)
    def test_parameters_change_nothing(self):
        body = json.dumps({"event": make_event()}).encode()
        path = f"{self.get_path()}?backend_id=1&secret=x"
        with self.assertNoLogs("odoo.http", "WARNING"):
            self.assertEqual(self.call(body, self.get_headers(body), path=path)[0], 200)

    # === WHERE IT COMES FROM

    def tell_from(self, *addresses):
        forwarded = {"X-Forwarded-Host": "odoo.example", "X-Forwarded-For": ", ".join(addresses)}
        return self.tell(**forwarded)

    @mute_logger(CONNECTOR)
    def test_payts_address_can_be_the_only_one_behind_a_proxy(self):
        self.backend.webhook_only_from_payt = True
        with patch.dict(config.options, proxy_mode=True):
            self.assertEqual(self.tell_from("203.0.113.7"), 403)
            # only what the proxy itself says counts: it puts it last
            self.assertEqual(self.tell_from(WEBHOOK_SOURCE_ADDRESS, "203.0.113.7"), 403)
            self.assertEqual(self.tell_from("nonsense"), 403)
            self.assertEqual(self.tell(), 403)
            self.assert_nothing_came_in("address")
            self.assertEqual(self.tell_from(WEBHOOK_SOURCE_ADDRESS), 200)
            self.assertEqual(self.tell_from("203.0.113.7", f"::ffff:{WEBHOOK_SOURCE_ADDRESS}"), 200)
        self.assertEqual(len(self.get_events()), 2)

    @mute_logger(CONNECTOR)
    def test_without_a_proxy_nobody_says_where_he_is(self):
        self.backend.webhook_only_from_payt = True
        with patch.dict(config.options, proxy_mode=False):
            self.assertEqual(self.tell_from(WEBHOOK_SOURCE_ADDRESS), 403)
        self.assert_nothing_came_in("address")

    def test_any_address_will_do_otherwise(self):
        with patch.dict(config.options, proxy_mode=True):
            self.assertEqual(self.tell_from("203.0.113.7"), 200)

    # === STRANGERS

    def test_strangers_fill_neither_the_log_nor_the_tally(self):
        """Ten wrong ones within each of two seconds."""
        with patch(f"{CONNECTOR}._logger") as logger:
            for second in (1, 2):
                moment = datetime(2026, 1, 20, 12, 0, second)
                with patch.object(fields.Datetime, "now", lambda moment=moment: moment):
                    self.assertEqual({self.tell(secret="guessed") for _attempt in range(10)}, {403})
        self.assertEqual(len(logger.method_calls), 2)
        self.assertEqual(self.backend.webhook_refused_count, 2)
        self.assertEqual(self.backend.webhook_refused_at, moment)
        self.assertNotIn(self.backend.webhook_key, str(logger.method_calls))

    # === RECORDS

    def make_other_backend(self, **values):
        company = self.env["res.company"].create({"name": "Another Company"})
        return self.env["payt.backend"].create({"company_id": company.id, "administration_id": "4711", **values})
