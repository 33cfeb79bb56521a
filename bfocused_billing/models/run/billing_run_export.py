import io
from datetime import date

import xlsxwriter

from odoo import models

LONGEST_TEXT = 32767  # characters in a cell
COLUMN_WIDTHS = {"partner_id": 34, "message": 50, "marks": 34, "move_id": 20}
WIDTH = 14


class BillingRun(models.Model):
    """The outcomes of a run as a spreadsheet."""

    _inherit = "bfocused.billing.run"

    # === ACTIONS

    def action_export_xlsx(self):
        """Download the outcomes, of a preview or of the run itself."""
        self.ensure_one()
        self.check_access("read")
        return {"type": "ir.actions.act_url", "url": f"/bfocused_billing/run/{self.id}/xlsx", "target": "download"}

    # === BUSINESS

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
