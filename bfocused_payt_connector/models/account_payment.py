from odoo import fields, models


class AccountPayment(models.Model):
    _inherit = "account.payment"

    payt_payment_id = fields.Char(
        string="PAYT's payment",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="PAYT's id of a payment that it told us of. Such a payment isn't told to PAYT again.",
    )
