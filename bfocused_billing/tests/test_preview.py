from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import ValidationError
from odoo.tools import mute_logger

from .common import day
from .preview_common import PreviewCase


class TestPreviewEqualsTheRun(PreviewCase):
    """A dry run for any date writes nothing and equals the real run row by row."""

    TABLES = (
        "account_move",
        "account_move_line",
        "bfocused_billing_charge",
        "bfocused_usage_record",
        "account_partial_reconcile",
        "ir_attachment",
        "mail_message",
        "queue_job",
        "ir_sequence_date_range",
    )

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(freeze_time("2026-02-20"))
        cls.make_mixed_bag()

    @classmethod
    def make_mixed_bag(cls):
        """Customers who are invoiced, deferred, held, failed, called, and owed money."""
        credited = cls.make_subscription(cls.quarter, cls.internet, customer=cls.make_customer("Credited"))
        cancelled = cls.make_number("0209999999", cls.make_customer("Cancelled"))
        cls.load(cls.calls(2, number=cancelled.name, month="2025-12"))
        cls.make_subscription(cls.quarter, cls.internet)
        cls.bill("2026-01-01")
        moves = cls.get_invoices(cancelled.partner_id)
        moves.button_draft()
        moves.button_cancel()
        credited.date = "2026-01-20"
        cls.make_subscription(
            cls.month, cls.cloudbox, customer=cls.make_customer("Deferred"), start="2026-02-01", date="2026-03-01"
        )
        held = cls.make_customer("Held", with_mandate=False)
        cls.make_subscription(cls.quarter, cls.internet, customer=held, start="2026-02-01")
        old = cls.make_subscription(cls.quarter, cls.internet, customer=cls.make_customer("Old journal"))
        old.journal_id = cls.company_data["default_journal_sale"].copy({"code": "OLD"})
        old.journal_id.active = False
        cls.failed = cls.make_subscription(cls.quarter, cls.internet, customer=cls.make_customer("Failed"))
        cls.make_subscription(cls.month, *[cls.cloudbox] * 3, start="2026-02-01")
        cls.load(cls.calls(2))

    def get_state(self):
        """What is in the database: rows and their last change, per table, and the next number of an invoice."""
        self.env.flush_all()
        counts = {}
        for table in self.TABLES:
            self.env.cr.execute(f"SELECT count(*), max(id) FROM {table}")  # pylint: disable=sql-injection
            counts[table] = self.env.cr.fetchone()
        self.env.cr.execute("SELECT id, state, move_line_id, usage_amount, run_id FROM bfocused_billing_charge")
        counts["charges"] = sorted(self.env.cr.fetchall(), key=str)
        self.env.cr.execute("SELECT charge_id, amount, count(*) FROM bfocused_usage_record GROUP BY 1, 2")
        counts["calls"] = sorted(self.env.cr.fetchall(), key=str)
        self.env.cr.execute("SELECT id, name, state, amount_total FROM account_move")
        counts["moves"] = sorted(self.env.cr.fetchall(), key=str)
        self.env.cr.execute("SELECT id, next_billing_date FROM sale_subscription_line")
        counts["dates"] = sorted(self.env.cr.fetchall(), key=str)
        return counts

    @mute_logger("odoo.addons.bfocused_billing.models.run.billing_run")
    def test_the_preview_writes_nothing_and_equals_the_run_row_by_row(self):
        lines, broken = self.env.registry["sale.subscription.line"], self.failed
        prepare = lines._prepare_account_move_line

        def fail(line):
            if line.sale_subscription_id == broken:
                raise KeyError("unit of measure")
            return prepare(line)

        self.patch(lines, "_prepare_account_move_line", fail)
        run = self.make_run("2026-02-01")
        before = self.get_state()
        run.action_preview()
        preview = self.get_rows(run)
        self.assertEqual(self.get_state(), before)
        self.assertEqual(run.state, "draft")
        self.assertFalse(run.line_ids.move_id)
        run.action_run()
        self.assertEqual(self.get_rows(run), preview)
        self.assertEqual(
            {row[0].name: row[1] for row in preview},
            {
                "Bakkerij Jansen": "invoiced",
                "Credited": "invoiced",
                "Cancelled": "deferred",
                "Deferred": "deferred",
                "Held": "held",
                "Old journal": "held",
                "Failed": "failed",
            },
        )
        self.assertEqual(self.get_line(run).amount_untaxed, 90.24)

    def test_a_second_preview_is_the_same_again(self):
        run = self.preview("2026-02-01")
        rows = self.get_rows(run)
        run.action_preview()
        self.assertEqual(self.get_rows(run), rows)

    def test_the_run_after_a_preview_takes_the_numbers_it_would_have_taken(self):
        numbers = []
        for is_previewed in (False, True):
            with self.env.cr.savepoint() as savepoint:
                run = self.make_run("2026-02-01")
                if is_previewed:
                    run.action_preview()
                run.action_run()
                numbers.append(sorted(run.invoice_ids.filtered(lambda move: move.state == "posted").mapped("name")))
                savepoint.rollback()
        self.assertTrue(numbers[0])
        self.assertEqual(*numbers)

    def test_a_preview_in_chunks_is_the_same(self):
        rows = self.get_rows(self.preview("2026-02-01"))
        with patch("odoo.addons.bfocused_billing.models.run.billing_run_chunk.CHUNK_SIZE", 2):
            self.assertEqual(self.get_rows(self.preview("2026-02-01")), rows)


