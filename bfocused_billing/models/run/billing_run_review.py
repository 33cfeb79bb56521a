import io
from collections import defaultdict
from datetime import date

import xlsxwriter

from odoo import fields, models
from odoo.tools import SQL, float_compare

from ...periods import is_quarter_turn
from .billing_run_line import MARKS

PERCENT_DIGITS = 6  # differences closer together than this are equal

LONGEST_TEXT = 32767  # characters in a cell
COLUMN_WIDTHS = {"partner_id": 34, "message": 50, "marks": 34, "move_id": 20}
WIDTH = 14


class BillingRun(models.Model):
    """Looking through what a run did, or would do: marks on what deserves a look, and a spreadsheet.

    Outcomes are marked as they are made, a chunk of customers at once, so that a preview has the same marks.
    """

    _inherit = "bfocused.billing.run"

    marked_count = fields.Integer(string="Marked", compute="_compute_marked_count")

    # === COMPUTE

    def _compute_marked_count(self):
        groups = self.env["bfocused.billing.run.line"]._read_group(
            [("run_id", "in", self.ids), ("is_marked", "=", True)], ["run_id"], ["__count"]
        )
        counts = {run.id: count for run, count in groups}
        for run in self:
            run.marked_count = counts.get(run._origin.id, 0)

    # === ACTIONS

    def action_view_marked(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.billing_run_line_action")
        domain = [("run_id", "=", self.id), ("is_marked", "=", True)]
        return dict(action, name=self.name, domain=domain, context={})

    def action_export_xlsx(self):
        """Download the outcomes, of a preview or of the run itself."""
        self.ensure_one()
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": f"/bfocused_billing/run/{self.id}/xlsx", "target": "download"}

    # === BUSINESS

    def _is_without_mandate(self, group):
        return bool(group.hold_reason and self._get_terms_problem(group))

    def _mark_rows(self, rows):
        """Add to the outcomes what they are compared with, and what is to be looked at.

        :param rows: list of values of ``bfocused.billing.run.line``, all those of their customers; they are changed
        """
        self._mark_differences(rows)
        self._mark_without_email(rows)
        for row in rows:
            row["is_marked"] = any(row.get(name) for name in MARKS)

    # --- differences

    def _mark_differences(self, rows):
        compared = [row for row in rows if row["outcome"] != "failed"]
        totals = defaultdict(float)
        for row in compared:
            totals[row["partner_id"], row["currency_id"]] += row["amount_new"]
        previous = self._get_previous_amounts({partner_id for partner_id, _currency_id in totals})
        known = {partner_id for partner_id, _currency_id in previous}
        for row in compared:
            row["is_first"] = row["partner_id"] not in known
            key = row["partner_id"], row["currency_id"]
            if key in previous:
                row.update(self._prepare_difference(totals[key], *previous[key]))

    def _prepare_difference(self, amount, previous_amount, previous_date):
        percent = 100 * (amount - previous_amount) / abs(previous_amount)
        limit = self.company_id.billing_difference_percent
        is_over = float_compare(abs(percent), limit, precision_digits=PERCENT_DIGITS) > 0
        return {
            "previous_amount": previous_amount,
            "previous_date": previous_date,
            "difference_percent": percent,
            # nothing new is no change of price: what waited goes along, or the customer is billed in other months
            "is_different": bool(limit and amount and is_over),
        }

    def _get_previous_amounts(self, partner_ids):
        """What partners were billed in the run that compares best with this one.

        That is the last earlier one of the same kind in which there was something for them, a quarter turn or a month
        in between, as a customer with a quarterly subscription has other amounts then; or else simply the last one.

        :param partner_ids: set of ids of ``res.partner``, as they stand on outcomes
        :return: dict of (amount, date) by (partner id, currency id); no amount is zero
        """
        best = {}  # by key: whether it is of the same kind, and the date; the later row wins
        for partner_id, currency_id, day, amount in self._find_billed_amounts(partner_ids):
            candidate = is_quarter_turn(day) == self.is_quarter_turn, day, float(amount)
            best[partner_id, currency_id] = max(best.get((partner_id, currency_id), candidate), candidate)
        return {key: (amount, day) for key, (_is_same_kind, day, amount) in best.items()}

    def _find_billed_amounts(self, partner_ids):
        """What earlier runs of this company billed partners, or deferred, oldest first.

        :param partner_ids: set of ids of ``res.partner``
        :return: list of (partner id, currency id, date of the run, amount other than zero)
        """
        if not partner_ids:
            return []
        self.env["bfocused.billing.run.line"].flush_model()
        self.env["bfocused.billing.run"].flush_model(["state", "is_scoped"])
        return self.env.execute_query(
            SQL(
                """
                SELECT line.partner_id, line.currency_id, line.date, sum(COALESCE(line.amount_new, line.amount_untaxed))
                  FROM bfocused_billing_run_line AS line
                  JOIN bfocused_billing_run AS run ON run.id = line.run_id
                 WHERE line.partner_id IN %s AND line.company_id = %s AND line.active
                   AND line.outcome IN ('invoiced', 'deferred') AND run.state <> 'draft' AND line.date < %s
                   AND run.is_scoped IS NOT TRUE
              GROUP BY line.partner_id, line.currency_id, line.date
                HAVING sum(COALESCE(line.amount_new, line.amount_untaxed)) <> 0
              ORDER BY line.date
                """,
                tuple(partner_ids),
                self.company_id.id,
                self.date,
            )
        )

    # --- sending

    def _mark_without_email(self, rows):
        partners = self.env["res.partner"].browse([row["partner_id"] for row in rows])
        moves = self.env["account.move"].browse([row["move_id"] for row in rows if row.get("move_id")])
        moves_by_id = {move.id: move for move in moves}
        for row, partner in zip(rows, partners, strict=True):
            move = moves_by_id.get(row.get("move_id"), moves[:0])
            row["is_without_email"] = not partner.email and self._is_sent_by_email(partner, move)

    def _is_sent_by_email(self, partner, move):
        """Whether Odoo would send an invoice by e-mail.

        :param partner: ``res.partner`` the invoice is addressed to
        :param move: ``account.move``, or empty where there is none yet
        """
        if move:
            return "email" in self.env["account.move.send"]._get_default_sending_methods(move)
        payer = partner.commercial_partner_id.with_company(self.company_id)
        return (payer.invoice_sending_method or "email") == "email"

    # --- spreadsheet

    def _get_xlsx_name(self):
        self.ensure_one()
        kind = self.env._("Preview") if self.state == "draft" else self.env._("Billing run")
        return f"{kind} {self.date}.xlsx"

    def _get_xlsx_fields(self):
        """Names of the fields of an outcome that are columns, in their order."""
        return [
            "date",
            "partner_id",
            "outcome",
            "message",
            "amount_untaxed",
            "amount_total",
            "currency_id",
            "move_id",
            "amount_new",
            "previous_amount",
            "previous_date",
            "difference_percent",
            "marks",
            "is_different",
            "is_without_mandate",
            "is_without_email",
            "is_first",
        ]

    def _get_xlsx(self):
        """The outcomes on one sheet, headers in the user's language.

        :return: bytes
        """
        self.ensure_one()
        file = io.BytesIO()
        with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
            self._write_xlsx(book, book.add_worksheet(self.env._("Outcome")))
        return file.getvalue()

    def _write_xlsx(self, book, sheet):
        lines, names = self.line_ids, self._get_xlsx_fields()
        bold, formats = book.add_format({"bold": True}), {}
        for column, name in enumerate(names):
            sheet.write_string(0, column, lines._fields[name]._description_string(self.env), bold)
            sheet.set_column(column, column, COLUMN_WIDTHS.get(name, WIDTH))
        for row, line in enumerate(lines, start=1):
            for column, name in enumerate(names):
                code = line._get_xlsx_format(name)
                if code and code not in formats:
                    formats[code] = book.add_format({"num_format": code})
                self._write_xlsx_cell(sheet, row, column, line._get_xlsx_value(name), formats.get(code))
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, len(lines), len(names) - 1)

    @staticmethod
    def _write_xlsx_cell(sheet, row, column, value, cell_format):
        """Write a cell by its type: a text is never read as a formula, a number or a link."""
        if value is None:
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, date):
            sheet.write_datetime(row, column, value, cell_format)
        elif isinstance(value, float):
            sheet.write_number(row, column, value, cell_format)
        else:
            sheet.write_string(row, column, value[:LONGEST_TEXT])
