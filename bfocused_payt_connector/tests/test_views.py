from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from ..const import READ_RESOURCES
from .common import PaytCase


@tagged("post_install", "-at_install")
class TestViews(PaytCase):
    def test_an_administrator_sets_up_a_connection_by_its_form(self):
        elsewhere = self.env["res.company"].create({"name": "Second"})
        with Form(
            self.env["payt.backend"].with_company(elsewhere).with_context(default_company_id=elsewhere.id)
        ) as form:
            form.environment = "production"
            form.auth_method = "static"
            form.access_token = "a-token"
        backend = elsewhere._get_payt_backend()
        self.assertEqual(backend.base_url, "https://api.paytsoftware.com")
        self.assertIn("Second", backend.name)
        self.assertEqual(len(backend.token_ids), 1)
        self.assertTrue(backend.is_authorized)

    def test_the_biller_sees_the_pause_and_no_secret(self):
        self.backend._note_stop("The access was taken away")
        view = self.env["payt.backend"].with_user(self.biller).get_view(view_type="form")
        self.assertIn("paused_reason", view["arch"])
        for name in ("access_token", "client_secret", "client_id", "webhook_secret", "action_test_connection"):
            self.assertNotIn(f'name="{name}"', view["arch"])
        self.assertEqual(self.backend.with_user(self.biller).paused_reason, "The access was taken away")

    def test_the_outbox_leads_to_its_record(self):
        row = self.env["payt.outbox"].create(
            {"backend_id": self.backend.id, "resource": "contact", "rank": 1, "model": "res.partner", "res_id": 1}
        )
        action = row.with_user(self.biller).action_open_record()
        self.assertEqual((action["res_model"], action["res_id"]), ("res.partner", 1))
        self.assertIn(row, self.env["payt.outbox"].search(self.backend.action_open_outbox()["domain"]))

    def test_one_menu_has_all_that_needs_attention(self):
        menu = self.env.ref("bfocused_payt_connector.menu_payt_root")
        actions = menu.child_id.mapped("action")
        about_errors = {action.res_model for action in actions if "error" in (action.domain or "")}
        self.assertEqual(about_errors, {"account.move", "payt.outbox"})
        others = self.env["ir.ui.menu"].search([("name", "ilike", "PAYT"), ("parent_id", "=", menu.parent_id.id)])
        self.assertEqual(others, menu)

    def test_what_came_in_opens_and_leads_on(self):
        self.env["payt.mirror"]._store(self.backend, "debtors", [{"id": "7", "name": "Jansen"}])
        self.env["payt.webhook.event"]._receive(self.backend, b'{"event": {"id": "1"}}', "delivery")
        for model, open_them in (("payt.mirror", "action_open_records"), ("payt.webhook.event", "action_open_events")):
            action = getattr(self.backend.with_user(self.biller), open_them)()
            rows = self.env[model].with_user(self.biller).search(action["domain"])
            self.assertEqual(len(rows), 1)
            for view_type in ("list", "form", "search"):
                view = rows.get_view(view_type=view_type)
                self.assertNotIn('name="payload"', view["arch"])
            self.assertTrue(Form(rows).id)

    def test_what_needs_a_person_is_tried_again_or_left(self):
        self.env["payt.mirror"]._store(self.backend, "debtors", [{"id": "7"}, {"id": "8"}])
        rows = self.env["payt.mirror"].search([("backend_id", "=", self.backend.id)])
        rows.write({"state": "error", "message": "The period is locked", "tries": 3})
        again, left = rows.with_user(self.biller)
        again.action_try_again()
        left.action_dismiss()
        self.assertEqual((again.state, again.tries, left.state), ("pending", 0, "dismissed"))

    def test_a_manager_reads_now_and_sees_how_far(self):
        manager = new_test_user(
            self.env,
            "payt_reader",
            "bfocused_billing.group_billing_manager",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
        )
        backend = self.backend.with_user(manager)
        self.assertIn('name="action_pull"', backend.get_view(view_type="form")["arch"])
        backend.action_pull()
        self.assertEqual(set(backend.mark_ids.mapped("resource")), set(READ_RESOURCES))
        self.assertNotIn('name="action_pull"', self.backend.with_user(self.biller).get_view(view_type="form")["arch"])
        with self.assertRaises(AccessError):
            self.backend.with_user(self.biller).action_pull()
