from psycopg2 import IntegrityError
from psycopg2.errors import ExclusionViolation

from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import mute_logger

from .common import BillingCase, day


class TestLedger(BillingCase):
    """Exactly once: the database refuses the double, and what goes gives its days back."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.line = self.subscription.sale_subscription_line_ids

    def get_charges(self):
        return self.env["bfocused.billing.charge"].search([("subscription_line_id", "=", self.line.id)], order="id")

    def test_a_charge_knows_its_invoice_line_and_back(self):
        run = self.bill("2026-01-01")
        charge, move_line = self.get_charges(), self.get_invoices().invoice_line_ids
        self.assertRecordValues(
            charge,
            [
                {
                    "kind": "subscription",
                    "state": "billed",
                    "partner_id": self.customer.id,
                    "subscription_id": self.subscription.id,
                    "period_start": day("2026-01-01"),
                    "period_end": day("2026-03-31"),
                    "amount_untaxed": 120,
                    "move_line_id": move_line.id,
                    "move_id": move_line.move_id.id,
                    "run_id": run.id,
                }
            ],
        )
        self.assertEqual(move_line.charge_ids, charge)
        self.assertEqual(move_line.subscription_line_id, self.line)
        self.assertEqual(charge.action_open_invoice()["res_id"], move_line.move_id.id)

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_the_same_period_twice(self):
        self.bill("2026-01-01")
        with self.assertRaises(IntegrityError), self.env.cr.savepoint():
            self.get_charges().sudo().copy({"move_line_id": self.get_charges().move_line_id.id})

    @mute_logger("odoo.sql_db")
    def test_the_database_refuses_overlapping_periods(self):
        self.bill("2026-01-01")
        charge = self.get_charges().sudo()
        with self.assertRaises(ExclusionViolation), self.env.cr.savepoint():
            charge.copy(
                {"move_line_id": charge.move_line_id.id, "period_start": "2026-03-31", "period_end": "2026-06-30"}
            )

    def test_a_double_that_slips_through_to_the_database_is_a_quiet_success_and_the_rest_is_billed(self):
        self.bill("2026-01-01")
        run = self.make_run("2026-04-01")
        cycle = self.subscription.template_id._get_cycle(day("2026-01-01"))
        parts = list(cycle.parts(day("2026-01-01"), day("2026-07-01")))
        self.patch(self.env.registry["sale.subscription.line"], "_get_due_parts", lambda line, date: parts)
        self.patch(self.env.registry["sale.subscription.line"], "_get_round", lambda line, part: 0)
        self.patch(
            self.env.registry["sale.subscription"],
            "_get_billable_domain",
            lambda subs, company: Domain("id", "=", self.subscription.id),
        )
        self.line.next_billing_date = "2026-01-01"
        with mute_logger("odoo.sql_db"):
            run.action_run()
        self.assertEqual(run.state, "done")
        self.assertEqual(self.get_periods(self.get_invoices()[1:]), [("2026-04-01", "2026-06-30")])

    def test_a_ledger_row_follows_its_invoice_line(self):
        self.bill("2026-01-01")
        self.get_invoices().button_draft()
        self.get_invoices().invoice_line_ids.price_unit = 100
        self.assertEqual(self.get_charges().amount_untaxed, 100)
        self.get_invoices().button_cancel()
        self.assertRecordValues(self.get_charges(), [{"state": "void", "amount_untaxed": 100}])

    def test_a_subscription_with_charges_can_not_be_deleted(self):
        self.bill("2026-01-01")
        self.get_invoices().button_draft()
        self.get_invoices().unlink()
        with self.assertRaisesRegex(UserError, "Close it instead"):
            self.subscription.unlink()

    def test_resetting_to_draft_and_posting_again_keeps_the_charge(self):
        self.bill("2026-01-01")
        invoice = self.get_invoices()
        invoice.button_draft()
        self.assertEqual(self.get_charges().state, "drafted")
        self.assertFalse(self.bill("2026-01-01").line_ids)
        invoice.action_post()
        self.assertEqual(self.get_charges().state, "billed")

    def test_a_deleted_draft_gives_its_days_back(self):
        self.bill("2026-01-01")
        invoice = self.get_invoices()
        invoice.button_draft()
        invoice.unlink()
        self.assertEqual(self.get_charges().state, "void")
        self.assertEqual(self.subscription.recurring_next_date, day("2026-01-01"))
        self.bill("2026-01-01")
        self.assertEqual(self.get_charges().mapped("state"), ["void", "billed"])

    def test_a_cancelled_invoice_gives_its_days_back(self):
        self.bill("2026-01-01")
        self.get_invoices().button_draft()
        self.get_invoices().button_cancel()
        self.assertEqual(self.get_charges().state, "void")
        self.bill("2026-01-01")
        self.assertEqual(self.get_invoices().mapped("state"), ["cancel", "posted"])

    def test_a_line_removed_from_a_draft_gives_its_days_back_alone(self):
        other = self.make_subscription(self.month, self.cloudbox)
        self.bill("2026-01-01")
        invoice = self.get_invoices()
        invoice.button_draft()
        invoice.invoice_line_ids.filtered(lambda line: line.subscription_line_id == self.line).unlink()
        self.assertEqual(self.get_charges().state, "void")
        self.assertEqual(other.sale_subscription_line_ids.charge_ids.state, "drafted")

    def test_days_given_back_in_the_middle_are_billed_and_nothing_else(self):
        for date in ("2026-01-01", "2026-04-01", "2026-07-01"):
            self.bill(date)
        middle = self.get_invoices()[1]
        middle.button_draft()
        middle.button_cancel()
        self.bill("2026-07-01")
        self.assertEqual(self.get_periods(self.get_invoices()[-1]), [("2026-04-01", "2026-06-30")])

    def test_a_credit_note_alone_does_not_bill_again(self):
        self.bill("2026-01-01")
        self.get_invoices()._reverse_moves()
        self.assertFalse(self.bill("2026-01-01").line_ids)

    def test_a_copied_invoice_charges_nothing(self):
        self.bill("2026-01-01")
        copy = self.get_invoices().copy()
        self.assertFalse(copy.invoice_line_ids.subscription_line_id)
        self.assertFalse(copy.invoice_line_ids.charge_ids)

    def test_the_ledger_can_not_be_deleted(self):
        self.bill("2026-01-01")
        with self.assertRaisesRegex(UserError, "keeps what was billed"):
            self.get_charges().sudo().unlink()
