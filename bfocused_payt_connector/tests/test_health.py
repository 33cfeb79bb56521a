from datetime import timedelta

from odoo import SUPERUSER_ID, fields
from odoo.tests import freeze_time, tagged

from .test_comparison import ComparisonCase

MONDAY = "2026-03-02 09:00:00"


@tagged("post_install", "-at_install")
class TestHealth(ComparisonCase):
    def setUp(self):
        super().setUp()
        self.backend.responsible_id = self.biller
        self.backend.webhook_secret = "a-secret"

    def get_light(self, name):
        self.env.invalidate_all()
        [check] = self.backend.health_ids.filtered(lambda check: check.check == name)
        return check.light

    def get_message(self, name):
        [check] = self.backend.health_ids.filtered(lambda check: check.check == name)
        return check.message

    def watch(self):
        self.env.invalidate_all()
        self.env["payt.backend"].with_user(SUPERUSER_ID)._cron_watch()
        return self.backend.activity_ids.mapped("summary")

    def hear(self, **facts):
        """What the webhook notes of its messages."""
        tally = self.env["payt.webhook.tally"].sudo()
        mine = tally.search([("backend_id", "=", self.backend.id)]) or tally.create({"backend_id": self.backend.id})
        mine.write({"accepted_at" if name == "last_at" else name: value for name, value in facts.items()})
        self.backend.invalidate_recordset()

    def make_well(self):
        """Everything was read, compared and told a moment ago."""
        self.pull()
        self.compare()
        self.hear(last_at=fields.Datetime.now())

    def test_a_connection_that_does_well(self):
        self.make_invoice_at_payt()
        self.make_well()
        lights = {check.check: check.light for check in self.backend.with_user(self.biller).health_ids}
        self.assertEqual(lights.pop("clock"), "off")  # never tested
        self.assertEqual(set(lights.values()), {"ok"})
        self.assertEqual(self.backend.health, "ok")
        self.assertEqual(self.watch(), [])

    def test_no_message_for_a_working_day(self):
        self.make_well()
        self.hear(last_at="2026-02-27 16:00:00")  # a Friday
        with freeze_time(MONDAY):
            self.assertEqual(self.get_light("webhook"), "ok")
        with freeze_time("2026-03-02 17:30:00"):
            self.assertEqual(self.get_light("webhook"), "warning")

    def test_a_change_without_a_message_says_that_the_webhook_is_off(self):
        move = self.make_invoice_at_payt()
        self.make_well()
        self.sandbox.play(do="pay", invoice=move.name)
        self.pull()
        self.assertEqual(self.get_light("webhook"), "ok")  # the message may still come
        changed = fields.Datetime.now() - timedelta(hours=2)
        self.get_rows(resource="payments").sudo().payt_updated_at = changed
        self.assertEqual(self.get_light("webhook"), "ok")  # it came before the last message
        self.hear(last_at=changed - timedelta(hours=2))
        self.assertEqual(self.get_light("webhook"), "danger")
        self.assertIn("1", self.get_message("webhook"))
        [summary] = [summary for summary in self.watch() if "messages" in summary]
        self.watch()
        self.assertEqual(self.backend.activity_ids.mapped("summary").count(summary), 1)
        self.assertEqual(self.backend.activity_ids.user_id, self.biller)
        self.hear(last_at=fields.Datetime.now())
        self.assertNotIn(summary, self.watch())

    def test_refused_messages(self):
        self.make_well()
        self.hear(last_at=MONDAY, refused_at=fields.Datetime.now(), refused_count=3)
        self.assertEqual(self.get_light("webhook"), "warning")
        self.hear(refused_count=10)
        self.assertEqual(self.get_light("webhook"), "danger")
        self.hear(last_at=fields.Datetime.now())
        self.assertEqual(self.get_light("webhook"), "ok")

    def test_a_person_who_is_done_is_not_told_twice_but_when_it_gets_worse(self):
        self.make_well()
        self.backend.auth_method = "refresh_token"
        self.backend.refresh_token = "a-token"
        token = self.backend.sudo().token_ids
        for days, light, told in (
            (30, "ok", 0),
            (10, "warning", 1),
            (9, "warning", 0),
            (2, "danger", 1),
            (60, "ok", 0),
        ):
            token.refresh_expires_at = fields.Datetime.now() + timedelta(days=days)
            self.assertEqual(self.get_light("token"), light, days)
            self.assertEqual(len(self.watch()), told, days)
            self.backend.activity_ids.action_feedback()
        self.assertFalse(self.backend.health_told)

    def test_the_outbox_that_waits_too_long(self):
        self.make_well()
        move = self.make_invoice()
        self.env["payt.outbox"]._put(move, "invoice")
        self.assertEqual(self.get_light("outbox"), "ok")
        self.env.flush_all()
        for minutes, light in ((61, "warning"), (26 * 60, "danger")):
            self.env.cr.execute(
                "UPDATE payt_outbox SET create_date = %s WHERE res_id = %s",
                [fields.Datetime.now() - timedelta(minutes=minutes), move.id],
            )
            self.assertEqual(self.get_light("outbox"), light)
        self.assertEqual(len(self.watch()), 1)

    def test_differences_are_told_and_taken_back(self):
        move = self.make_invoice_at_payt()
        self.make_well()
        self.pay(move, 21.0)
        self.compare()
        self.assertEqual(self.get_light("comparison"), "warning")
        self.assertEqual(self.backend.difference_count, 1)
        self.assertEqual(len(self.watch()), 1)
        self.push()
        self.compare()
        self.assertEqual(self.watch(), [])

    def test_a_list_that_is_not_read_any_more(self):
        self.assertEqual(self.get_light("reading"), "warning")  # never
        self.make_well()
        self.assertEqual(self.get_light("reading"), "ok")
        mark = self.backend.mark_ids[0].sudo()
        mark.error = "PAYT is down"
        self.assertEqual(self.get_light("reading"), "warning")
        self.assertIn("PAYT is down", self.get_message("reading"))
        with freeze_time(fields.Datetime.now() + timedelta(days=2)):
            self.assertEqual(self.get_light("reading"), "danger")

    def test_a_first_load_shows_how_far_it_is(self):
        for number in range(4):
            self.make_invoice_at_payt(10.0 + number)
        marks = self.env["payt.sync.mark"].with_user(SUPERUSER_ID)._get_marks(self.backend)
        mark = marks.filtered(lambda mark: mark.resource == "invoices" and not mark.is_deleted)
        client = type(self.backend._get_client())
        read = client.iter_pages
        self.patch(client, "iter_pages", lambda *a, **k: read(*a, **{"per_page": 1, **k}))
        self.assertTrue(mark._read(pages=3))
        self.assertEqual(mark.record_count, 3)
        self.assertFalse(mark.read_at)
        self.assertIn("3", self.get_message("reading"))
        while mark._read(pages=3):
            pass
        self.assertEqual(mark.record_count, 4)
        self.assertTrue(mark.read_at)
        self.follow()
        self.assertEqual(len(self.get_rows(resource="invoices", state="done")), 4)

    def test_a_pause_is_shown_and_nobody_is_told_twice(self):
        self.backend._note_stop("The access was taken away")
        self.assertEqual(self.get_light("paused"), "danger")
        self.assertIn("The access was taken away", self.get_message("paused"))
        self.assertEqual(self.watch(), ["PAYT: the connection stopped"])

    def test_each_check_leads_somewhere(self):
        for check in self.backend.with_user(self.biller).health_ids:
            action = check.action_open()
            self.env[action["res_model"]].with_user(self.biller).get_views([(False, "form"), (False, "list")])

    def test_the_views_open(self):
        for model in ("payt.backend", "payt.difference", "payt.health.check"):
            views = [(False, "list"), (False, "form"), (False, "search")]
            self.assertTrue(self.env[model].with_user(self.biller).get_views(views))
        self.assertTrue(self.env["payt.health.check"].with_user(self.biller).search([]))
