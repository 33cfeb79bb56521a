from odoo import fields, models


class UsageRefusal(models.Model):
    """A row of a file that couldn't be read, as it was written."""

    _name = "bfocused.usage.refusal"
    _description = "Refused Row of Call Records"
    _order = "file_id desc, row_number"
    _rec_name = "reason"

    file_id = fields.Many2one("bfocused.usage.file", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="file_id.company_id", store=True, index=True)
    row_number = fields.Integer(string="Line", aggregator=None, help="Line of the file; the first is line 1.")
    reason = fields.Char()
    content = fields.Char(string="Row")
