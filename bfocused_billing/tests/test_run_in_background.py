from unittest.mock import patch

from odoo.exceptions import UserError
from odoo.tools import mute_logger

from odoo.addons.queue_job.job import Job

from ..models.run import billing_run_chunk
from .common import BillingCase


class TestRunInBackground(BillingCase):
    """A run of many customers is done in chunks by jobs; whatever happens to those, each customer is billed once."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.billing_background_from = 3
        cls.customers = [cls.make_customer(f"Customer {number}") for number in range(6)]
        for customer in cls.customers:
            cls.make_subscription(cls.quarter, cls.internet, customer=customer)

    def setUp(self):
        super().setUp()
        self.startPatcher(patch.object(billing_run_chunk, "CHUNK_SIZE", 2))
        self.run_2026 = self.make_run("2026-01-01")

    def get_jobs(self, states=("pending",)):
        jobs = self.run_2026.chunk_ids._get_jobs().filtered(lambda job: job.state in states)
        return jobs.sorted("id")

    def perform(self, records):
        for record in records:
            job = Job.load(self.env, record.uuid)
            job.perform()
            job.set_done()
            job.store()
        self.env.flush_all()
        self.run_2026._finish()  # what the commit of a job does

    def count_invoices(self):
        return [len(self.get_invoices(customer)) for customer in self.customers]

    def test_a_small_run_is_done_at_once(self):
        self.company.billing_background_from = 6
        self.run_2026.action_run()
        self.assertEqual(self.run_2026.state, "done")
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertFalse(self.get_jobs())

    def test_each_chunk_is_a_job_and_the_last_one_closes_the_run(self):
        self.run_2026.action_run()
        self.assertEqual((self.run_2026.state, self.run_2026.progress, self.run_2026.is_working), ("running", 0, True))
        jobs = self.get_jobs()
        self.assertEqual(len(jobs), 3)
        self.assertEqual(set(jobs.mapped("channel")), {"root.billing"})
        self.perform(jobs[:2])
        self.assertEqual((self.run_2026.state, self.run_2026.progress), ("running", 66))
        self.assertEqual(sum(self.count_invoices()), 4)
        self.perform(jobs[2:])
        self.assertEqual((self.run_2026.state, self.run_2026.progress, self.run_2026.is_working), ("done", 100, False))
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertEqual(self.run_2026.invoice_count, 6)

    def test_progress_tells_the_time_that_is_left(self):
        self.run_2026.action_run()
        self.assertEqual(self.run_2026.progress_message, "0 of 6 customers. Waiting for a worker.")
        self.perform(self.get_jobs()[:1])
        self.assertRegex(self.run_2026.progress_message, r"^2 of 6 customers, about \d+ min left\.$")

    def test_a_job_that_is_done_twice_bills_once(self):
        self.run_2026.action_run()
        self.perform(self.get_jobs())
        self.perform(self.get_jobs(states=("done",)))
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertEqual(len(self.run_2026.line_ids), 6)

    def test_a_chunk_is_enqueued_once(self):
        self.run_2026.action_run()
        self.run_2026.chunk_ids._enqueue()
        self.assertEqual(len(self.get_jobs()), 3)

    def test_a_stopped_run_goes_on_where_it_was(self):
        self.run_2026.action_run()
        jobs = self.get_jobs()
        self.perform(jobs[:1])
        self.run_2026.action_stop()
        self.assertEqual(self.run_2026.state, "partial")
        self.assertEqual(self.run_2026.progress_message, "Stopped: 2 of 6 customers.")
        self.assertEqual(jobs.mapped("state"), ["done", "cancelled", "cancelled"])
        self.run_2026.action_retry()
        self.perform(self.get_jobs())
        self.assertEqual(self.run_2026.state, "done")
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertEqual(self.run_2026.invoice_count, 6)

    def test_a_job_that_comes_after_the_stop_bills_nothing(self):
        self.run_2026.action_run()
        jobs = self.get_jobs()
        jobs.state = "started"  # a worker took them, and comes to them in a moment
        self.run_2026.action_stop()
        self.perform(jobs)
        self.assertEqual(self.count_invoices(), [0] * 6)
        self.assertEqual(self.run_2026.state, "partial")

    def test_a_job_of_an_earlier_try_bills_nothing(self):
        self.run_2026.action_run()
        old = self.get_jobs()
        self.run_2026.action_stop()
        self.run_2026.action_retry()
        self.perform(old)
        self.assertEqual(self.count_invoices(), [0] * 6)
        self.perform(self.get_jobs())
        self.assertEqual(self.count_invoices(), [1] * 6)

    @mute_logger("odoo.addons.bfocused_billing.models.run.billing_run_chunk")
    def test_a_lost_job_is_made_again(self):
        self.run_2026.action_run()
        self.get_jobs()[:2].unlink()
        self.env["bfocused.billing.run"]._cron_mend()
        self.assertEqual(len(self.get_jobs()), 3)
        self.perform(self.get_jobs())
        self.assertEqual(self.count_invoices(), [1] * 6)

    def test_a_worker_lost_between_billing_and_closing_is_made_up_for(self):
        self.run_2026.action_run()
        for chunk in self.run_2026.chunk_ids:
            chunk._process()
        # the page goes on looking until the run is closed
        self.assertEqual(
            (self.run_2026.state, self.run_2026.progress, self.run_2026.is_working), ("running", 100, True)
        )
        self.env["bfocused.billing.run"]._cron_mend()
        self.assertEqual(self.run_2026.state, "done")

    def test_a_job_that_gave_up_is_a_failure_of_its_customers_that_can_be_retried(self):
        self.run_2026.action_run()
        job = self.get_jobs()[0]
        self.perform(self.get_jobs() - job)
        job.write({"state": "failed", "exc_message": "disk full"})
        self.env["bfocused.billing.run"]._cron_mend()
        self.assertEqual((self.run_2026.state, self.run_2026.failed_count), ("partial", 2))
        self.assertIn("disk full", self.run_2026.line_ids.filtered(lambda line: line.outcome == "failed")[0].message)
        self.run_2026.action_retry()
        self.assertEqual((self.run_2026.state, self.run_2026.failed_count), ("done", 0))
        self.assertEqual(self.count_invoices(), [1] * 6)

    def test_what_was_held_stays_to_be_read_after_a_retry(self):
        customer = self.customers[0]
        customer.bank_ids.mandate_ids.cancel()
        self.company.billing_background_from = 10
        self.run_2026.action_run()
        self.assertEqual(self.run_2026.held_count, 1)
        self.make_mandate(customer)
        self.run_2026.action_retry()
        self.assertEqual((self.run_2026.held_count, self.run_2026.invoice_count), (0, 6))
        held = self.run_2026.with_context(active_test=False).line_ids - self.run_2026.line_ids
        self.assertRecordValues(held, [{"partner_id": customer.id, "outcome": "held"}])

    def test_a_preview_in_the_background_writes_nothing_but_its_outcome(self):
        self.run_2026.action_preview()
        self.assertTrue(self.run_2026.is_working)
        self.perform(self.get_jobs())
        self.assertEqual((self.run_2026.state, self.run_2026.is_working), ("draft", False))
        self.assertEqual(self.run_2026.line_ids.mapped("outcome"), ["invoiced"] * 6)
        self.assertEqual(self.count_invoices(), [0] * 6)

    def test_running_while_the_preview_is_busy_bills_once(self):
        self.run_2026.action_preview()
        preview = self.get_jobs()
        self.run_2026.action_run()
        self.perform(preview.exists())
        self.assertEqual(self.count_invoices(), [0] * 6)
        self.perform(self.get_jobs())
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertEqual(len(self.run_2026.line_ids), 6)

    def test_two_runs_of_one_date_in_the_background_bill_once(self):
        other = self.make_run("2026-01-01")
        self.run_2026.action_run()
        other.action_run()
        self.perform(self.get_jobs())
        for chunk in other.chunk_ids:
            chunk._job_process()
        other._finish()
        self.assertEqual(self.count_invoices(), [1] * 6)
        self.assertEqual((other.state, len(other.line_ids)), ("done", 0))

    def test_only_a_running_run_can_be_stopped(self):
        with self.assertRaises(UserError):
            self.run_2026.action_stop()

    def test_collecting_that_fails_for_one_customer_fails_for_that_one_only(self):
        collect = type(self.run_2026)._collect

        def fail(run, customers):
            if self.customers[3] in customers:
                raise ValueError("unreadable")
            return collect(run, customers)

        self.company.billing_background_from = 10
        with (
            patch.object(type(self.run_2026), "_collect", fail),
            mute_logger("odoo.addons.bfocused_billing.models.run.billing_run"),
        ):
            self.run_2026.action_run()
        self.assertEqual(self.count_invoices(), [1, 1, 1, 0, 1, 1])
        self.assertEqual(self.run_2026.state, "partial")
        self.run_2026.action_retry()
        self.assertEqual(self.count_invoices(), [1] * 6)
