from dataclasses import replace
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .. import const
from ..delivery import RESOURCES, Resource, sender
from ..delivery.writes import Create, Upsert
from ..payt_api import operations as op
from .common import PaytCase
from .stubs import stub_partners

SENDING = sender.__name__


class OutboxCase(PaytCase):
    def setUp(self):
        super().setUp()
        self.recorded = stub_partners(self, self.backend)
        self.outbox = self.env["payt.outbox"]
        self.jansen, self.pietersen = self.make_partner("Jansen"), self.make_partner("Pietersen")
        # what other parts of the connector wrote about these partners is not what is tried here
        self.outbox.search([]).unlink()

    def make_partner(self, name, **values):
        return self.env["res.partner"].create({"name": name, **values})

    def put(self, *partners, **options):
        self.outbox._put(self.env["res.partner"].concat(*partners), "contact", **options)

    def rows(self, partner=None, **values):
        domain = [("res_id", "=", partner.id)] if partner else []
        return self.outbox.search([*domain, *((name, "=", value) for name, value in values.items())], order="id")

    def empty(self):
        """Do the job, as the queue does, until nothing is due."""
        for _ in range(20):
            self.outbox._job_empty(self.backend.id)
            if self.backend.paused or self.outbox._get_due_rank(self.backend) is None:
                break
        self.env.flush_all()

    def jobs(self):
        return self.env["queue.job"].search([("method_name", "=", "_job_empty"), ("state", "=", "pending")])

    def at_payt(self):
        return sorted(contact["lastname"] for contact in self.sandbox.state()["contacts"])


