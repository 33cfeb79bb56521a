import logging
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import requests

from odoo import Command
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..controllers import oauth
from ..controllers.access_log import WithoutSecrets
from .common import SandboxMixin


@tagged("post_install", "-at_install")
class TestOAuth(SandboxMixin, HttpCase):
    backend_values = {"auth_method": "refresh_token"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["res.company"].create({"name": "Sandbox Company"})
        companies = [Command.set(cls.company.ids)]
        cls.admin = new_test_user(
            cls.env, "payt_admin", "base.group_system", company_id=cls.company.id, company_ids=companies
        )
        cls.manager = new_test_user(
            cls.env,
            "payt_manager",
            "bfocused_billing.group_billing_manager",
            company_id=cls.company.id,
            company_ids=companies,
        )

    def start(self, user="payt_admin"):
        """Press the button and follow it to PAYT, which agrees and sends the person back."""
        self.authenticate(user, user + "x" * (8 - len(user)))
        answer = self.url_open(f"/payt/oauth/start/{self.backend.id}", allow_redirects=False)
        self.assertEqual(answer.status_code, 303, answer.text)
        self.asked = parse_qs(urlsplit(answer.headers["Location"]).query)
        back = requests.get(answer.headers["Location"], allow_redirects=False, timeout=10)
        return urlsplit(back.headers["Location"])

    def come_back(self, back, **changed):
        query = {name: values[0] for name, values in parse_qs(back.query).items()} | changed
        answer = self.url_open(
            f"{back.path}?{'&'.join(f'{k}={v}' for k, v in query.items() if v is not None)}", allow_redirects=False
        )
        self.backend.token_ids.invalidate_recordset()
        return answer

    def assert_refused(self, answer):
        self.assertEqual(answer.status_code, 403)
        self.assertFalse(self.backend.token_ids.refresh_token)
        self.assertFalse(self.backend.token_ids.access_token)

    def test_a_person_who_agreed_gives_access(self):
        back = self.start()
        self.assertEqual(self.asked["client_id"], ["sandbox-client"])
        self.assertIn("invoices:write", self.asked["scope"][0])
        self.assertGreaterEqual(len(self.asked["state"][0]), 32)
        answer = self.come_back(back)
        self.assertEqual(answer.status_code, 303)
        self.assertTrue(self.backend.token_ids.refresh_token)
        with self.backend._get_client() as client:
            self.assertEqual(client.administration()["name"], "B/Focused ICT Services")

    def test_neither_the_code_nor_the_key_of_webhooks_gets_into_the_log_of_requests(self):
        """Lines as the server makes them; test_payt_log.py reads those of a real one."""
        [mask] = [found for found in logging.getLogger("werkzeug").filters if isinstance(found, WithoutSecrets)]
        for path, masked in (
            ("/payt/oauth/callback?code=the-code&state=s", "/payt/oauth/callback?***"),
            ("/payt/webhook/the-key", "/payt/webhook/***"),
            ("/web?code=another", "/web?code=another"),
        ):
            arguments = ("127.0.0.1", f"GET {path} HTTP/1.1", 303)
            record = logging.LogRecord("werkzeug", logging.INFO, "", 0, '%s - - "%s" %s', arguments, None)
            self.assertTrue(mask.filter(record))
            self.assertEqual(record.getMessage(), f'127.0.0.1 - - "GET {masked} HTTP/1.1" 303')

    def test_granting_access_again_ends_a_stop(self):
        self.backend._note_stop("The access was taken away")
        self.env.flush_all()
        self.come_back(self.start())
        self.backend.invalidate_recordset()
        self.assertFalse(self.backend.paused)

    @mute_logger("odoo.addons.bfocused_payt_connector.controllers.oauth")
    def test_a_wrong_or_missing_state_changes_nothing(self):
        for state in ("guessed", "", None, "é"):
            with self.subTest(state=state):
                self.assert_refused(self.come_back(self.start(), state=state))

    @mute_logger("odoo.addons.bfocused_payt_connector.controllers.oauth")
    def test_a_wrong_state_uses_up_the_right_one(self):
        back = self.start()
        self.assert_refused(self.come_back(back, state="guessed"))
        self.assert_refused(self.come_back(back))

    @mute_logger("odoo.addons.bfocused_payt_connector.controllers.oauth")
    def test_an_answer_is_good_once(self):
        back = self.start()
        self.come_back(back)
        first = self.backend.token_ids.refresh_token
        answer = self.come_back(back)
        self.assertEqual(answer.status_code, 403)
        self.assertEqual(self.backend.token_ids.refresh_token, first)

    @mute_logger("odoo.addons.bfocused_payt_connector.controllers.oauth")
    def test_another_session_cannot_use_the_answer(self):
        back = self.start()
        self.logout()
        self.authenticate("payt_admin", "payt_admin")
        self.assert_refused(self.come_back(back))

    def test_an_answer_that_comes_too_late_changes_nothing(self):
        back = self.start()
        later = oauth.time.time() + timedelta(minutes=11).total_seconds()
        with patch.object(oauth.time, "time", lambda: later):
            self.assert_refused(self.come_back(back))

    def test_a_person_who_did_not_agree_gives_no_access(self):
        self.assert_refused(self.come_back(self.start(), code=None, error="access_denied"))

    def test_a_code_payt_does_not_know_gives_no_access(self):
        self.assert_refused(self.come_back(self.start(), code="made-up"))

    @mute_logger("odoo.http")
    def test_only_a_system_administrator_starts_it(self):
        self.authenticate("payt_manager", "payt_manager")
        answer = self.url_open(f"/payt/oauth/start/{self.backend.id}", allow_redirects=False)
        self.assertEqual(answer.status_code, 403)
        self.authenticate(None, None)
        answer = self.url_open(f"/payt/oauth/start/{self.backend.id}", allow_redirects=False)
        self.assertEqual(answer.status_code, 303)
        self.assertIn("/web/login", answer.headers["Location"])

    @mute_logger("odoo.http", "odoo.addons.base.models.ir_rule")
    def test_the_administrator_of_another_company_does_not_start_it(self):
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        new_test_user(
            self.env,
            "payt_elsewhere",
            "base.group_system",
            company_id=elsewhere.id,
            company_ids=[Command.set(elsewhere.ids)],
        )
        self.authenticate("payt_elsewhere", "payt_elsewhere")
        answer = self.url_open(f"/payt/oauth/start/{self.backend.id}", allow_redirects=False)
        self.assertEqual(answer.status_code, 403)
