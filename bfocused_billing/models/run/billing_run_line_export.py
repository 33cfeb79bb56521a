from odoo import models

OF_PREVIOUS = {"previous_amount", "previous_date", "difference_percent"}


class BillingRunLine(models.Model):
    """An outcome as a row of a spreadsheet."""

    _inherit = "bfocused.billing.run.line"

    def _get_xlsx_value(self, name):
        """What a cell holds: text, float, bool or date; ``None`` leaves it empty.

        :param name: of the field
        """
        self.ensure_one()
        field, value = self._fields[name], self[name]
        if name in OF_PREVIOUS and not self.previous_date:
            return None
        if field.type == "boolean":
            return bool(value)
        if field.type in ("float", "monetary"):
            return float(value)
        if field.type == "selection":
            return dict(field._description_selection(self.env)).get(value)
        if field.type == "many2one":
            return value.display_name or None
        return value or None

    def _get_xlsx_format(self, name):
        """The number format of a cell, or ``None``."""
        kind = self._fields[name].type
        if kind == "date":
            return "yyyy-mm-dd"
        if kind == "monetary":
            decimals = self.currency_id.decimal_places
            return "#,##0" + "." * bool(decimals) + "0" * decimals
        return "0.0" if kind == "float" else None
