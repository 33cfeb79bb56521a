from odoo import fields, models


class PaytReversal(models.Model):
    """What one reversal of PAYT took back of one payment: all of it, or a part."""

    _name = "payt.reversal"
    _description = "PAYT reversal"
    _order = "id"
    _rec_name = "payt_id"

    payment_id = fields.Many2one("account.payment", required=True, readonly=True, index=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    payt_id = fields.Char(string="PAYT's reversal", required=True, readonly=True, help="PAYT's id of the reversal.")
    amount = fields.Monetary(required=True, readonly=True)
    currency_id = fields.Many2one(related="payment_id.currency_id")

    _once = models.UniqueIndex("(company_id, payt_id)", "This reversal of PAYT is booked already.")
