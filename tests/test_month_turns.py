"""The product's main job on the real input: the sums of the runs are those of a spreadsheet, to the cent."""

from datetime import date
from decimal import Decimal
from pathlib import Path

from odoo.tests import TransactionCase, tagged

from .spreadsheet import month_turns

DATA = Path(__file__).resolve().parents[1] / "data"
TURNS = [date(2026, month, 1) for month in (1, 2, 3, 4)]


@tagged("post_install", "-at_install")
class TestMonthTurns(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("nl_NL")
        cls.env.company.use_billing = True
        cls.files = {path.name: path.read_bytes() for path in DATA.glob("*.csv") if path.name != "call_records.csv"}
        cls.reports = cls.load()
        cls.runs = cls.env["bfocused.billing.run"].create([{"date": turn} for turn in TURNS])
        for run in cls.runs:
            run.action_run()

    @classmethod
    def load(cls):
        return cls.env["bfocused.billing.import"].create({})._import_files(cls.files)

    def test_the_sample_data_is_taken_whole(self):
        self.assertEqual(len(self.reports), 5)
        for report in self.reports:
            self.assertFalse(report.refusals, report.filename)
        self.assertGreaterEqual(self.reports[1].counts["created"], 40)

    def test_the_runs_equal_the_spreadsheet_per_customer_to_the_cent(self):
        expected = month_turns(DATA, TURNS)
        for run in self.runs:
            found = {
                line.partner_id.commercial_partner_id.ref: (
                    line.outcome,
                    Decimal(str(line.amount_untaxed)).quantize(Decimal("0.01")),
                )
                for line in run.line_ids
            }
            self.assertEqual(found, expected[run.date], run.date)

    def test_two_customers_are_held_and_five_are_deferred(self):
        lines = self.runs.line_ids
        self.assertEqual(len(lines.filtered(lambda line: line.outcome == "held").partner_id), 2)
        self.assertEqual(len(lines.filtered(lambda line: line.outcome == "deferred").partner_id), 5)
        self.assertFalse(lines.filtered(lambda line: line.outcome == "failed"))

    def test_each_customer_has_one_invoice_per_turn_and_each_line_its_charge(self):
        moves = self.runs.invoice_ids
        keys = moves.mapped(lambda move: (move.commercial_partner_id, move.invoice_date))
        self.assertEqual(len(keys), len(set(keys)))
        for line in moves.invoice_line_ids:
            self.assertEqual(len(line.charge_ids), 1)
            self.assertEqual(line.charge_ids.amount_untaxed, line.price_subtotal)

    def test_loading_and_running_again_changes_nothing(self):
        for report in self.load():
            self.assertEqual(set(report.counts), {"unchanged"}, report.filename)
        again = self.env["bfocused.billing.run"].create({"date": TURNS[-1]})
        again.action_run()
        self.assertEqual(set(again.line_ids.mapped("outcome")), {"held"})
