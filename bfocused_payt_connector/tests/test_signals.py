from odoo import SUPERUSER_ID
from odoo.tests import new_test_user, tagged

from tests.payt_sandbox.webhooks import event_of

from ..handlers.event_signals import put_event_signal
from .test_dunning import DunningCase


@tagged("post_install", "-at_install")
class TestCreditCases(DunningCase):
    def get_case(self, move):
        return self.env["payt.credit.case"].with_context(active_test=False).search([("move_ids", "in", move.ids)])

    def test_a_case_has_its_invoices_costs_and_steps(self):
        moves = self.make_sent_invoice(1000.0) | self.make_sent_invoice(500.0)
        self.sandbox.play(do="collection", invoice=moves.mapped("name"), interest="12.50")
        self.pull()
        case = self.get_case(moves[:1])
        [theirs] = self.sandbox.state()["credit_cases"]
        self.assertEqual(case.move_ids, moves)
        self.assertEqual(case.name, theirs["credit_case_number"])
        self.assertEqual(case.partner_id, moves.commercial_partner_id)
        self.assertEqual(f"{case.collection_costs:.2f}", theirs["debt_collection_costs"])
        self.assertEqual(case.interest, 12.5)
        self.assertAlmostEqual(case.open_costs, case.collection_costs + 12.5)
        self.assertEqual(f"{case.open_amount:.2f}", theirs["open_amount"])
        self.assertEqual((case.stage, case.active), ("started", True))
        self.play("case_step", moves[:1], step="summons_1")
        self.pull()
        self.assertEqual(case.stage, "summons")
        self.play("bailiff", moves[:1])
        self.pull()
        self.assertEqual(case.stage, "bailiff")
        partner = moves.commercial_partner_id
        self.assertEqual((partner.payt_worst_state, partner.payt_credit_case_count), ("bailiff", 1))
        self.assertAlmostEqual(partner.payt_open_costs, case.open_costs)
        for move in moves:
            self.assertEqual(move.payt_event_ids.mapped("kind").count("debt_collection"), 1)
            self.assertEqual(move.payt_event_ids.mapped("kind").count("bailiff"), 1)

    def test_a_case_that_is_paid_is_closed(self):
        move = self.make_sent_invoice()
        self.play("collection", move)
        self.pull()
        case = self.get_case(move)
        self.play("pay_costs", move)
        self.play("pay", move)
        self.pull()
        self.assertEqual((case.stage, case.active, case.open_costs), ("closed", False, 0.0))
        self.assertEqual(case.move_ids, move)
        self.assertIn("case_closed", move.payt_event_ids.mapped("kind"))
        partner = move.commercial_partner_id
        self.env.invalidate_all()
        self.assertEqual((partner.payt_worst_state, partner.payt_open_costs), (False, 0.0))

    def test_whichever_comes_first(self):
        move = self.make_sent_invoice()
        self.pull()
        self.play("collection", move)
        [theirs] = self.sandbox.state()["credit_cases"]
        self.backend._pull_records("credit_cases", [theirs["id"]])
        self.follow()
        self.assertFalse(self.get_case(move))
        self.backend._pull_records("invoices", [move.payt_invoice_id])
        self.follow()
        self.assertEqual(self.get_case(move).name, theirs["credit_case_number"])

    def test_steps_that_only_the_case_has_are_on_its_invoices(self):
        move = self.make_sent_invoice()
        self.play("collection", move)
        self.pull()
        case = self.get_case(move)
        note = self.env["payt.event"].sudo()
        case.sudo().write({"summons_1_at": "2026-11-01 10:00:00"})
        for _time in range(2):
            note._note_case(case.sudo(), move.sudo())
        [event] = move.payt_event_ids.filtered(lambda event: event.kind == "summons_1")
        self.assertEqual((event.credit_case_id, event.by_case), (case, True))
        # the invoice itself knows better, and stays with that
        note._note_invoice(move.sudo(), {"summons_1_at": "2026-11-01T10:00:05Z"})
        note._note_case(case.sudo(), move.sudo())
        self.assertEqual((str(event.moment), event.by_case), ("2026-11-01 10:00:05", False))

    def test_a_case_deleted_at_payt_is_shown_once(self):
        move = self.make_sent_invoice()
        self.play("collection", move)
        self.pull()
        case = self.get_case(move)
        self.sandbox.play(do="delete", resource="credit_cases", id=case.payt_id)
        self.pull()
        self.get_rows(resource="credit_cases").sudo().write({"state": "pending"})
        self.follow()
        self.assertEqual((case.stage, case.active), ("deleted", False))
        self.assertEqual(move.activity_ids.mapped("summary"), ["PAYT: credit case deleted"])
        self.assertEqual(self.count_messages(move, "was deleted at PAYT"), 1)

    def test_the_worst_invoice_counts_even_if_it_stands_still(self):
        first, second = self.make_sent_invoice(), self.make_sent_invoice()
        self.play("remind", first, step="final_reminder")
        self.play("pause", first)
        self.play("remind", second)
        self.pull()
        partner = first.commercial_partner_id
        self.assertEqual(first.payt_state, "paused")
        self.assertEqual(partner.payt_worst_state, "final_notice")
        search = self.env["res.partner"].search
        self.assertIn(partner, search([("payt_worst_state", "=", "final_notice")]))
        self.assertNotIn(partner, search([("payt_worst_state", "in", ("collection", "bailiff"))]))
        self.assertNotIn(partner, search([("payt_worst_state", "=", False)]))
        self.assertIn(partner, search([("payt_worst_state", "!=", False)]))
        contact = self.env["res.partner"].create({"name": "Piet", "parent_id": partner.id})
        self.assertEqual(contact.payt_worst_state, "final_notice")


