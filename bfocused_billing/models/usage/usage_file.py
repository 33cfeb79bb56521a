from odoo import api, fields, models
from odoo.exceptions import UserError

from ...usage import Loader


class UsageFile(models.Model):
    """A file that was imported: what stood in it, and what came of it."""

    _name = "bfocused.usage.file"
    _description = "File of Call Records"
    _order = "id desc"
    _check_company_auto = True

    name = fields.Char(string="File", required=True)
    company_id = fields.Many2one("res.company", required=True, index=True)
    currency_id = fields.Many2one(related="company_id.currency_id")
    profile_id = fields.Many2one("bfocused.usage.profile", required=True, ondelete="restrict", check_company=True)
    checksum = fields.Char(help="SHA-1 of the content.", index=True)
    earlier_id = fields.Many2one("bfocused.usage.file", string="Same as", help="An earlier import of the same content.")
    record_ids = fields.One2many("bfocused.usage.record", inverse_name="file_id", string="Calls")
    refusal_ids = fields.One2many("bfocused.usage.refusal", inverse_name="file_id", string="Refused rows")
    # rows: row_count is the sum of the four after it
    row_count = fields.Integer(string="Rows")
    new_count = fields.Integer(string="New")
    duplicate_count = fields.Integer(string="Known already")
    skipped_count = fields.Integer(string="Not to be billed")
    refused_count = fields.Integer(string="Refused")
    unknown_count = fields.Integer(string="Of unknown numbers", help="Of the new rows, when the file was imported.")
    unrated_count = fields.Integer(string="Without rate", help="Of the new rows, when the file was imported.")
    # in seconds
    seconds_file = fields.Float(string="Seconds in the file", digits=(16, 0))
    seconds_new = fields.Float(string="Seconds stored", digits=(16, 0))
    seconds_left_out = fields.Float(string="Seconds known or not billed", digits=(16, 0))
    seconds_difference = fields.Float(compute="_compute_differences", digits=(16, 0))
    # what the supplier asks, in the company's currency
    cost_file = fields.Float(string="Supplier's amount in the file", digits=(16, 6))
    cost_new = fields.Float(string="Supplier's amount stored", digits=(16, 6))
    cost_waiting = fields.Float(string="Of which waits", digits=(16, 6), help="For a number or a rate.")
    cost_left_out = fields.Float(string="Supplier's amount known or not billed", digits=(16, 6))
    cost_difference = fields.Float(compute="_compute_differences", digits=(16, 6))
    row_difference = fields.Integer(string="Difference in rows", compute="_compute_differences")
    is_balanced = fields.Boolean(compute="_compute_differences", string="Everything accounted for")
    amount_booked = fields.Float(
        string="Booked for customers", digits=(16, 6), help="When the file was imported, in the company's currency."
    )
    waiting_count = fields.Integer(string="Still waiting", compute="_compute_waiting_count")

    # === COMPUTE

    @api.depends(
        "row_count",
        "new_count",
        "duplicate_count",
        "skipped_count",
        "refused_count",
        "seconds_file",
        "seconds_new",
        "seconds_left_out",
        "cost_file",
        "cost_new",
        "cost_left_out",
    )
    def _compute_differences(self):
        for file in self:
            accounted = file.new_count + file.duplicate_count + file.skipped_count + file.refused_count
            file.row_difference = file.row_count - accounted
            file.seconds_difference = file.seconds_file - file.seconds_new - file.seconds_left_out
            file.cost_difference = round(file.cost_file - file.cost_new - file.cost_left_out, 6)
            file.is_balanced = not (file.row_difference or file.seconds_difference or file.cost_difference)

    @api.depends("record_ids.charge_id")
    def _compute_waiting_count(self):
        counts = dict(
            self.env["bfocused.usage.record"]._read_group(
                [("file_id", "in", self.ids), ("charge_id", "=", False)], ["file_id"], ["__count"]
            )
        )
        for file in self:
            file.waiting_count = counts.get(file, 0)

    # === CRUD

    @api.ondelete(at_uninstall=False)
    def _unlink_except_empty(self):
        if any(self.mapped("new_count")):
            raise UserError(self.env._("A file whose calls were stored can't be deleted."))

    # === BUSINESS

    def _load(self, content):
        """Store, rate and book the calls of the file.

        :param content: bytes
        """
        self.ensure_one()
        loader = Loader(self, content)
        self.write(loader.run())
        self.env["bfocused.usage.refusal"].create(
            [
                {"file_id": self.id, "row_number": line, "reason": reason, "content": written}
                for line, reason, written in loader.refusals
            ]
        )

    # === ACTIONS

    def action_open_records(self):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.usage_record_action"),
            "domain": [("file_id", "=", self.id)],
            "context": {},
        }
