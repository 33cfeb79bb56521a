from datetime import datetime, timedelta

from odoo import Command, fields
from odoo.tests import tagged

from .test_pull import PullCase


class DunningCase(PullCase):
    """Invoices that PAYT sent."""

    def make_sent_invoice(self, *prices, **values):
        move = self.make_invoice_at_payt(*prices, **values)
        self.sandbox.play(do="send", invoice=move.name)
        return move

    def play(self, do, move=None, **values):
        if move:
            values["invoice"] = move.name
        return self.sandbox.play(do=do, **values)

    def set_clock(self, moment):
        self.sandbox.clock.set(datetime.fromisoformat(moment), frozen=True)

    def get_at_payt(self, move):
        [found] = [one for one in self.sandbox.state()["invoices"] if one["invoice_number"] == move.name]
        return found

    def get_payload(self, move):
        [row] = self.get_rows(resource="invoices", payt_id=move.payt_invoice_id)
        return row.sudo().payload

    def count_messages(self, record, text):
        return len(record.message_ids.filtered(lambda message: text in (message.body or "")))


@tagged("post_install", "-at_install")
class TestDunning(DunningCase):
    def test_an_invoice_is_sent_only_when_payt_says_so(self):
        move = self.make_invoice_at_payt()
        self.pull()
        self.assertEqual((move.payt_state, move.is_move_sent, move.payt_sent_at), ("pushed", False, False))
        self.play("send", move)
        self.pull()
        self.assertEqual((move.payt_state, move.is_move_sent, move.payt_sent_by), ("sent", True, "payt"))
        self.assertTrue(move.payt_sent_at)
        self.assertTrue(move.payt_public_url)
        self.assertAlmostEqual(move.payt_open_amount, move.amount_total)

    def test_each_step_of_payt_has_its_state(self):
        move = self.make_sent_invoice()
        expected = [
            (("remind", {"step": "pre_reminder"}), "reminded"),
            (("remind", {"step": "reminder_1"}), "reminded"),
            (("remind", {"step": "reminder_2"}), "reminded"),
            (("remind", {"step": "final_reminder"}), "final_notice"),
            (("remind", {"step": "end_of_service_announcement"}), "final_notice"),
            (("remind", {"step": "end_of_service"}), "final_notice"),
            (("make_collectable", {}), "collection"),
            (("collection", {}), "collection"),
            (("case_step", {"step": "summons_1"}), "collection"),
            (("case_step", {"step": "notice_of_default"}), "collection"),
            (("bailiff", {}), "bailiff"),
            (("pause", {}), "paused"),
            (("unpause", {}), "bailiff"),
        ]
        for (do, values), state in expected:
            self.play(do, move, **values)
            self.pull()
            self.assertEqual(move.payt_state, state, do)
        kinds = {
            *("sent", "pre_reminder", "reminder_1", "reminder_2", "final_reminder", "end_of_service_announcement"),
            *(
                "end_of_service",
                "collectable",
                "debt_collection",
                "summons_1",
                "notice_of_default",
                "bailiff",
                "paused",
            ),
        }
        self.assertEqual(set(move.payt_event_ids.mapped("kind")), kinds)
        self.assertEqual(len(move.payt_event_ids), len(kinds))

    def test_paid_at_payt_goes_before_all_else(self):
        move = self.make_sent_invoice()
        self.play("remind", move)
        self.play("pause", move)
        self.play("pay", move)
        self.pull()
        self.assertEqual((move.payt_state, move.payt_open_amount), ("paid", 0.0))

    def test_each_moment_is_there_once_and_moves_with_payt(self):
        move = self.make_sent_invoice()
        self.play("remind", move)
        self.pull()
        [event] = move.payt_event_ids.filtered(lambda event: event.kind == "reminder_1")
        before = event.moment
        self.pull()
        self.get_rows(resource="invoices").sudo().write({"state": "pending"})
        self.follow()
        self.assertEqual(len(move.payt_event_ids), 2)
        self.sandbox.clock.advance(3600)
        self.play("remind", move)
        self.pull()
        self.assertEqual(len(move.payt_event_ids), 2)
        self.assertGreaterEqual(event.moment, before + timedelta(hours=1))

    def test_each_pause_is_there(self):
        move = self.make_sent_invoice()
        for _time in range(2):
            self.play("pause", move)
            self.pull()
            self.play("unpause", move)
            self.sandbox.clock.advance(60)
        self.pull()
        self.assertEqual(move.payt_event_ids.mapped("kind").count("paused"), 2)

    def test_a_fifth_reminder_is_one_more(self):
        move = self.make_sent_invoice()
        self.pull()
        first = {"sent_at": "2026-01-05T10:00:00Z", "reminder_4_at": "2026-02-01T10:00:00Z"}
        events = self.env["payt.event"].sudo()
        move = move.sudo()
        move.payt_event_ids.unlink()
        events._note_invoice(move, {**first, "latest_reminder_at": "2026-02-01T10:00:00Z"})
        self.assertEqual(set(move.payt_event_ids.mapped("kind")), {"sent", "reminder_4"})
        for day in ("2026-02-08", "2026-02-15", "2026-02-15"):
            events._note_invoice(move, {**first, "latest_reminder_at": f"{day}T10:00:00Z"})
        self.assertEqual(move.payt_event_ids.mapped("kind").count("reminder_more"), 2)

    def test_moments_are_told_in_the_company_s_time_zone(self):
        self.company.billing_tz = "Europe/Amsterdam"
        move = self.make_sent_invoice()
        self.pull()
        note = self.env["payt.event"].sudo()._note_invoice
        new = note(move.sudo(), {"reminder_1_at": "2026-07-31T22:30:00Z", "reminder_2_at": "2026-12-31T22:30:00Z"})
        summer, winter = new.sorted("moment")
        self.assertEqual(summer.moment, datetime(2026, 7, 31, 22, 30))
        self.assertEqual(summer.day, fields.Date.to_date("2026-08-01"))
        self.assertEqual(winter.day, fields.Date.to_date("2026-12-31"))
        self.assertIn("12:30", summer.with_context(lang="en_US").when)
        self.assertIn("8/1/26", summer.with_context(lang="en_US", tz="America/New_York").when)

    def test_only_what_a_person_should_notice_is_said_and_once(self):
        move = self.make_sent_invoice()
        self.play("remind", move)
        self.play("remind", move, step="final_reminder")
        self.play("collection", move)
        self.play("bailiff", move)
        self.pull()
        self.pull()
        self.get_rows().sudo().write({"state": "pending"})
        self.follow()
        for text in ("Final notice", "Debt collection started", "Handed to the bailiff"):
            self.assertEqual(self.count_messages(move, text), 1, text)
        self.assertEqual(self.count_messages(move, "First reminder"), 0)

    def test_the_first_reading_of_old_records_tells_nobody(self):
        move = self.make_sent_invoice()
        self.set_clock("2020-05-01T10:00:00Z")
        self.play("remind", move, step="final_reminder")
        self.play("dispute", move)
        self.play("bounce", move)
        self.pull()
        self.assertEqual(self.count_messages(move, "Final notice"), 0)
        self.assertIn("final_reminder", move.payt_event_ids.mapped("kind"))
        self.assertFalse(move.activity_ids | move.commercial_partner_id.activity_ids)
        signals = self.env["payt.signal"].search([("partner_id", "=", move.commercial_partner_id.id)])
        self.assertEqual(signals.mapped("state"), ["handled", "handled"])

    # === ORDER

    def test_what_waits_or_was_refused_isn_t_overruled(self):
        move = self.make_sent_invoice()
        self.pull()
        for state, message in (("queued", False), ("error", "No VAT rate")):
            move.sudo().write({"payt_state": state, "payt_message": message})
            self.play("remind", move)
            self.sandbox.clock.advance(60)
            self.pull()
            self.assertEqual((move.payt_state, move.payt_message), (state, message))
            self.assertEqual(move.payt_step_state, "reminded")
        move.action_payt_retry()
        self.push()
        self.assertEqual((move.payt_state, move.payt_message), ("reminded", False))

    def test_a_reading_from_before_we_told_payt_of_the_payment(self):
        move = self.make_sent_invoice()
        self.play("remind", move)
        self.pull()
        self.pay(move)
        self.push()
        self.assertEqual(move.payt_state, "paid")
        [row] = self.get_rows(resource="invoices", payt_id=move.payt_invoice_id)
        row.sudo().write({"state": "pending", "read_at": fields.Datetime.now() - timedelta(minutes=1)})
        self.follow()
        self.assertEqual(move.payt_state, "paid")
        self.pull()
        self.assertEqual(move.payt_state, "paid")

    def test_our_own_pause_and_its_end(self):
        move = self.make_sent_invoice()
        self.pull()
        move._payt_block("Disputed")
        self.assertEqual(move.payt_state, "sent")
        self.push()
        self.assertEqual(move.payt_state, "paused")
        [row] = self.get_rows(resource="invoices", payt_id=move.payt_invoice_id)
        row.sudo().write({"state": "pending", "read_at": fields.Datetime.now() - timedelta(minutes=1)})
        self.follow()
        self.assertEqual(move.payt_state, "paused")
        self.pull()
        self.assertEqual(move.payt_state, "paused")
        self.play("remind", move)
        self.pull()
        self.assertEqual((move.payt_state, move.payt_step_state), ("paused", "reminded"))
        move.action_payt_resume()
        self.push()
        self.assertEqual(move.payt_state, "reminded")
        self.pull()
        self.assertEqual(move.payt_state, "reminded")

    # === WHOSE INVOICE

    def test_another_sender_s_invoices_are_quiet(self):
        move = self.make_sent_invoice()
        self.pull()
        [row] = self.get_rows(resource="invoices")
        before = self.count_everything()
        payload = {**row.sudo().payload, "bailiff_at": "2026-11-01T10:00:00Z"}
        others = [
            {**payload, "id": "90001", "invoice_number": "OTHER-1", "invoice_identifier": str(move.id)},
            {**payload, "id": "90002", "invoice_identifier": "77", "total_amount": "1.23"},
        ]
        mirror = self.env["payt.mirror"].sudo()
        mirror._store(self.backend, "invoices", others)
        self.follow()
        rows = self.get_rows(resource="invoices").filtered(lambda one: one.payt_id in ("90001", "90002"))
        self.assertEqual(rows.mapped("state"), ["done", "done"])
        self.assertFalse(any(rows.mapped("res_id")))
        self.assertEqual(move.payt_state, "sent")
        self.assertEqual(self.count_everything(), before)

    def count_everything(self):
        names = ("payt.event", "payt.signal", "payt.credit.case", "mail.activity", "mail.message")
        return {name: self.env[name].sudo().search_count([]) for name in names}

    def test_an_invoice_that_was_handed_over_by_somebody_else_before(self):
        move = self.make_sent_invoice()
        self.pull()
        [row] = self.get_rows(resource="invoices")
        payload = {**row.sudo().payload, "invoice_identifier": "OLD-77", "bailiff_at": "2026-11-01T10:00:00Z"}
        row.sudo().write({"payload": payload, "state": "pending"})
        self.follow()
        self.assertEqual(move.payt_state, "bailiff")

    def test_after_a_merge_of_customers_all_is_found(self):
        elsewhere = self.env["res.partner"].create({"name": "Jansen BV", "email": "jansen@example.com", "ref": "D77"})
        move = self.make_sent_invoice(partner=elsewhere)
        self.pull()
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge([elsewhere.id, self.customer.id], self.customer)
        self.assertFalse(elsewhere.exists())
        self.play("remind", move)
        self.play("comment", debtor="D77", content="Who are you?")
        self.pull()
        self.assertEqual((move.payt_state, move.commercial_partner_id), ("reminded", self.customer))
        self.assertEqual(self.customer.activity_ids.mapped("summary"), ["PAYT: Comment"])

    def test_a_customer_merged_before_the_first_reading(self):
        elsewhere = self.env["res.partner"].create({"name": "Jansen BV", "email": "jansen@example.com", "ref": "D77"})
        self.make_sent_invoice()
        self.make_sent_invoice(partner=elsewhere)
        wizard = self.env["base.partner.merge.automatic.wizard"].create({})
        wizard._merge([elsewhere.id, self.customer.id], self.customer)
        self.play("comment", debtor="D77", content="Who are you?")
        self.pull()
        self.assertEqual(self.customer.activity_ids.mapped("summary"), ["PAYT: Comment"])

    # === SIZE

    def test_following_many_invoices_reads_for_all_at_once(self):
        moves = [self.make_invoice_at_payt() for _number in range(3)]
        self.play("send_all")
        self.pull()
        rows = self.get_rows(resource="invoices").sudo()
        payload = rows[:1].payload
        self.assertEqual(len(rows), len(moves))
        few, many = (self.count_queries(payload, count) for count in (10, 50))
        per_row = (many - few) / 40
        # the savepoint and its end, the events, the invoice and the row itself
        self.assertLessEqual(per_row, 6, f"{few} queries for 10, {many} for 50")

    def count_queries(self, payload, count):
        """How many queries it takes to follow so many invoices with a new reminder."""
        first = self.make_invoice(post=False)
        moves = self.env["account.move"].union(*(first.copy() for _number in range(count - 1))) | first
        moves.write({"invoice_date": "2026-01-05"})
        moves.action_post()
        moves.sudo().write({"payt_state": "pushed", "payt_pushed_at": fields.Datetime.now()})
        changed = {"reminder_1_at": "2026-11-01T10:00:00Z"}
        records = [
            {
                **payload,
                **changed,
                **{"id": str(move.id), "invoice_number": move.name, "invoice_identifier": str(move.id)},
            }
            for move in moves
        ]
        mirror = self.env["payt.mirror"].sudo().with_company(self.company)
        mirror._store(self.backend, "invoices", records)
        self.env.flush_all()
        self.env.invalidate_all()
        rows = mirror.search([("resource", "=", "invoices"), ("state", "=", "pending")])
        self.assertEqual(len(rows), count)
        before = self.env.cr.sql_log_count
        rows._apply()
        self.env.flush_all()
        self.assertEqual(set(moves.mapped("payt_state")), {"reminded"})
        return self.env.cr.sql_log_count - before

    # === COMPANIES

    def test_another_company_sees_nothing_of_it(self):
        move = self.make_sent_invoice()
        self.play("collection", move)
        self.play("bounce", move)
        self.pull()
        elsewhere = self.env["res.company"].create({"name": "Elsewhere"})
        outsider = self.env["res.users"].create(
            {
                "name": "Outsider",
                "login": "dunning_outsider",
                "company_id": elsewhere.id,
                "company_ids": [Command.set(elsewhere.ids)],
                "group_ids": [Command.link(self.env.ref("bfocused_billing.group_billing_user").id)],
            }
        )
        for name in ("payt.event", "payt.credit.case", "payt.signal"):
            self.assertTrue(self.env[name].search([("company_id", "=", self.company.id)]), name)
            self.assertFalse(self.env[name].with_user(outsider).with_company(elsewhere).search([]), name)
        partner = move.commercial_partner_id.with_user(outsider).with_company(elsewhere)
        self.assertEqual((partner.payt_worst_state, partner.payt_credit_case_count), (False, 0))