@tagged("post_install", "-at_install")
class TestSignals(DunningCase):
    def get_signals(self, **values):
        return self.env["payt.signal"].search([(name, "=", value) for name, value in values.items()])

    def again(self):
        """Everything is followed once more, and then read once more."""
        self.get_rows().sudo().write({"state": "pending"})
        self.follow()
        self.pull()

    # === COMMENTS

    def test_a_dispute_is_an_activity_on_the_invoice(self):
        move = self.make_sent_invoice()
        self.play("dispute", move, content="I <never> ordered this")
        self.pull()
        self.again()
        [activity] = move.activity_ids
        self.assertEqual((activity.summary, activity.user_id), ("PAYT: Comment", self.backend.responsible_id))
        self.assertIn("I &lt;never&gt; ordered this", activity.note)
        self.assertEqual(self.count_messages(move, "ordered this"), 1)
        self.assertEqual(move.payt_state, "paused")
        signal = self.get_signals(move_id=move.id)
        self.assertEqual((signal.kind, signal.state), ("comment", "open"))
        signal.action_handle()
        self.assertEqual(signal.state, "handled")
        self.assertFalse(move.activity_ids)

    def test_without_a_person_responsible_the_invoice_s_own_is_asked(self):
        seller = new_test_user(
            self.env, "dunning_seller", "bfocused_billing.group_billing_user", company_id=self.company.id
        )
        self.backend.responsible_id = False
        move = self.make_sent_invoice(invoice_user_id=seller.id)
        self.play("dispute", move)
        self.pull()
        self.assertEqual(move.activity_ids.user_id, seller)

    def test_a_comment_of_a_customer_is_on_the_customer(self):
        self.make_sent_invoice()
        self.play("comment", debtor="D1001", content="When do you deliver?")
        self.pull()
        self.again()
        self.assertEqual(self.customer.activity_ids.mapped("summary"), ["PAYT: Comment"])
        self.assertEqual(self.count_messages(self.customer, "When do you deliver?"), 1)

    def test_what_a_debtor_wrote_is_read_from_either_list_and_kept_once(self):
        self.make_sent_invoice()
        for where in ("notes", "messages", "both"):
            with self.subTest(where):
                self.sandbox.world.set("comments_in", where)
                text = f"When do you deliver, {where}?"
                self.play("comment", debtor="D1001", content=text)
                self.pull()
                self.again()
                self.assertEqual(self.count_messages(self.customer, text), 1)
                self.assertEqual(len(self.get_signals(partner_id=self.customer.id, detail=text)), 1)

    def test_a_dispute_in_messages_is_on_the_invoice(self):
        self.sandbox.world.set("comments_in", "messages")
        move = self.make_sent_invoice()
        self.play("dispute", move, content="<p>Never ordered</p>")
        self.pull()
        self.assertEqual(move.activity_ids.mapped("summary"), ["PAYT: Comment"])
        self.assertEqual(self.get_signals(move_id=move.id).detail, "Never ordered")

    def test_what_went_to_a_debtor_is_no_comment(self):
        self.make_sent_invoice()
        self.sandbox.world.set("comments_in", "messages")
        self.play("comment", debtor="D1001", content="Reminder")
        for message in self.sandbox.world.store.messages:
            message["sender_type"] = "creditor"
        self.pull()
        self.assertFalse(self.get_signals(partner_id=self.customer.id))

    def test_without_the_permission_for_messages_all_else_goes_on(self):
        token = self.sandbox.world.store.tokens.by("access_token", self.sandbox.token)
        token["scopes"] = [scope for scope in token["scopes"] if not scope.startswith("messages:")]
        self.make_sent_invoice()
        self.play("comment", debtor="D1001", content="In notes")
        for mark in self.env["payt.sync.mark"].with_user(SUPERUSER_ID)._get_marks(self.backend):
            mark._job_read()
        self.follow()
        self.assertFalse(self.backend.paused)
        self.assertEqual(self.count_messages(self.customer, "In notes"), 1)
        mark = self.env["payt.sync.mark"].search([("resource", "=", "messages"), ("backend_id", "=", self.backend.id)])
        self.assertIn("messages:read", mark.error)
        self.backend._pull_by("messages", "debtor_ids", ["1"])
        self.assertFalse(self.backend.paused)

    def test_what_a_user_of_payt_wrote_asks_nobody(self):
        move = self.make_sent_invoice()
        self.play("comment", debtor="D1001", content="Called him")
        self.pull()
        [row] = self.get_rows(resource="notes")
        payload = {**row.sudo().payload, "id": "9009", "user": {"id": "4", "name": "Anja"}}
        move.activity_ids.unlink()
        self.customer.activity_ids.unlink()
        self.env["payt.mirror"].sudo()._store(self.backend, "notes", [payload])
        self.follow()
        self.assertFalse(self.customer.activity_ids)
        self.assertEqual(self.count_messages(self.customer, "Anja"), 1)

    def test_completed_at_payt_is_done_here(self):
        self.make_sent_invoice()
        self.play("comment", debtor="D1001", content="When do you deliver?")
        self.pull()
        [row] = self.get_rows(resource="notes")
        payload = {**row.sudo().payload, "completed_at": "2030-01-01T10:00:00Z", "updated_at": "2030-01-01T10:00:00Z"}
        self.env["payt.mirror"].sudo()._store(self.backend, "notes", [payload])
        self.follow()
        self.assertEqual(self.get_signals(kind="comment").state, "handled")
        self.assertFalse(self.customer.activity_ids)

    def test_a_comment_waits_for_its_invoice(self):
        move = self.make_sent_invoice()
        self.play("dispute", move)
        [note] = self.sandbox.state()["notes"]
        self.backend._pull_records("notes", [note["id"]])
        self.env["payt.mirror"].sudo()._job_apply(self.backend.id)
        self.assertEqual(self.get_rows(resource="notes").state, "waiting")
        self.assertFalse(move.activity_ids)
        self.pull()
        self.assertEqual(self.get_rows(resource="notes").state, "done")
        self.assertEqual(len(move.activity_ids), 1)

    # === ADDRESSES

    def test_an_e_mail_that_came_back(self):
        move = self.make_sent_invoice()
        self.play("bounce", move, reason="no such mailbox")
        self.pull()
        self.again()
        self.assertEqual(self.customer.activity_ids.mapped("summary"), ["PAYT: E-mail came back"])
        self.assertIn("no such mailbox", self.customer.activity_ids.note)
        for record in (self.customer, move):
            self.assertEqual(self.count_messages(record, "no such mailbox"), 1)

    def test_an_address_given_to_payt_is_proposed(self):
        self.make_sent_invoice()
        before = self.customer.email
        self.play("give_address", debtor="D1001", address="nieuw@jansen.example")
        self.pull()
        self.again()
        self.assertEqual((self.customer.payt_provided_email, self.customer.email), ("nieuw@jansen.example", before))
        [signal] = self.get_signals(kind="email_provided")
        self.assertEqual((signal.state, signal.detail), ("open", "nieuw@jansen.example"))
        self.customer.action_payt_use_email()
        self.assertEqual((self.customer.payt_provided_email, self.customer.email), (False, "nieuw@jansen.example"))
        self.assertEqual(signal.state, "handled")
        self.push()
        self.again()
        self.assertFalse(self.customer.payt_provided_email)
        contacts = self.sandbox.state()["contacts"]
        self.assertIn("nieuw@jansen.example", [contact["invoice_email_address"] for contact in contacts])

    def test_a_refused_address_is_not_proposed_again(self):
        self.make_sent_invoice()
        before = self.customer.email
        self.play("give_address", debtor="D1001", address="nieuw@jansen.example")
        self.pull()
        self.customer.action_payt_ignore_email()
        self.again()
        self.assertEqual((self.customer.payt_provided_email, self.customer.email), (False, before))
        self.sandbox.clock.advance(60)
        self.play("give_address", debtor="D1001", address="anders@jansen.example")
        self.pull()
        self.assertEqual(self.customer.payt_provided_email, "anders@jansen.example")

    def test_an_address_taken_back_is_no_proposal_any_more(self):
        self.make_sent_invoice()
        self.play("give_address", debtor="D1001", address="nieuw@jansen.example")
        self.pull()
        self.sandbox.clock.advance(60)
        self.play("give_address", debtor="D1001", address="")
        self.pull()
        self.assertFalse(self.customer.payt_provided_email)
        self.assertEqual(self.get_signals(kind="email_provided").state, "handled")

    def test_payt_s_page_and_labels_are_on_the_customer(self):
        self.make_sent_invoice()
        self.pull()
        self.assertTrue(self.customer.payt_debtor_url)
        self.assertTrue(self.customer.payt_debtor_public_url)
        self.assertEqual(self.customer.action_open_payt_debtor()["url"], self.customer.payt_debtor_url)

    # === EVENTS

    def test_what_only_an_event_says_is_kept_once(self):
        self.make_sent_invoice()
        self.pull()
        world = self.sandbox.world
        debtor = world.store.debtors.by("debtor_number", "D1001")
        names = ("credit_limit_exceeded", "creditworthiness_changed", "label_added", "debtor_new_comment")
        events = [event_of(world, name, "debtor", debtor, {})["event"] for name in names]
        for event in events * 2:
            put_event_signal(self.backend, event)
        kept = self.get_signals(partner_id=self.customer.id)
        expected = {"credit_limit_exceeded", "creditworthiness_changed", "label_added"}
        self.assertEqual((set(kept.mapped("kind")), len(kept)), (expected, 3))
        self.assertEqual(set(kept.mapped("state")), {"open"})
        self.assertFalse(self.customer.activity_ids)
        self.assertEqual(self.customer.payt_signal_count, 3)

    def test_an_event_about_somebody_else_s_customer_is_not_kept(self):
        self.make_sent_invoice()
        self.pull()
        event = {
            "id": "e1",
            "event_name": "credit_limit_exceeded",
            "event_time": "2026-11-01T10:00:00Z",
            "context": {"resource_type": "debtor", "id": 999, "debtor": {"id": 999, "debtor_code": "NOBODY"}},
        }
        self.assertFalse(put_event_signal(self.backend, event))

    def test_a_letter_that_came_back_has_an_activity(self):
        move = self.make_sent_invoice()
        self.pull()
        event = {
            "id": "e2",
            "event_name": "invoice_letter_returned",
            "event_time": "2030-11-01T10:00:00Z",
            "context": {"resource_type": "invoice", "id": int(move.payt_invoice_id)},
        }
        put_event_signal(self.backend, event)
        self.assertEqual(self.customer.activity_ids.mapped("summary"), ["PAYT: Letter came back"])

    def test_the_end_of_service_is_a_signal(self):
        move = self.make_sent_invoice()
        self.play("remind", move, step="end_of_service_announcement")
        self.pull()
        self.again()
        [signal] = self.get_signals(move_id=move.id)
        self.assertEqual(
            (signal.kind, signal.partner_id, signal.state), ("end_of_service_announcement", self.customer, "open")
        )

    # === DELETED

    def test_deleted_at_payt_is_shown_and_not_undone(self):
        move = self.make_sent_invoice()
        self.pull()
        old_id = move.payt_invoice_id
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.pull()
        self.again()
        self.assertEqual((move.payt_state, move.payt_invoice_id), ("error", False))
        self.assertIn("Deleted at PAYT", move.payt_message)
        self.assertEqual(move.activity_ids.mapped("summary"), ["PAYT: deleted there"])
        self.assertEqual(self.count_messages(move, "Deleted at PAYT"), 1)
        # a payment, which PAYT would be told of, doesn't bring it back
        self.pay(move, amount=10.0)
        self.push()
        # nor does a correction, nor PAYT's change of mind about the customer
        move.button_draft()
        move.action_post()
        self.customer.with_company(self.company)._queue_payt_refused(self.company)
        self.push()
        self.assertEqual(self.sandbox.state()["invoices"], [])
        self.assertEqual(move.payt_state, "error")
        move.action_payt_retry()
        self.push()
        theirs = self.get_at_payt(move)
        self.assertNotEqual(str(theirs["id"]), old_id)
        self.assertTrue(theirs["sent_at"], "The customer would get it twice.")
        self.pull()
        self.again()
        self.assertEqual((move.payt_state, move.payt_invoice_id), ("sent", str(theirs["id"])))
        self.assertFalse(move.payt_message)

    def test_a_paid_invoice_deleted_at_payt_needs_nobody(self):
        move = self.make_sent_invoice()
        self.pull()
        payments = self.pay(move)
        self.push()
        self.pull()
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.pull()
        self.assertEqual(move.payt_state, "paid")
        self.assertFalse(move.activity_ids)
        self.assertIn("deleted", move.payt_event_ids.mapped("kind"))
        # unless it is open again
        payments.move_id.line_ids.remove_move_reconcile()
        self.push()
        self.assertEqual(move.payt_state, "error")
        self.assertEqual(self.sandbox.state()["invoices"], [])

    def test_deleted_before_it_was_read(self):
        move = self.make_sent_invoice()
        self.sandbox.clock.advance(5)
        self.sandbox.play(do="delete", resource="invoices", invoice=move.name)
        self.pull()
        self.assertEqual(move.payt_state, "error")

    # === SCREENS

    def test_a_biller_handles_signals_and_addresses(self):
        self.make_sent_invoice()
        self.play("give_address", debtor="D1001", address="nieuw@jansen.example")
        self.play("comment", debtor="D1001", content="When do you deliver?")
        self.pull()
        biller = new_test_user(
            self.env,
            "dunning_biller",
            "bfocused_billing.group_billing_user,base.group_partner_manager",
            company_id=self.company.id,
        )
        customer = self.customer.with_user(biller)
        customer.action_payt_use_email()
        self.assertEqual(customer.email, "nieuw@jansen.example")
        action = customer.action_open_payt_signals()
        signals = self.env["payt.signal"].with_user(biller).search(action["domain"])
        signals.action_handle()
        self.assertEqual(set(signals.mapped("state")), {"handled"})
        for model in ("account.move", "res.partner"):
            self.assertIn("payt_", self.env[model].with_user(biller).get_view(view_type="form")["arch"])
