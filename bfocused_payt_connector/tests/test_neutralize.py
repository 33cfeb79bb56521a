from odoo.modules import neutralize
from odoo.tests import tagged

from .common import PaytCase


@tagged("post_install", "-at_install")
class TestNeutralize(PaytCase):
    def test_a_copy_knows_no_secret_sends_nothing_and_would_talk_to_the_demo(self):
        secrets = ("client_id", "client_secret", "access_token", "webhook_secret", "webhook_secret_previous")
        self.backend.write(
            {**dict.fromkeys(secrets, "secret"), "environment": "production", "auth_method": "refresh_token"}
        )
        self.backend.refresh_token = "secret"
        key = self.backend.webhook_key
        told = self.env["payt.webhook.event"]
        told._receive(self.backend, b'{"event": {"id": "1"}}', "delivery")
        self.env["payt.webhook.tally"]._note_accepted(self.backend)
        self.env.flush_all()
        for query in neutralize.get_neutralization_queries(["bfocused_payt_connector"]):
            self.env.cr.execute(query)
        self.env.invalidate_all()
        for name in (*secrets, "administration_id"):
            self.assertFalse(self.backend[name], name)
        self.assertFalse(self.backend.token_ids.refresh_token)
        self.assertNotEqual(self.backend.webhook_key, key)
        self.assertFalse(told.search_count([("backend_id", "=", self.backend.id), ("state", "=", "pending")]))
        self.assertFalse(self.backend.webhook_last_at)
        self.assertEqual(self.backend.base_url, "https://demo-api.paytsoftware.com")
        self.assertTrue(self.backend.paused)
        self.assertTrue(self.backend.paused_reason)
