from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tests import tagged

from ..payt_api import PaytForbidden, PaytReauthorise, PaytTemporary, PaytUnknownOutcome
from .common import PaytCase


class TokenCase(PaytCase):
    def refreshes(self):
        """How often PAYT handed out a token, apart from the fixed one."""
        return len([token for token in self.sandbox.world.store.tokens if token.get("_from") != "test"]) - 1

    def token(self):
        self.backend.token_ids.invalidate_recordset()
        return self.backend.token_ids

    def assert_asking_fails(self, kind):
        """Not by assertRaises, which undoes what happened until then, and own transactions with it."""
        try:
            self.ask()
        except kind:
            self.backend.invalidate_recordset()
        else:
            self.fail(f"{kind.__name__} was not raised")

    def ask(self):
        with self.backend._get_client() as client:
            return client.administration()["name"]


@tagged("post_install", "-at_install")
class TestClientCredentials(TokenCase):
    backend_values = {"auth_method": "client_credentials"}

    def test_the_token_is_asked_for_once_and_kept(self):
        for _ in range(3):
            self.ask()
        self.assertEqual(self.refreshes(), 1)
        self.assertFalse(self.backend.token_expires_at)

    def test_a_token_that_is_refused_is_replaced(self):
        self.ask()
        first = self.token().access_token
        self.sandbox.world.store.tokens.by("access_token", first)["_revoked"] = True
        self.assertEqual(self.ask(), "B/Focused ICT Services")
        self.assertNotEqual(self.token().access_token, first)

    def test_a_wrong_secret_is_said_so_without_showing_it(self):
        self.backend.client_secret = "not-the-secret"
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, "client id and secret") as raised:
            self.backend.action_test_connection()
        self.assertNotIn("not-the-secret", str(raised.exception))

    def test_a_wrong_secret_fails_although_a_stored_token_works(self):
        self.ask()
        stored = self.token().access_token
        self.backend.client_secret = "not-the-secret"
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, "client id and secret"):
            self.backend.action_test_connection()
        self.assertEqual(self.token().access_token, stored)
        self.assertFalse(self.backend.paused)
        self.assertEqual(self.ask(), "B/Focused ICT Services")

    def test_a_test_that_gets_no_answer_leaves_the_token(self):
        self.ask()
        stored = self.token().access_token
        self.sandbox.fail("lost_answer", path="/oauth/token")
        with self.assertRaisesRegex(UserError, "can't be tested now"):
            self.backend.action_test_connection()
        self.assertEqual(self.token().access_token, stored)
        self.backend.action_test_connection()
        self.assertEqual(self.ask(), "B/Focused ICT Services")

    def test_permissions_come_from_the_token_where_it_tells(self):
        with patch("tests.payt_sandbox.tokens.ALL_SCOPES", ["administrations:read", "invoices:read"]):
            self.backend.action_test_connection()
        self.assertIn("invoices:write", self.backend.missing_permissions)
        self.assertNotIn("invoices:read", self.backend.missing_permissions)


