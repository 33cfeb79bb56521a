import json
from datetime import timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, Command, fields
from odoo.exceptions import AccessError
from odoo.tests import HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.queue_job.exception import RetryableJobError

from ..models.incoming import payt_webhook_event
from .test_pull import PullCase
from .webhook_common import ToldMixin, make_event


class EventCase(PullCase):
    """Events as they are kept, and the job that works them off."""

    def keep(self, *events):
        """As the controller does."""
        model = self.env["payt.webhook.event"].with_user(SUPERUSER_ID)
        for event in events:
            model._receive(self.backend.with_user(SUPERUSER_ID), json.dumps({"event": event}).encode(), "delivery")
        return model.search([("backend_id", "=", self.backend.id)], order="id")

    def work_off(self):
        self.env["payt.webhook.event"].with_user(SUPERUSER_ID)._job_work_off(self.backend.id)

    def get_jobs(self):
        return self.env["queue.job"].sudo().search([("method_name", "=", "_job_work_off")])

    def get_theirs(self, what, **known):
        return [
            one for one in self.sandbox.state()[what] if all(one.get(name) == value for name, value in known.items())
        ]

    def get_invoice_event(self, move, name="invoice_paid"):
        [theirs] = self.get_theirs("invoices", invoice_number=move.name)
        return make_event(name, "invoice", int(theirs["id"]), invoice_number=move.name)

    def get_requests(self):
        """How often each operation was asked for since the last time."""
        counts = dict(self.sandbox.traffic.by_operation)
        self.sandbox.traffic.reset()
        return counts


