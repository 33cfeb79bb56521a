from odoo import fields, models

from ...usage import LooseMany2one


class UsageFormer(models.Model):
    """A call that a void charge had before it was billed again. Should the charge live again, the call comes back."""

    _name = "bfocused.usage.former"
    _description = "Call of a Void Charge"
    _log_access = False
    _rec_name = "record_id"

    charge_id = fields.Many2one("bfocused.billing.charge", required=True, ondelete="cascade")
    record_id = LooseMany2one("bfocused.usage.record", string="Call", required=True, index=True, ondelete="restrict")
    amount = fields.Float(digits=(16, 6), help="What the customer was asked for it, excluding VAT.")

    _once = models.UniqueIndex("(charge_id, record_id)", "This call is remembered already.")
