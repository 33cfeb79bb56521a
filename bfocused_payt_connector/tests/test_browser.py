from odoo import SUPERUSER_ID, Command
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

    def make_invoice(self, name):
        self.backend.access_token = self.sandbox.token
        self.company.payt_on_posting = False
        customer = self.env["res.partner"].create(
            {"name": name, "email": "debtor@tour.example", "invoice_sending_method": "payt"}
        )
        line = {"name": "Glasvezel", "price_unit": 100.0, "tax_ids": [Command.clear()]}
        move = self.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": customer.id,
                "invoice_date": "2026-01-05",
                "invoice_line_ids": [Command.create(line)],
            }
        )
        move.action_post()
        return move

    def empty_outbox(self):
        outbox = self.env["payt.outbox"].with_user(SUPERUSER_ID)
        while outbox.search_count([("state", "=", "pending")]):
            outbox._job_empty(self.backend.id)

    def test_an_invoice_is_sent_by_payt_with_odoos_own_send(self):
        move = self.make_invoice("Tour Debtor")
        self.start_tour(
            f"/odoo/action-account.action_move_out_invoice_type/{move.id}", "bfocused_payt_send_invoice", login="admin"
        )
        self.assertFalse(move.is_move_sent, "that is for PAYT to say")
        self.empty_outbox()
        self.assertEqual(move.payt_state, "pushed", move.payt_message)
        [there] = self.sandbox.state()["invoices"]
        self.assertEqual((there["invoice_number"], there["total_amount"]), (move.name, "100.00"))
        self.assertTrue(there["_document"])

    def test_an_invoice_that_payt_refused_is_tried_again_from_the_list_of_invoices(self):
        move = self.make_invoice("Tour Refused Invoice")
        self.sandbox.fail("record_error", path="/v1/invoices", key=move.name, reason="Debtor is blocked")
        self.env["account.move.send"]._generate_and_send_invoices(move, sending_methods=["payt"])
        self.empty_outbox()
        self.assertEqual(move.payt_state, "error")
        self.assertFalse(self.sandbox.state()["invoices"])
        self.start_tour(
            "/odoo/action-bfocused_payt_connector.account_move_action_payt_attention",
            "bfocused_payt_try_invoice_again",
            login="admin",
        )
        self.empty_outbox()
        self.assertEqual((move.payt_state, move.payt_message), ("pushed", False))
        self.assertEqual([there["invoice_number"] for there in self.sandbox.state()["invoices"]], [move.name])

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
