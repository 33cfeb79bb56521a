from odoo import api, fields, models
from odoo.tools import format_date, formatLang

MARKS = ("is_different", "is_without_mandate", "is_without_email", "is_first")


class BillingRunLine(models.Model):
    """What of an outcome is worth a look before the run is executed, or before its invoices are sent."""

    _inherit = "bfocused.billing.run.line"

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