@tagged("post_install", "-at_install")
class TestWebhookEvents(EventCase):
    def test_an_invoice_is_read_with_its_payments(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play("pay", invoice=move.name)
        event = self.keep(self.get_invoice_event(move))
        self.work_off()
        self.follow()
        self.assertEqual(event.state, "done")
        self.assertTrue(event.done_at)
        self.assertTrue(move.payt_invoice_id)
        [payment] = self.get_rows(resource="payments")
        self.assertEqual(payment.sudo().payload["invoice_id"], move.payt_invoice_id)

    @mute_logger("odoo.addons.bfocused_payt_connector.models.incoming.payt_webhook_event")
    def test_an_event_that_is_not_as_it_should_be_stops_no_other(self):
        move = self.make_invoice_at_payt()
        wrong = {**self.get_invoice_event(move, "label_added"), "event_time": "yesterday"}
        self.keep(wrong, self.get_invoice_event(move, "label_added"))
        self.work_off()
        events = self.env["payt.webhook.event"].search([("backend_id", "=", self.backend.id)], order="id")
        self.assertEqual(events.mapped("state"), ["error", "done"])
        self.assertTrue(events[0].message)

    def test_many_events_are_few_requests(self):
        moves = [self.make_invoice_at_payt() for _invoice in range(5)]
        events = [self.get_invoice_event(move, name) for move in moves for name in ("invoice_paid", "invoice_closed")]
        kept = self.keep(*events)
        self.get_requests()
        self.work_off()
        self.assertEqual(set(kept.mapped("state")), {"done"})
        self.assertEqual(len(self.get_rows(resource="invoices")), 5)
        asked = self.get_requests()
        # a list ends with an empty page
        self.assertEqual(asked, {"GET /v1/invoices": 2, "GET /v1/payments": 1})

    def test_a_case_is_read_with_its_invoices_and_payments(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play("send", invoice=move.name)
        self.sandbox.play("make_collectable", invoice=move.name)
        self.sandbox.play("collection", invoice=move.name)
        [case] = self.get_theirs("credit_cases")
        self.keep(make_event("case_created", "credit_case", int(case["id"])))
        self.work_off()
        self.assertEqual(self.get_rows(resource="credit_cases").payt_id, case["id"])
        [invoice] = self.get_rows(resource="invoices")
        self.assertEqual(invoice.sudo().payload["active_credit_case_id"], case["id"])

    def test_a_transaction_is_read_with_the_invoices_it_pays(self):
        mandated = self.make_customer("Slagerij", with_mandate=False, email="info@deboer.example")
        move = self.make_invoice_at_payt(partner=mandated)
        self.sandbox.play("sign_mandate", debtor=self.get_debtor(move), bank_account_number="NL91ABNA0417164300")
        self.sandbox.play("debit", invoice=move.name)
        self.sandbox.play("settle_debit", invoice=move.name)
        [transaction] = self.get_theirs("psp_transactions")
        self.keep(make_event("psp_transaction_successful", "psp_transaction", int(transaction["id"])))
        self.work_off()
        for resource in ("psp_transactions", "invoices", "payments"):
            self.assertEqual(len(self.get_rows(resource=resource)), 1, resource)

    def test_a_plan_is_read_with_what_its_customer_has_to_pay(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play("send", invoice=move.name)
        half = f"{move.amount_residual / 2:.2f}"
        terms = [{"amount": half, "due_date": day} for day in ("2027-01-01", "2027-02-01")]
        self.sandbox.play("propose_plan", invoice=move.name, terms=terms)
        [plan] = self.get_theirs("payment_plans")
        self.keep(make_event("payment_plan_created", "payment_plan", int(plan["id"])))
        self.work_off()
        self.assertEqual(len(self.get_rows(resource="payment_plans")), 1)
        self.assertEqual(len(self.get_rows(resource="invoices")), 1)

    def test_comments_and_bounces_are_read(self):
        move = self.make_invoice_at_payt()
        self.sandbox.play("dispute", invoice=move.name, content="Klopt niet")
        self.sandbox.play("bounce", invoice=move.name)
        self.sandbox.play("comment", debtor=self.get_debtor(move), content="Bel mij")
        [debtor] = self.get_theirs("debtors")
        self.keep(
            self.get_invoice_event(move, "invoice_new_comment"),
            self.get_invoice_event(move, "invoice_email_bounced"),
            make_event("debtor_new_comment", "debtor", int(debtor["id"])),
        )
        self.work_off()
        notes = self.get_rows(resource="notes").sudo().mapped("payload")
        self.assertEqual({note["content"] for note in notes}, {"Klopt niet", "Bel mij"})
        self.assertEqual(len(self.get_rows(resource="notifications")), 1)

    def test_what_has_no_kind_of_ours_still_names_a_customer_and_invoices(self):
        move = self.make_invoice_at_payt()
        [debtor], [invoice] = self.get_theirs("debtors"), self.get_theirs("invoices")
        context = {"debtor": {"id": int(debtor["id"])}, "invoices": [{"id": int(invoice["id"])}, "x", {}]}
        kept = self.keep(make_event("bundled_reminder_sent", "bundled_reminder", 9, **context), {"id": "bare"})
        self.work_off()
        self.follow()
        self.assertEqual(set(kept.mapped("state")), {"done"})
        self.assertTrue(move.payt_invoice_id)
        self.assertEqual(len(self.get_rows(resource="debtors")), 1)

    def test_odd_parts_harm_nothing(self):
        odd = [{"id": "1", "context": []}, {"id": "2", "event_time": "soon", "context": {"debtor": 3, "invoices": 4}}]
        odd += [{"id": "3", "event_name": {}, "context": {"resource_type": [], "id": {}, "invoices": [[]]}}]
        kept = self.keep(*odd)
        self.work_off()
        self.assertEqual(kept.mapped("state"), ["done"] * 3)

    def test_what_payt_does_not_have_is_unknown_and_kept(self):
        move = self.make_invoice_at_payt()
        unknown = make_event("debtor_new_comment", "debtor", 987654)
        lost, found = self.keep(unknown, self.get_invoice_event(move))
        self.work_off()
        self.assertEqual((lost.state, found.state), ("unknown", "done"))
        self.assertTrue(lost.message)

    def test_one_that_payt_takes_offence_at_does_not_stop_the_others(self):
        moves = [self.make_invoice_at_payt() for _invoice in range(2)]
        bad = make_event("debtor_new_comment", "debtor", "13")
        kept = self.keep(self.get_invoice_event(moves[0]), bad, self.get_invoice_event(moves[1]))
        self.sandbox.fail("refuse", method="GET", path="/v1/debtors", times=20)
        self.work_off()
        self.assertEqual(kept.mapped("state"), ["done", "error", "done"])
        self.assertTrue(kept[1].message)

    def test_while_payt_is_away_the_job_waits(self):
        event = self.keep(self.get_invoice_event(self.make_invoice_at_payt()))
        self.sandbox.fail("error", method="GET", path="/v1/invoices", times=50)
        with patch("odoo.addons.bfocused_payt_connector.payt_api.transport.time.sleep", lambda seconds: None):
            with self.assertRaises(RetryableJobError) as raised:
                self.work_off()
        self.assertGreaterEqual(raised.exception.seconds, payt_webhook_event.SECONDS_BETWEEN_TRIES)
        self.assertEqual(event.state, "pending")

    def test_without_permission_the_connection_stops_and_events_wait(self):
        event = self.keep(self.get_invoice_event(self.make_invoice_at_payt()))
        self.sandbox.fail("forbidden", method="GET", path="/v1/invoices", times=5)
        self.work_off()
        self.assertEqual(event.state, "pending")
        self.assertTrue(self.backend.paused)
        self.work_off()
        self.assertEqual(event.state, "pending")
        self.sandbox.faults.clear()
        self.backend._resume()
        self.work_off()
        self.assertEqual(event.state, "done")

    def test_a_long_queue_goes_on_in_another_job(self):
        debtors = [make_event(payt_id=9000 + number) for number in range(3)]
        kept = self.keep(*debtors)
        self.get_jobs().unlink()
        with patch.object(payt_webhook_event, "EVENTS_PER_JOB", 2):
            self.work_off()
            self.assertEqual(kept.mapped("state"), ["unknown", "unknown", "pending"])
            self.assertEqual(self.get_jobs().mapped("channel"), ["root.payt_in"])
            self.work_off()
        self.assertEqual(kept[-1].state, "unknown")

    def test_reading_again(self):
        move = self.make_invoice_at_payt()
        event = self.keep(self.get_invoice_event(move))
        self.work_off()
        self.sandbox.play("pay", invoice=move.name)
        self.get_jobs().unlink()
        event.with_user(self.get_clerk()).action_replay()
        self.assertEqual(event.state, "pending")
        self.assertEqual(len(self.get_jobs()), 1)
        self.work_off()
        self.assertEqual(event.state, "done")
        self.assertEqual(len(self.get_rows(resource="payments")), 1)

    def test_an_event_leads_to_its_record(self):
        move = self.make_invoice_at_payt()
        event = self.keep(self.get_invoice_event(move))
        self.assertEqual(event.action_open_record()["res_model"], "payt.mirror")
        self.work_off()
        self.follow()
        action = event.with_user(self.get_clerk()).action_open_record()
        row = self.env[action["res_model"]].browse(action["res_id"])
        self.assertEqual(row.action_open_record()["res_id"], move.id)

    def test_what_was_settled_long_ago_is_forgotten(self):
        kept = self.keep(*(make_event(payt_id=number) for number in range(1, 6)))
        for event, state in zip(kept, ("done", "unknown", "error", "pending", "done"), strict=True):
            event.state = state
        kept[:4].received_at = fields.Datetime.now() - timedelta(days=91)
        self.env["payt.webhook.event"]._gc_events()
        self.assertEqual(kept.exists().mapped("state"), ["error", "pending", "done"])

    # === WHO MAY

    def test_another_company_and_the_portal_see_nothing(self):
        event = self.keep(make_event())
        elsewhere = self.env["res.company"].create({"name": "Ergens anders"})
        stranger = self.get_clerk("stranger", elsewhere)
        portal = new_test_user(self.env, "portal_events", groups="base.group_portal")
        for user in (stranger, portal):
            with self.assertRaises(AccessError):
                event.with_user(user).read(["event_name"])
            with self.assertRaises(AccessError):
                event.with_user(user).action_replay()
        clerk = event.with_user(self.get_clerk())
        self.assertTrue(clerk.read(["event_name", "state"]))
        for act in (
            lambda: clerk.read(["payload"]),
            lambda: clerk.write({"state": "done"}),
            lambda: clerk.unlink(),
            lambda: self.env["payt.webhook.tally"].with_user(clerk.env.user).search([]),
        ):
            with self.assertRaises(AccessError):
                act()
        self.assertEqual(self.backend.with_user(clerk.env.user).webhook_refused_count, 0)

    # === RECORDS

    def get_clerk(self, login="event_clerk", company=None):
        company = company or self.company
        return self.env["res.users"].search([("login", "=", login)]) or new_test_user(
            self.env,
            login,
            groups="bfocused_billing.group_billing_user",
            company_id=company.id,
            company_ids=[Command.set(company.ids)],
        )

    def get_debtor(self, move):
        return self.get_theirs("invoices", invoice_number=move.name)[0]["debtor_number"]


@tagged("post_install", "-at_install")
class TestWebhookPlay(ToldMixin, EventCase, HttpCase):
    """The sandbox tells Odoo itself, over HTTP."""

    def get_told(self):
        return {event["event"]["id"] for event in self.sandbox.world.store.events}

    def assert_all_came(self):
        events = self.env["payt.webhook.event"].search([("backend_id", "=", self.backend.id)])
        self.assertEqual(set(events.mapped("event_id")), self.get_told())
        self.assertEqual(len(events), len(self.get_told()))
        self.work_off()
        self.assertEqual(set(events.mapped("state")), {"done"})

    def play(self):
        moves = [self.make_invoice_at_payt() for _invoice in range(3)]
        for move in moves:
            self.sandbox.play("send", invoice=move.name)
            self.sandbox.play("remind", invoice=move.name)
        self.sandbox.play("pay", invoice=moves[0].name)
        return moves

    def assert_equal_to_payts(self):
        for what in ("invoices", "payments"):
            theirs = {one["id"]: one["updated_at"] for one in self.get_theirs(what)}
            rows = self.get_rows(resource=what).sudo()
            self.assertEqual({row.payt_id: row.payload["updated_at"] for row in rows}, theirs)

    def test_what_happens_at_payt_comes_home_without_a_pull(self):
        self.order()
        moves = self.play()
        counts = self.deliver()
        self.assertEqual(counts, {"delivered": len(self.get_told())})
        self.assert_all_came()
        self.assert_equal_to_payts()
        self.follow()
        self.assertTrue(all(move.payt_invoice_id for move in moves))

    def test_told_twice_and_in_any_order(self):
        self.order(duplicate=1.0, shuffle=True, seed=3)
        self.play()
        self.assertEqual(self.deliver(), {"delivered": len(self.get_told())})
        self.assert_all_came()
        self.assert_equal_to_payts()

    def test_half_of_it_wrongly_signed(self):
        self.order(wrong_signature=0.5, seed=1)
        self.play()
        self.assertEqual(self.deliver(), {"delivered": len(self.get_told())})
        answers = [status for event in self.sandbox.world.store.events for status in event["answers"]]
        self.assertEqual(set(answers), {200, 403})
        self.assertTrue(self.backend.webhook_refused_count)
        self.assert_all_came()

    def test_a_wrong_secret_lets_nothing_in_and_is_seen(self):
        self.backend.write({"webhook_secret": "another one", "webhook_secret_previous": False})
        self.order()
        self.play()
        with patch("tests.payt_sandbox.webhooks.FIRST_INTERVAL_SECONDS", 0):
            self.assertEqual(self.deliver(), {"failed": 1})
        self.assertFalse(self.env["payt.webhook.event"].search([("backend_id", "=", self.backend.id)]))
        self.assertFalse(self.sandbox.world.webhook["enabled"])
        self.assertEqual(self.backend.webhook_refused_reason, "signature")
        self.assertFalse(self.backend.webhook_last_at)
