from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.tests import tagged

from .. import const
from ..payt_api import backoff
from .test_outbox import OutboxCase


class FailureCase(OutboxCase):
    def setUp(self):
        super().setUp()
        # the client's own back-off, which has its own tests: here one attempt is enough
        self.enterContext(patch.object(backoff.Backoff, "pause", lambda *arguments: None))


@tagged("post_install", "-at_install")
class TestFailures(FailureCase):
    def test_a_refused_record_keeps_payts_words_and_stops_no_other(self):
        self.sandbox.fail(
            "record_error", path="/v1/contacts", key=f"C{self.jansen.id}", reason="Postal code is invalid"
        )
        self.put(self.jansen, self.pietersen)
        self.empty()
        self.assertEqual(self.at_payt(), ["Pietersen"])
        row = self.rows(self.jansen)
        self.assertEqual(row.state, "refused")
        self.assertIn("Postal code is invalid", row.error)
        self.assertFalse(row.next_try_at, "our data has to change first")
        self.assertEqual(self.recorded.refused[0][0], self.jansen.id)
        self.assertEqual(self.backend.attention_count, 1)

    def test_try_again_sends_what_was_refused(self):
        self.sandbox.fail("record_error", path="/v1/contacts", key=f"C{self.jansen.id}")
        self.put(self.jansen)
        self.empty()
        self.rows(self.jansen).action_try_again()
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])
        self.assertEqual(self.rows(self.jansen).mapped("state"), ["cancelled", "sent"])

    def test_a_change_of_a_refused_record_is_tried_by_itself(self):
        self.sandbox.fail("record_error", path="/v1/contacts", key=f"C{self.jansen.id}")
        self.put(self.jansen)
        self.empty()
        self.jansen.name = "Jansen BV"
        self.put(self.jansen)
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen BV"])
        self.assertEqual(self.backend.attention_count, 0)

    def test_what_breaks_the_contract_is_refused_without_asking_payt(self):
        with patch.object(
            type(self.jansen),
            "_prepare_payt_contact",
            lambda partner, backend: {"contact_identifier": f"C{partner.id}", "lastname": partner.name, "nonsense": 1},
        ):
            self.put(self.jansen)
            self.empty()
        self.assertEqual(self.rows(self.jansen).state, "refused")
        self.assertIn("nonsense", self.rows(self.jansen).error)
        self.assertFalse(self.sandbox.traffic.by_operation)

    def test_a_failure_that_passes_is_tried_again_later_and_later(self):
        pauses = []
        for attempt in range(1, 5):
            self.sandbox.fail("error", path="/v1/contacts")
            if attempt == 1:
                self.put(self.jansen)
            before = fields.Datetime.now()
            self.empty()
            row = self.rows(self.jansen)
            self.assertEqual((row.state, row.tries), ("pending", attempt))
            self.assertIn("500", row.error)
            pauses.append(row.next_try_at - before)
            self.assertFalse(self.outbox._take_batch(self.backend), "it isn't time yet")
            row.next_try_at = before
        for earlier, later in zip(pauses, pauses[2:], strict=False):
            self.assertGreater(later, earlier)
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])
        self.assertEqual(row.state, "sent")

    def test_trying_again_has_jitter_and_an_end(self):
        self.put(self.jansen, self.pietersen)
        rows = self.rows()
        rows.tries = 8
        rows._postpone("PAYT sleeps")
        self.assertNotEqual(*rows.mapped("next_try_at"))
        longest = fields.Datetime.now() + timedelta(seconds=const.LONGEST_PAUSE + 1)
        self.assertLess(max(rows.mapped("next_try_at")), longest)
        rows.tries = const.MAX_TRIES - 1
        rows._postpone("PAYT sleeps")
        self.assertEqual(set(rows.mapped("state")), {"error"})

    def test_payts_own_pause_is_kept(self):
        self.sandbox.fail("throttle", path="/v1/contacts", retry_after=900)
        self.put(self.jansen)
        before = fields.Datetime.now()
        self.empty()
        self.assertGreaterEqual(self.rows(self.jansen).next_try_at, before + timedelta(seconds=900))

    def test_the_next_try_is_not_forgotten(self):
        self.sandbox.fail("error", path="/v1/contacts")
        self.put(self.jansen)
        self.empty()
        at = self.rows(self.jansen).next_try_at
        self.assertIn(at, self.env["ir.cron.trigger"].search([]).mapped("call_at"))

    def test_each_failure_ends_with_payt_and_odoo_agreeing(self):
        kinds = ("error", "error_after", "drop", "lost_answer", "malformed", "throttle")
        for kind in kinds:
            with self.subTest(kind):
                partner = self.make_partner(kind)
                self.put(partner)
                self.sandbox.fail(kind, path="/v1/contacts")
                self.empty()
                self.assertEqual(self.rows(partner).mapped("state"), ["pending"])
                self.rows(partner).action_try_again()
                self.empty()
                self.assertEqual(self.rows(partner).mapped("state"), ["sent"])
        self.assertEqual(self.at_payt(), sorted(kinds))

    def test_after_a_lost_answer_what_payt_had_before_is_sent_again(self):
        self.put(self.jansen)
        self.empty()
        self.jansen.name = "Jansen BV"
        self.put(self.jansen)
        self.sandbox.fail("lost_answer", path="/v1/contacts")
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen BV"], "it arrived, but we don't know")
        self.jansen.name = "Jansen"
        self.put(self.jansen)
        self.rows(state="pending").action_try_again()
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])

    def test_without_permission_the_connection_stops_and_a_person_is_told(self):
        self.sandbox.fail("forbidden", path="/v1/contacts", reason="Missing permission: contacts:write")
        self.put(self.jansen)
        self.empty()
        self.assertTrue(self.backend.paused)
        self.assertIn("contacts:write", self.backend.paused_reason)
        self.assertEqual(self.backend.activity_ids.user_id, self.backend.responsible_id)
        row = self.rows(self.jansen)
        self.assertEqual((row.state, row.tries), ("pending", 0))
        self.backend.action_resume()
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])

    def test_a_whole_request_that_is_refused_is_halved_until_the_culprit_is_found(self):
        partners = self.env["res.partner"].create([{"name": f"P{number}"} for number in range(6)])
        self.outbox.search([]).unlink()
        self.sandbox.fail("refuse", path="/v1/contacts")
        self.put(*partners)
        self.empty()
        self.assertEqual(len(self.at_payt()), 6)
        self.assertEqual(set(self.rows().mapped("state")), {"sent"})

    def test_no_secret_is_on_a_row_or_in_the_log(self):
        with self.assertLogs(level="DEBUG") as log:
            for kind in ("error", "forbidden", "record_error", "lost_answer"):
                self.sandbox.fail(kind, path="/v1/contacts", key=f"C{self.jansen.id}")
                self.put(self.jansen)
                self.empty()
                self.backend.action_resume()
                self.rows(state="pending").action_try_again()
        told = [line for line in log.output if "odoo.sql_db" not in line]
        told += self.rows().mapped(lambda row: f"{row.error} {row.request_facts}")
        self.assertNotIn(self.sandbox.token, "\n".join(told))