@tagged("post_install", "-at_install")
class TestOutbox(OutboxCase):
    def test_what_changed_reaches_payt_and_the_record_is_told(self):
        self.put(self.jansen, self.pietersen)
        self.assertEqual(set(self.rows().mapped("state")), {"pending"})
        self.assertEqual(self.sandbox.traffic.by_operation, {})
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen", "Pietersen"])
        self.assertEqual(set(self.rows().mapped("state")), {"sent"})
        self.assertEqual([partner for partner, _answer in self.recorded.taken], [self.jansen.id, self.pietersen.id])
        self.assertEqual(self.sandbox.traffic.by_operation, {"POST /v1/contacts": 1})
        row = self.rows(self.jansen)
        self.assertTrue(row.sent_at)
        self.assertIn("2 records in 1 requests", row.request_facts)
        self.assertEqual(row.record_name, "Jansen")
        self.assertEqual(row.company_id, self.company)

    def test_a_record_that_changes_again_before_it_is_sent_is_sent_once_as_it_is_then(self):
        self.put(self.jansen)
        self.jansen.name = "Jansen BV"
        self.put(self.jansen)
        self.put(self.jansen)
        self.assertEqual(len(self.rows(self.jansen)), 1)
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen BV"])
        self.assertEqual(sum(self.sandbox.traffic.by_operation.values()), 1)

    def test_what_payt_has_already_is_not_sent_again(self):
        self.put(self.jansen)
        self.empty()
        self.put(self.jansen)
        self.empty()
        self.assertEqual(self.rows(self.jansen).mapped("state"), ["sent", "sent"])
        self.assertEqual(sum(self.sandbox.traffic.by_operation.values()), 1)
        self.assertEqual(self.recorded.taken[-1], (self.jansen.id, {"unchanged": True}))

    def test_a_change_and_a_change_back_are_both_sent(self):
        for name in ("Jansen", "Jansen BV", "Jansen"):
            self.jansen.name = name
            self.put(self.jansen)
            self.empty()
            self.assertEqual(self.at_payt(), [name])
        self.assertEqual(sum(self.sandbox.traffic.by_operation.values()), 3)

    def test_another_administration_has_nothing_of_it(self):
        self.put(self.jansen)
        self.empty()
        checksum = self.rows(self.jansen).checksum
        payload = {"contact_identifier": f"C{self.jansen.id}", "lastname": "Jansen"}
        batch = sender.OutboxSender(self.backend, self.rows(self.jansen))
        self.assertEqual(batch.get_checksum(payload), checksum)
        self.backend.administration_id = "another"
        self.assertNotEqual(batch.get_checksum(payload), checksum)

    def test_what_is_forced_is_sent_although_payt_has_it(self):
        self.put(self.jansen)
        self.empty()
        self.rows(self.jansen).action_send_again()
        self.empty()
        self.assertEqual(sum(self.sandbox.traffic.by_operation.values()), 2)

    def test_without_a_connection_nothing_is_written(self):
        stub_partners(self, self.env["payt.backend"])
        self.put(self.jansen)
        self.assertFalse(self.rows())

    def test_while_paused_rows_are_written_and_nothing_is_sent(self):
        self.backend.action_pause()
        self.put(self.jansen)
        self.outbox._cron_empty()
        self.outbox._job_empty(self.backend.id)
        self.assertFalse(self.jobs())
        self.assertEqual(self.rows(self.jansen).state, "pending")
        self.assertFalse(self.sandbox.traffic.by_operation)
        with self.assertRaises(UserError):
            self.backend.action_push()
        self.backend.action_resume()
        self.outbox._cron_empty()
        self.assertEqual(len(self.jobs()), 1)
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])

    def test_the_cron_leaves_the_work_to_one_job_per_connection(self):
        self.put(self.jansen)
        self.outbox._cron_empty()
        self.outbox._cron_empty()
        self.backend.action_push()
        self.assertEqual(len(self.jobs()), 1)
        self.assertEqual(self.jobs().channel, "root.payt")
        self.assertFalse(self.sandbox.traffic.by_operation)
        self.jobs().state = "done"
        self.empty()
        self.outbox._cron_empty()
        self.assertFalse(self.jobs(), "there is nothing left to do")

    def test_a_change_wakes_the_cron_once_per_transaction(self):
        triggers = self.env["ir.cron.trigger"].search_count([])
        self.env.cr.precommit.data.clear()
        self.put(self.jansen)
        self.put(self.pietersen)
        self.assertEqual(self.env["ir.cron.trigger"].search_count([]), triggers + 1)

    def test_what_must_come_first_goes_first(self):
        order = list(RESOURCES)
        self.assertEqual(order[:4], ["vat_rate", "contact", "debtor", "invoice"])
        self.assertEqual(set(order), {name for name, _label in self.outbox._fields["resource"].selection})
        self.outbox._put_for(self.backend, self.jansen, "invoice")
        self.outbox._put_for(self.backend, self.jansen, "debtor")
        self.put(self.jansen)
        self.assertEqual(self.outbox._take_batch(self.backend).resource, "contact")
        self.rows(resource="contact").write(
            {"tries": 1, "next_try_at": fields.Datetime.add(fields.Datetime.now(), hours=1)}
        )
        self.assertFalse(
            self.outbox._take_batch(self.backend), "a debtor may refer to the contact that is still to come"
        )
        self.rows(resource="contact").tries = const.TRIES_TO_WAIT_FOR + 1
        self.assertEqual(self.outbox._take_batch(self.backend).resource, "debtor")

    def test_a_job_takes_a_batch_and_leaves_the_rest_to_the_next(self):
        self.put(self.jansen, self.pietersen)
        self.enterContext(patch.dict(RESOURCES, contact=replace(RESOURCES["contact"], batch_size=1)))
        self.outbox._job_empty(self.backend.id)
        self.assertEqual(self.at_payt(), ["Jansen"])
        self.assertEqual(len(self.jobs()), 1)
        self.outbox._job_empty(self.backend.id)
        self.assertEqual(self.at_payt(), ["Jansen", "Pietersen"])

    def test_each_kind_of_record_has_the_methods_its_row_names(self):
        for resource in RESOURCES.values():
            for model in resource.models:
                for method in filter(None, (resource.payload, resource.key, resource.taken, resource.refused)):
                    self.assertTrue(callable(getattr(self.env[model], method, None)), (resource.name, model, method))
                self.assertTrue(callable(self.env[model]._get_payt_backend), model)
                if isinstance(resource.write, Create):
                    for method in (resource.write.find, "_get_payt_debtor_number"):
                        self.assertTrue(callable(getattr(self.env[model], method, None)), (model, method))
            if resource.files:
                self.assertTrue(callable(getattr(self.env[resource.models[0]], resource.files, None)))

    def test_a_new_kind_of_record_is_a_row_of_the_table(self):
        vendor = Resource(
            name="vendor",
            label="Vendor",
            models=("res.partner",),
            payload="_prepare_payt_contact",
            key="_get_payt_key_contact",
            taken="_payt_taken_contact",
            refused="_payt_refused_contact",
            write=Upsert(op.UPSERT_CONTACTS),
        )
        self.enterContext(patch.dict(RESOURCES, vendor=vendor))
        self.outbox._put(self.jansen, "vendor")
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])
        self.assertEqual(self.rows(self.jansen, resource="vendor").state, "sent")
        self.assertEqual(self.recorded.taken, [(self.jansen.id, {"warnings": []})])

    def test_rows_whose_rank_meant_another_kind_of_record_before_an_update_stay_apart(self):
        self.put(self.jansen)
        self.outbox._put_for(self.backend, self.pietersen, "debtor")
        self.rows(resource="debtor").rank = self.rows(resource="contact").rank
        self.assertEqual(self.outbox._take_batch(self.backend), self.rows(resource="contact"))

    def test_a_record_with_nothing_to_send_any_more_is_left_out(self):
        gone = self.make_partner("Gone")
        self.jansen.name = "Nothing"
        self.put(self.jansen, gone, self.pietersen)
        gone.unlink()
        self.empty()
        self.assertEqual(self.at_payt(), ["Pietersen"])
        self.assertEqual(self.rows(self.jansen).state, "cancelled")
        self.assertEqual(self.rows(state="cancelled").mapped("res_id"), [self.jansen.id, gone.id])

    def test_the_successor_of_a_row_goes_after_it_at_no_cost(self):
        """Its sender was lost after the record changed once more."""
        self.put(self.jansen)
        self.rows(self.jansen).copy({"is_successor": True})
        self.empty()
        self.assertEqual(self.rows(self.jansen).mapped("state"), ["sent", "sent"])
        self.assertEqual(sum(self.sandbox.traffic.by_operation.values()), 1)

    def test_while_a_record_is_sent_a_row_stays_free_for_what_changes_meanwhile(self):
        """Both locked, a change could neither mark one nor add a third, and would be lost."""
        self.put(self.jansen)
        first = self.rows(self.jansen)
        successor = first.copy({"is_successor": True})
        self.put(self.pietersen)
        taken = self.outbox._take_batch(self.backend)
        self.assertEqual(taken, first + self.rows(self.pietersen))
        self.assertNotIn(successor, taken)

    def test_what_payt_has_isnt_known_after_something_else_was_tried(self):
        self.put(self.jansen)
        self.empty()
        self.jansen.name = "Jansen BV"
        self.put(self.jansen)
        # PAYT took it, and its answer was lost
        self.rows(self.jansen, state="pending")._postpone("PAYT did not answer in time.")
        self.jansen.name = "Nothing"
        self.rows(self.jansen, state="pending").next_try_at = False
        self.empty()
        self.assertEqual(self.rows(self.jansen)[-1:].state, "cancelled")
        self.jansen.name = "Jansen"
        self.put(self.jansen)
        self.empty()
        self.assertEqual(self.sandbox.traffic.by_operation, {"POST /v1/contacts": 2})

    def test_two_records_with_the_same_number_do_not_overwrite_each_other(self):
        self.jansen.ref = self.pietersen.ref = "C1"
        self.put(self.jansen, self.pietersen)
        self.empty()
        self.assertEqual(self.at_payt(), ["Jansen"])
        self.assertEqual(self.rows(self.pietersen).state, "refused")
        self.assertIn("Jansen", self.rows(self.pietersen).error)

    @mute_logger(SENDING)
    def test_a_record_that_cannot_be_prepared_stops_no_other(self):
        self.jansen.name = "Trouble"
        self.put(self.jansen, self.pietersen)
        self.empty()
        self.assertEqual(self.at_payt(), ["Pietersen"])
        self.assertEqual(self.rows(self.jansen).state, "error")
        self.assertIn("ZeroDivisionError", self.rows(self.jansen).error)

    def test_history_is_forgotten_but_for_what_is_compared_with(self):
        for name in ("Jansen", "Jansen BV"):
            self.jansen.name = name
            self.put(self.jansen)
            self.empty()
        old, last = self.rows(self.jansen)
        self.env.cr.execute("UPDATE payt_outbox SET write_date = write_date - interval '1 year'")
        self.env.invalidate_all()
        self.outbox._gc_history()
        self.assertEqual((old + last).exists(), last)

    def test_two_hundred_changes_cost_as_many_queries_as_ten(self):
        counts = []
        for number in (10, 200):
            partners = self.env["res.partner"].create([{"name": f"P{n}"} for n in range(number)])
            self.outbox.search([]).unlink()
            self.env.flush_all()
            before = self.env.cr.sql_log_count
            self.outbox._put(partners, "contact")
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0] + 3)

    def test_the_biller_tries_again_but_changes_nothing_else(self):
        self.put(self.jansen)
        self.rows(self.jansen)._mark_refused("No such street")
        self.rows(self.jansen).with_user(self.biller).action_try_again()
        self.assertEqual(self.rows(self.jansen).mapped("state"), ["cancelled", "pending"])
