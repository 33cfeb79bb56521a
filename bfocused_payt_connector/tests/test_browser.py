from odoo.tests import HttpCase, tagged

from .common import SandboxMixin


@tagged("post_install", "-at_install")
class TestBrowser(SandboxMixin, HttpCase):
    backend_values = {"auth_method": "static", "access_token": "a-wrong-token"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env.company

    def test_wrong_and_right_credentials_and_the_pause_in_the_web_client(self):
        self.start_tour(
            f"/odoo/action-bfocused_payt_connector.payt_backend_action/{self.backend.id}",
            "bfocused_payt_test_connection",
            login="admin",
        )
        self.backend.invalidate_recordset()
        self.assertEqual(self.backend.administration_name, "B/Focused ICT Services")
        self.assertFalse(self.backend.paused)

    def test_what_payt_refused_is_tried_again_from_its_list(self):
        partner = self.env["res.partner"].create({"name": "Tour Refused"})
        outbox = self.env["payt.outbox"]
        outbox.search([]).unlink()
        outbox._put_for(self.backend, partner, "contact")
        outbox.search([])._mark_refused("No such street")
        self.start_tour(
            "/odoo/action-bfocused_payt_connector.payt_outbox_action_attention",
            "bfocused_payt_try_again",
            login="admin",
        )
        self.assertEqual(outbox.search([], order="id").mapped("state"), ["cancelled", "pending"])
