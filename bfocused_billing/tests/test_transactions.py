"""Parts of a transaction that may fail by themselves, and locks."""

from unittest.mock import patch

from psycopg2.errors import SerializationFailure

from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from odoo.addons.bfocused_billing.transactions import (
    RANKS,
    isolated,
    lock_or_refuse,
    lock_or_retry,
    process_isolated,
    undoable,
)
from odoo.addons.queue_job.exception import RetryableJobError


@tagged("post_install", "-at_install")
class TestTransactions(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.partners = cls.env["res.partner"].create([{"name": f"Customer {number}"} for number in range(5)])
        cls.partner = cls.partners[0]

    def get_counted(self):
        return dict(self.env.cr.postcommit.data.get(f"{RANKS}customer_rank", {}))

    # === ISOLATED

    def test_error_undoes_its_own_part_and_is_recorded(self):
        self.partner.ref = "before"
        with isolated(self.env.cr) as outcome:
            self.partner.ref = "within"
            self.env.cr.execute("SELECT 1 / 0", log_exceptions=False)
        self.assertEqual(type(outcome.error).__name__, "DivisionByZero")
        self.assertEqual(self.partner.ref, "before")
        self.partner.ref = "after"  # the transaction goes on
        self.env.flush_all()

    def test_what_succeeds_stays(self):
        with isolated(self.env.cr) as outcome:
            self.partner.ref = "within"
        self.assertIsNone(outcome.error)
        self.assertEqual(self.partner.ref, "within")

    def test_error_at_the_end_when_what_is_pending_is_written(self):
        with isolated(self.env.cr) as outcome:
            self.partner.ref = "within"
            self.env.cr.precommit.add(self.fail_late)
        self.assertIn("late", str(outcome.error))
        self.assertFalse(self.partner.ref)

    def fail_late(self):
        raise ValueError("late")

    def test_error_that_gives_up_the_transaction_passes(self):
        with self.assertRaises(SerializationFailure), isolated(self.env.cr):
            raise SerializationFailure()

    def test_other_errors_that_pass(self):
        with self.assertRaises(ValueError), isolated(self.env.cr, passing=(SerializationFailure, ValueError)):
            raise ValueError("Stop")

    def test_ranks_that_were_counted_are_undone(self):
        self.partners.customer_rank = 1
        self.partner._increase_rank("customer_rank")
        counted = self.get_counted()
        self.assertTrue(counted)
        with isolated(self.env.cr):
            self.partners._increase_rank("customer_rank")
            raise ValueError("Stop")
        self.assertEqual(self.get_counted(), counted)
        with undoable(self.env.cr) as undo:
            self.partners._increase_rank("customer_rank")
            undo()
        self.assertEqual(self.get_counted(), counted)

    # === PROCESS ISOLATED

    def test_one_that_fails_stands_alone(self):
        def rename(partners):
            batches.append(len(partners))
            partners.ref = "done"
            if self.partners[3] in partners:
                raise ValueError("Not this one")
            return partners.ids

        def give_up(partner, error):
            self.assertEqual(str(error), "Not this one")
            return [-partner.id]

        batches, ids = [], self.partners.ids
        results = process_isolated(self.env.cr, self.partners, rename, give_up)
        self.assertEqual(results, [*ids[:3], -ids[3], ids[4]])
        self.assertEqual(batches, [5, 2, 3, 1, 2, 1, 1])
        self.assertEqual(self.partners.mapped("ref"), ["done", "done", "done", False, "done"])

    def test_error_that_gives_up_the_transaction_is_not_split(self):
        def fail(partners):
            raise SerializationFailure()

        with self.assertRaises(SerializationFailure):
            process_isolated(self.env.cr, self.partners, fail, lambda partner, error: self.fail())

    def test_nothing_to_process(self):
        self.assertEqual(process_isolated(self.env.cr, self.partners[:0], self.fail, self.fail), [])

    # === LOCKS

    def test_lock_that_can_be_had(self):
        lock_or_retry(self.partner, "Another worker has it.")
        lock_or_refuse(self.partner, "Somebody else has it.")

    def test_lock_that_another_transaction_has(self):
        locked = lambda partners, **options: partners[1:]  # noqa: E731
        with patch.object(type(self.partner), "try_lock_for_update", locked):
            with self.assertRaises(RetryableJobError) as raised:
                lock_or_retry(self.partners, "Another worker has it.", seconds=3)
            self.assertEqual((raised.exception.seconds, raised.exception.ignore_retry), (3, True))
            with self.assertRaisesRegex(UserError, "Somebody else"):
                lock_or_refuse(self.partners, "Somebody else has it.")
