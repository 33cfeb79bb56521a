from odoo import api, fields, models
from odoo.tools import format_date, formatLang

MARKS = ("is_different", "is_without_mandate", "is_without_email", "is_first")  # fields, in the order they are told
OF_PREVIOUS = {"previous_amount", "previous_date", "difference_percent"}


class BillingRunLine(models.Model):
    """What came out of a billing run for one customer, and what of it deserves a look."""

    _name = "bfocused.billing.run.line"
    _description = "Billing Run Outcome"
    _order = "run_id desc, outcome, partner_id, id"

    run_id = fields.Many2one(
        "bfocused.billing.run", string="Billing run", required=True, index=True, ondelete="cascade"
    )
    active = fields.Boolean(default=True, help="Not active: another try of this run came to something else.")
    company_id = fields.Many2one(related="run_id.company_id", store=True, index=True)
    date = fields.Date(related="run_id.date", store=True)
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="restrict")
    outcome = fields.Selection(
        selection=[("invoiced", "Invoiced"), ("deferred", "Deferred"), ("held", "Held"), ("failed", "Failed")],
        required=True,
        help="Deferred: under the minimum amount, waits for the quarter turn. Held: can't be collected or invoiced "
        "until somebody sets right what the reason names. Failed: something nobody foresaw went wrong for this "
        "customer only.",
    )
    currency_id = fields.Many2one("res.currency", required=True)
    amount_untaxed = fields.Monetary(string="Untaxed amount", help="Excluding VAT.")
    amount_total = fields.Monetary(string="Total", help="Including VAT.")
    move_id = fields.Many2one("account.move", string="Invoice", index="btree_not_null", ondelete="set null")
    message = fields.Char(string="Reason")
    amount_new = fields.Monetary(
        string="New charges",
        help="Excluding VAT: what this run adds, without what waited already. This is what is compared.",
    )
    previous_amount = fields.Monetary(
        string="Previous run",
        help="New charges of the customer in the run it is compared with: the last of the same kind (quarter turn or "
        "other month) with something to bill, or else the last with something to bill.",
    )
    previous_date = fields.Date(string="Date of previous run")
    difference_percent = fields.Float(
        string="Difference (%)",
        digits=(16, 1),
        aggregator=None,
        help="Between the new charges of the customer, all its outcomes in this run together, and the previous run.",
    )
    is_different = fields.Boolean(
        string="Differs", help="From the previous run by more than the percentage in the settings."
    )
    is_without_mandate = fields.Boolean(string="No mandate", help="Held, as there is no mandate to collect it with.")
    is_without_email = fields.Boolean(
        string="No e-mail address", help="The invoice would be sent by e-mail, and its address has none."
    )
    is_first = fields.Boolean(string="First in a run", help="No run invoiced or deferred anything for it before.")
    is_marked = fields.Boolean(string="Marked", index=True, help="At least one of the marks is set.")
    marks = fields.Char(compute="_compute_marks")

    # === COMPUTE

    @api.depends(*MARKS, "difference_percent", "previous_date")
    @api.depends_context("lang")
    def _compute_marks(self):
        for line in self:
            line.marks = ", ".join(line._get_marks())

    def _get_marks(self):
        """The marks in words, in the user's language."""
        self.ensure_one()
        labels = {name: self._fields[name]._description_string(self.env) for name in MARKS}
        if self.is_different:
            labels["is_different"] = self.env._(
                "%(percent)s%% against %(date)s",
                percent=f"{'+' * (self.difference_percent > 0)}{formatLang(self.env, self.difference_percent, 1)}",
                date=format_date(self.env, self.previous_date),
            )
        return [label for name, label in labels.items() if self[name]]

    # === ACTIONS

    def action_open(self):
        """Open what the outcome is about: the invoice, or else the customer whose data needs mending."""
        self.ensure_one()
        return (self.move_id or self.partner_id)._get_records_action()

    # === BUSINESS: SPREADSHEET

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