@tagged("post_install", "-at_install")
class TestRotatingToken(TokenCase):
    backend_values = {"auth_method": "refresh_token"}

    def setUp(self):
        super().setUp()
        self.grant()

    def grant(self):
        """As after a person agreed."""
        from tests.payt_sandbox.tokens import ALL_SCOPES, hand_out  # noqa: PLC0415

        answer = hand_out(self.sandbox.world, ALL_SCOPES, refreshable=True)
        self.backend.refresh_token = answer["refresh_token"]
        self.env.flush_all()
        return answer

    def test_the_refresh_token_is_rotated_and_stored_before_its_token_is_used(self):
        before = self.token().refresh_token
        self.ask()
        self.assertTrue(self.token().access_token)
        self.assertNotEqual(self.token().refresh_token, before)
        self.assertTrue(self.token().expires_at)
        self.assertTrue(self.token().refresh_expires_at > self.token().expires_at)
        after = self.token().refresh_token
        self.ask()
        self.assertEqual(self.token().refresh_token, after, "a token that is good isn't renewed")

    def test_a_wrong_secret_fails_although_a_stored_token_works(self):
        self.ask()
        stored = self.token().read(["access_token", "refresh_token"])
        self.backend.client_secret = "not-the-secret"
        self.env.flush_all()
        with self.assertRaisesRegex(UserError, "client id and secret"):
            self.backend.action_test_connection()
        self.assertEqual(self.token().read(["access_token", "refresh_token"]), stored)
        self.assertEqual(self.ask(), "B/Focused ICT Services")
        self.assertFalse(self.backend.paused)

    def test_a_test_rotates_no_token(self):
        self.ask()
        stored = self.token().read(["access_token", "refresh_token"])
        self.assertEqual(self.backend.action_test_connection()["params"]["type"], "success")
        self.sandbox.fail("lost_answer", path="/oauth/token")
        with self.assertRaisesRegex(UserError, "can't be tested now"):
            self.backend.action_test_connection()
        self.assertEqual(self.token().read(["access_token", "refresh_token"]), stored)
        self.assertFalse(self.backend.paused)

    def test_a_lapsed_token_is_renewed_in_the_middle_of_a_batch(self):
        with self.backend._get_client() as client:
            client.administration()
            self.sandbox.world.clock.now()  # PAYT's clock goes on; ours doesn't know yet
            for token in self.sandbox.world.store.tokens:
                if token.get("refresh_token"):
                    token["expires_at"] = "2020-01-01T00:00:00Z"
            self.assertEqual(client.administration()["name"], "B/Focused ICT Services")

    def test_what_another_worker_renewed_is_found_instead_of_renewed_again(self):
        with self.backend._get_client() as slow, self.backend._get_client() as fast:
            slow.administration()
            used = self.token().access_token
            self.assertTrue(fast._transport.auth._renew(used))
            rotated = self.token().refresh_token
            self.assertEqual(slow.administration()["name"], "B/Focused ICT Services")
            self.assertEqual(self.token().refresh_token, rotated)

    def test_a_lost_answer_pauses_the_connection_and_tells_a_person(self):
        before = self.token().refresh_token
        self.sandbox.fail("lost_answer", path="/oauth/token")
        self.assert_asking_fails(PaytUnknownOutcome)
        self.assertTrue(self.backend.paused)
        self.assertEqual(self.backend.activity_ids.user_id, self.backend.responsible_id)
        self.assertNotIn(before, self.backend.paused_reason)
        self.assert_asking_fails(PaytForbidden)

    def test_a_refused_refresh_token_pauses_the_connection(self):
        self.backend.refresh_token = "long-forgotten-token"
        self.env.flush_all()
        self.assert_asking_fails(PaytReauthorise)
        self.assertTrue(self.backend.paused)
        self.assertNotIn("long-forgotten-token", self.backend.paused_reason)

    def test_without_anybodys_consent_nothing_is_sent(self):
        self.backend.token_ids._forget()
        self.env.flush_all()
        self.assert_asking_fails(PaytReauthorise)
        self.assertFalse(self.sandbox.traffic.by_operation)

    def test_a_hiccup_of_the_token_endpoint_pauses_nothing(self):
        self.sandbox.fail("throttle", path="/oauth/token")
        with patch("time.sleep"):
            self.assertEqual(self.ask(), "B/Focused ICT Services")
        self.assertFalse(self.backend.paused)

    def test_whoever_does_not_get_the_row_leaves_the_token_alone(self):
        before = self.token().refresh_token
        nobody = self.backend.token_ids.browse()
        with (
            patch.object(type(nobody), "try_lock_for_update", lambda self, **options: nobody),
            patch("time.sleep"),
            self.assertRaises(PaytTemporary),
        ):
            self.ask()
        self.assertEqual(self.token().refresh_token, before)
        self.assertFalse(self.backend.paused)

    def test_no_secret_gets_into_the_log(self):
        answer = self.grant()
        with self.assertLogs(level="DEBUG") as log:
            self.ask()
            self.sandbox.fail("lost_answer", path="/oauth/token")
            self.token().access_token = False
            self.env.flush_all()
            self.assert_asking_fails(PaytUnknownOutcome)
        told = "\n".join(line for line in log.output if "odoo.sql_db" not in line)
        for secret in (answer["refresh_token"], "sandbox-client-secret", self.token().refresh_token):
            self.assertNotIn(secret, told)
