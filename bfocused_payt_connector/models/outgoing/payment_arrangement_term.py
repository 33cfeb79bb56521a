from odoo import fields, models


class PaymentArrangementTerm(models.Model):
    _inherit = "bfocused.payment.arrangement.term"

    payt_term_id = fields.Char(string="PAYT's id", readonly=True, copy=False)
    payt_open_amount = fields.Monetary(string="Still open at PAYT", readonly=True, copy=False)
    paid_date = fields.Date(string="Paid on", readonly=True, copy=False)
    is_late_told = fields.Boolean(readonly=True, copy=False, help="A person knows that it is late.")
