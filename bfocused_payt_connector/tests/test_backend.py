from psycopg2.errors import UniqueViolation

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..payt_api import PaytForbidden
from .common import PaytCase


@tagged("post_install", "-at_install")
class TestBackend(PaytCase):
    def test_a_good_connection_tells_who_we_are_at_payt(self):
        self.backend.administration_id = False
        answer = self.backend.action_test_connection()
        self.assertEqual(answer["params"]["type"], "success", answer)
        self.assertEqual(self.backend.administration_id, str(self.sandbox.administration_id))
        self.assertEqual(self.backend.administration_name, "B/Focused ICT Services")
        self.assertEqual(self.backend.administration_currency, "EUR")
        self.assertFalse(self.backend.missing_permissions)
        self.assertIn("B/Focused ICT Services", self.backend.test_message)
        self.assertTrue(self.backend.tested_at)

    def test_a_wrong_token_is_said_so_without_showing_it(self):
        self.backend.access_token = "quite-wrong-token"
        with self.assertRaisesRegex(UserError, "doesn't take the fixed token") as raised:
            self.backend.action_test_connection()
        self.assertNotIn("quite-wrong-token", str(raised.exception))

    def test_a_wrong_administration_is_said_so(self):
        self.backend.administration_id = "999999"
        with self.assertRaisesRegex(UserError, "999999|doesn't let us in"):
            self.backend.action_test_connection()

    def test_a_server_that_cannot_be_reached_is_said_so(self):
        self.backend.base_url = "http://127.0.0.1:9"
        with self.assertRaisesRegex(UserError, "can't be tested now"):
            self.backend.action_test_connection()

    def test_missing_permissions_are_named(self):
        token = self.sandbox.world.store.tokens.by("access_token", self.sandbox.token)
        token["scopes"] = [scope for scope in token["scopes"] if not scope.startswith("payments:")]
        answer = self.backend.action_test_connection()
        self.assertEqual(self.backend.missing_permissions, "payments:read")
        self.assertEqual(answer["params"]["type"], "warning")

    def test_another_currency_than_the_company_is_noticed(self):
        self.company.currency_id = self.env.ref("base.USD")
        answer = self.backend.action_test_connection()
        self.assertIn("USD", answer["params"]["message"])
        self.assertEqual(answer["params"]["type"], "warning")

    def test_clocks_that_differ_are_noticed(self):
        values = {"missing_permissions": False, "administration_currency": "EUR", "clock_difference": -45}
        self.assertEqual(len(self.backend._get_test_problems(values)), 1)
        self.assertEqual(self.backend._get_test_problems({**values, "clock_difference": 3}), [])

    def test_nobody_gets_through_the_door_while_paused(self):
        self.backend.action_pause()
        with self.assertRaises(PaytForbidden):
            self.backend._get_client()
        self.assertTrue(self.backend.paused_reason)
        self.backend.action_resume()
        with self.backend._get_client() as client:
            self.assertEqual(client.administration()["name"], "B/Focused ICT Services")

    def test_a_stop_outlives_the_rollback_and_tells_the_responsible_person_once(self):
        with self.assertRaises(ZeroDivisionError), self.env.cr.savepoint():
            self.company.name = "Half done"
            self.backend._stop("The access was taken away")
            raise ZeroDivisionError
        # in a test, the other transaction is inside ours: what has to hold is that it was another one
        self.backend._stop("The access was taken away")
        self.backend._stop("Something else")
        self.assertTrue(self.backend.paused)
        self.assertTrue(self.backend.is_stopped)
        self.assertEqual(self.backend.paused_reason, "The access was taken away")
        self.assertEqual(len(self.backend.activity_ids), 1)
        self.assertEqual(self.backend.activity_ids.user_id, self.backend.responsible_id)
        self.backend.action_resume()
        self.assertFalse(self.backend.activity_ids)

    def test_the_address_is_that_of_the_environment(self):
        self.backend.environment = "production"
        self.assertEqual(self.backend.base_url, "https://api.paytsoftware.com")
        self.backend.environment = "demo"
        self.assertEqual(self.backend.base_url, "https://demo-api.paytsoftware.com")
        with self.assertRaises(ValidationError):
            self.backend.base_url = "https://elsewhere.example.com"

    def test_the_line_to_payt_is_never_open(self):
        with self.assertRaises(ValidationError):
            self.backend.write({"environment": "other", "base_url": "http://payt.example.com"})

    def test_a_company_has_one_connection(self):
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env["payt.backend"].create({"company_id": self.company.id, "environment": "demo"})
        self.assertEqual(self.company._get_payt_backend(), self.backend)

    def test_secrets_are_for_system_administrators(self):
        secrets = ("client_id", "client_secret", "access_token", "refresh_token", "webhook_secret", "webhook_key")
        backend = self.backend.with_user(self.biller)
        for name in secrets:
            with self.subTest(name), self.assertRaises(AccessError):
                backend.read([name])
        with self.assertRaises(AccessError):
            backend.write({"base_url": "https://mine.example.com"})
        with self.assertRaises(AccessError):
            self.backend.token_ids.with_user(self.biller).read(["backend_id"])
        with self.assertRaises(AccessError):
            backend.action_pause()
        with self.assertRaises(AccessError):
            backend.action_test_connection()

    def test_another_company_sees_neither_connection_nor_outbox(self):
        row = self.env["payt.outbox"].create(
            {"backend_id": self.backend.id, "resource": "contact", "rank": 1, "model": "res.partner", "res_id": 1}
        )
        with self.assertRaises(AccessError):
            self.backend.with_user(self.outsider).read(["name"])
        with self.assertRaises(AccessError):
            row.with_user(self.outsider).read(["state"])
        with self.assertRaises(AccessError):
            row.with_user(self.outsider).action_try_again()
        self.assertEqual(row.with_user(self.biller).read(["state"])[0]["state"], "pending")
        with self.assertRaises(AccessError):
            row.with_user(self.biller).write({"state": "sent"})

    def test_the_refresh_token_goes_in_and_never_comes_out(self):
        self.backend.refresh_token = "a-refresh-token"
        self.backend.invalidate_recordset()
        self.assertFalse(self.backend.refresh_token)
        self.assertEqual(self.backend.token_ids.refresh_token, "a-refresh-token")
        self.backend.client_id = "another client"
        self.assertFalse(self.backend.token_ids.refresh_token, "another client's tokens are worth nothing")

    def test_nobody_is_sent_to_payt_without_a_client_id(self):
        with self.assertRaises(UserError):
            self.backend.action_authorize()
        self.backend.write({"client_id": "sandbox-client", "client_secret": "sandbox-client-secret"})
        self.assertEqual(self.backend.action_authorize()["url"], f"/payt/oauth/start/{self.backend.id}")
        with self.assertRaises(AccessError):
            self.backend.with_user(self.biller).action_authorize()

    def test_a_connection_that_was_used_is_not_deleted(self):
        self.env["payt.outbox"].create(
            {"backend_id": self.backend.id, "resource": "contact", "rank": 1, "model": "res.partner", "res_id": 1}
        )
        with self.assertRaises(UserError):
            self.backend.unlink()

    def test_no_secret_gets_into_an_export(self):
        self.assertTrue(self.backend.export_data(["name", "auth_method"])["datas"])
        for records, name in (
            (self.backend, "access_token"),
            (self.backend, "client_secret"),
            (self.backend, "token_ids/refresh_token"),
            (self.company, "payt_backend_ids/webhook_secret"),
        ):
            with self.subTest(name), self.assertRaises(AccessError):
                records.export_data([name])

    def test_the_settings_lead_to_the_connection(self):
        settings = self.env["res.config.settings"].create({})
        self.assertEqual(settings.payt_backend_id, self.backend)
        self.assertEqual(settings.action_open_payt_backend()["res_id"], self.backend.id)
