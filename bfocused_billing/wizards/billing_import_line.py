from odoo import fields, models


class BillingImportLine(models.TransientModel):
    _name = "bfocused.billing.import.line"
    _description = "Refused Row of an Import"
    _order = "filename, row_number"

    import_id = fields.Many2one("bfocused.billing.import", required=True, ondelete="cascade")
    filename = fields.Char(string="File")
    row_number = fields.Integer(string="Line", help="Line of the file; the header is line 1.")
    reason = fields.Char()
