from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from odoo.addons.base.models.res_partner import _tz_get

ROLES = {  # field of the profile -> role of the column
    "column_number": "number",
    "column_number_fallback": "number_fallback",
    "column_dialled": "dialled",
    "column_started": "started",
    "column_time": "time",
    "column_duration": "duration",
    "column_amount": "amount",
    "column_class": "class",
    "column_reference": "reference",
    "column_disposition": "disposition",
}


class UsageProfile(models.Model):
    """How a supplier writes its call records, and how they are rated."""

    _name = "bfocused.usage.profile"
    _description = "Profile of Call Records"
    _order = "sequence, name, id"
    _check_company_auto = True

    name = fields.Char(required=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", index=True, help="Empty: for all companies.")
    # the file
    separator = fields.Selection(
        [("comma", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab"), ("pipe", "Vertical bar")],
        default="comma",
        required=True,
    )
    quote = fields.Char(string="Quotation mark", size=1, default='"')
    decimal_mark = fields.Selection([("point", "Point"), ("comma", "Comma")], default="point", required=True)
    encoding = fields.Selection(
        [("utf-8", "UTF-8"), ("latin-1", "Latin-1"), ("cp1252", "Windows-1252")], default="utf-8", required=True
    )
    tz = fields.Selection(
        selection=_tz_get,
        string="Time zone",
        default="Europe/Amsterdam",
        required=True,
        help="Of the times in the file.",
    )
    date_format = fields.Selection(
        [
            ("iso", "2026-01-31 23:59:59"),
            ("dmy", "31-01-2026 23:59:59"),
            ("mdy", "01/31/2026 23:59:59"),
            ("compact", "20260131235959"),
        ],
        default="iso",
        required=True,
    )
    duration_unit = fields.Selection(
        [("seconds", "Seconds"), ("clock", "Hours:minutes:seconds")], default="seconds", required=True
    )
    number_format = fields.Selection(
        [("dialled", "As dialled, or with + or 00"), ("e164", "International without + or 00")],
        default="dialled",
        required=True,
    )
    has_header = fields.Boolean(string="First row names the columns", default=True)
    columns = fields.Text(
        string="All columns",
        help="Names of all columns in the order of the file, separated by commas, for a file without such a row. "
        "Columns at the end may be missing from the file.",
    )
    # which column is what
    column_number = fields.Char(string="Number", required=True, help="Number, extension or account that pays.")
    column_number_fallback = fields.Char(string="Number, else", help="Used in rows where the number is empty.")
    column_dialled = fields.Char(string="Dialled number", required=True)
    column_started = fields.Char(string="Started", required=True, help="Date and time, or the date alone.")
    column_time = fields.Char(string="Time", help="Where it has a column of its own.")
    column_duration = fields.Char(string="Duration", required=True, help="Of what is billed.")
    column_amount = fields.Char(string="Amount", help="What the supplier asks, in the company's currency, without VAT.")
    column_class = fields.Char(string="Destination class", help="The supplier's own; classes that are new are made.")
    column_reference = fields.Char(string="Reference", help="What makes a call unique to the supplier.")
    column_disposition = fields.Char(string="Outcome")
    billed_dispositions = fields.Char(
        string="Outcomes that are billed", help="Separated by commas, for example ANSWERED. Empty: all are."
    )
    # rating
    rating = fields.Selection(
        [("supplier", "Supplier's amount with a margin"), ("tariff", "Tariff by dial prefix")],
        default="supplier",
        required=True,
    )
    margin_percent = fields.Float(string="Margin (%)", digits=(16, 4))
    tariff_id = fields.Many2one(
        comodel_name="bfocused.usage.tariff",
        check_company=True,
        ondelete="restrict",
        help="Of numbers without a tariff of their own. With supplier's amounts it only tells the destination class.",
    )

    _margin_sensible = models.Constraint("CHECK (margin_percent >= -100)", "The margin can't be under -100%.")

    # === CONSTRAINTS

    @api.constrains("rating", "column_amount")
    def _check_amount(self):
        for profile in self:
            if profile.rating == "supplier" and not profile.column_amount:
                raise ValidationError(self.env._("%s needs a column with the supplier's amount.", profile.name))

    @api.constrains("has_header", "columns")
    def _check_columns(self):
        for profile in self:
            if not profile.has_header and not profile._get_column_names():
                raise ValidationError(
                    self.env._("%s has no row that names the columns, so name them all here.", profile.name)
                )

    # === BUSINESS

    def _get_separator(self):
        return {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[self.separator]

    def _get_column_names(self):
        return [name.strip() for name in (self.columns or "").split(",") if name.strip()]

    def _get_billed_values(self):
        return [value.strip().upper() for value in (self.billed_dispositions or "").split(",") if value.strip()]

    def _is_billed(self, cells):
        values = self._get_billed_values()
        return not values or "disposition" not in cells or cells["disposition"].upper() in values

    def _get_positions(self, first_row):
        """Where the columns stand.

        :param first_row: cells of the first row of the file
        :return: dict of index by role
        :raise UserError: when a column is missing
        """
        self.ensure_one()
        names = first_row if self.has_header else self._get_column_names()[: len(first_row)]
        indexes = {name.strip().lower(): index for index, name in enumerate(names)}
        wanted = {role: self[name].strip() for name, role in ROLES.items() if self[name]}
        optional = set() if self.has_header else {"reference"}
        missing = [name for role, name in wanted.items() if name.lower() not in indexes and role not in optional]
        if missing:
            raise UserError(
                self.env._(
                    "The file doesn't fit the profile %(profile)s. These columns are missing: %(columns)s.",
                    profile=self.name,
                    columns=", ".join(missing),
                )
            )
        return {role: indexes[name.lower()] for role, name in wanted.items() if name.lower() in indexes}