class TestMarks(PreviewCase):
    """It marks differences of more than 20 % with the previous run, missing mandates and missing e-mail addresses."""

    def test_a_first_outcome_is_marked_as_such_and_compared_with_nothing(self):
        self.make_subscription(self.month, *[self.cloudbox] * 2, start="2026-01-01")
        line = self.get_line(self.preview("2026-01-01"))
        self.assertRecordValues(
            line, [{"is_first": True, "is_different": False, "previous_date": False, "marks": "First in a run"}]
        )
        self.bill("2026-01-01")
        line = self.get_line(self.preview("2026-02-01"))
        self.assertRecordValues(line, [{"is_first": False, "is_marked": False, "previous_date": day("2026-01-01")}])

    def test_more_than_the_percentage_is_marked_and_exactly_that_is_not(self):
        subscription = self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.bill("2026-01-01")
        lines = subscription.sale_subscription_line_ids
        for price, percent, is_different in (
            (36, 20, False),
            (36.01, 20.03, True),
            (24, -20, False),
            (23, -23.3, True),
        ):
            lines.price_unit = price
            line = self.get_line(self.preview("2026-02-01"))
            self.assertAlmostEqual(line.difference_percent, percent, 1)
            self.assertEqual((line.is_different, line.is_marked), (is_different, is_different), price)
        self.assertIn("-23.3% against 01/01/2026", line.marks)

    def test_the_percentage_is_the_companys_and_zero_marks_nothing(self):
        subscription = self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.bill("2026-01-01")
        subscription.sale_subscription_line_ids.price_unit = 40
        for percent, is_different in ((30, True), (34, False), (0, False)):
            self.company.billing_difference_percent = percent
            self.assertEqual(self.get_line(self.preview("2026-02-01")).is_different, is_different)
        with self.assertRaises(ValidationError):
            self.company.billing_difference_percent = -1

    def test_a_quarter_is_compared_with_the_quarter_before_and_not_with_the_months_in_between(self):
        self.make_subscription(self.quarter, self.internet)
        self.make_subscription(self.month, *[self.cloudbox] * 2)
        for text in ("2026-01-01", "2026-02-01", "2026-03-01"):
            self.bill(text)
        line = self.get_line(self.preview("2026-04-01"))
        self.assertRecordValues(
            line, [{"previous_amount": 180, "previous_date": day("2026-01-01"), "is_different": False}]
        )
        march = self.env["bfocused.billing.run.line"].search(
            [("date", "=", "2026-03-01"), ("partner_id", "=", self.customer.id)]
        )
        self.assertRecordValues(march, [{"previous_amount": 60, "previous_date": day("2026-02-01"), "marks": ""}])

    def test_runs_without_anything_are_passed_over(self):
        self.make_subscription(self.quarter, self.internet, start="2026-02-01")
        self.bill("2026-02-01")
        self.assertFalse(self.bill("2026-03-01").line_ids)
        line = self.get_line(self.preview("2026-04-01"))
        self.assertRecordValues(line, [{"previous_date": day("2026-02-01"), "previous_amount": 78.67}])

    def test_what_waited_is_not_a_difference(self):
        self.make_subscription(self.month, self.cloudbox, start="2026-01-01")
        for text in ("2026-01-01", "2026-02-01", "2026-03-01"):
            self.bill(text)
        line = self.get_line(self.bill("2026-04-01"))
        self.assertRecordValues(
            line, [{"amount_untaxed": 90, "amount_new": 30, "previous_amount": 30, "is_different": False}]
        )

    def test_two_invoices_of_a_customer_are_compared_together(self):
        other = self.make_mandate(self.customer, signature_date="2024-01-01")
        self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.make_subscription(self.month, *[self.cloudbox] * 2, mandate_id=other.id)
        self.bill("2026-01-01")
        lines = self.get_line(self.bill("2026-02-01"))
        self.assertEqual(lines.mapped("previous_amount"), [120, 120])
        self.assertEqual(lines.mapped("is_different"), [False, False])

    def test_a_preview_and_a_run_of_another_company_are_nothing_to_compare_with(self):
        self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.preview("2026-01-01")
        self.assertTrue(self.get_line(self.preview("2026-02-01")).is_first)
        other = self.env["res.company"].create({"name": "Other", "currency_id": self.company.currency_id.id})
        run = self.env["bfocused.billing.run"].create({"company_id": other.id, "date": "2026-01-01"})
        run.sudo().state = "done"
        run._record_outcome(
            [
                {
                    "partner_id": self.customer.id,
                    "currency_id": self.company.currency_id.id,
                    "outcome": "invoiced",
                    "amount_new": 10.0,
                }
            ]
        )
        self.assertTrue(self.get_line(self.preview("2026-02-01")).is_first)

    def test_a_missing_mandate_is_marked_and_a_pause_is_not(self):
        customer = self.make_customer("Hotel", with_mandate=False, email="h@hotel.example")
        self.make_subscription(self.month, *[self.cloudbox] * 2, customer=customer)
        paused = self.make_subscription(self.month, *[self.cloudbox] * 2)
        run = self.preview("2026-01-01")
        self.assertTrue(self.get_line(run, customer).is_without_mandate)
        self.assertIn("No mandate", self.get_line(run, customer).marks)
        self.assertFalse(self.get_line(run).is_without_mandate)
        with patch.object(self.env.registry["sale.subscription"], "_get_hold_reason", lambda *args: "Paused"):
            line = self.get_line(self.preview("2026-01-01"))
        self.assertRecordValues(line, [{"outcome": "held", "is_without_mandate": False}])
        self.assertTrue(paused)

    def test_no_email_address_is_marked_only_where_the_invoice_goes_by_email(self):
        self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.assertFalse(self.get_line(self.preview("2026-01-01")).is_without_email)
        self.customer.email = False
        for method, is_marked in ((False, True), ("email", True), ("manual", False)):
            self.customer.with_company(self.company).invoice_sending_method = method
            self.assertEqual(self.get_line(self.preview("2026-01-01")).is_without_email, is_marked, method)

    def test_the_address_of_the_invoice_counts(self):
        address = self.env["res.partner"].create({"name": "Branch", "parent_id": self.customer.id, "type": "invoice"})
        self.make_subscription(self.month, *[self.cloudbox] * 2, partner_invoice_id=address.id)
        self.assertTrue(self.get_line(self.preview("2026-01-01"), address).is_without_email)

    def test_the_run_counts_what_is_marked(self):
        self.make_subscription(self.month, *[self.cloudbox] * 2)
        self.bill("2026-01-01")
        self.make_subscription(self.month, *[self.cloudbox] * 2, customer=self.make_customer("New"))
        run = self.preview("2026-02-01")
        self.assertEqual(run.marked_count, 1)
        lines = self.env["bfocused.billing.run.line"].search(run.action_view_marked()["domain"])
        self.assertEqual(lines.partner_id.name, "New")

    def test_marks_of_many_customers_take_as_many_queries_as_those_of_few(self):
        customers = [self.make_customer(f"Customer {number}") for number in range(30)]
        for customer in customers:
            self.make_subscription(self.month, *[self.cloudbox] * 2, customer=customer)
        run = self.bill("2026-01-01")
        counts = []
        for lines in (run.line_ids[:5], run.line_ids):
            rows = [
                {
                    "partner_id": line.partner_id.id,
                    "currency_id": line.currency_id.id,
                    "outcome": line.outcome,
                    "move_id": line.move_id.id,
                    "amount_new": line.amount_new,
                }
                for line in lines
            ]
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            run._mark_rows(rows)
            counts.append(self.env.cr.sql_log_count - before)
        self.assertLessEqual(counts[1], counts[0])
