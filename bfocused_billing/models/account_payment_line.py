from odoo import fields, models


class AccountPaymentLine(models.Model):
    _inherit = "account.payment.line"

    mandate_debited_before = fields.Date(
        readonly=True, copy=False, help="Last debit of the mandate before this one, for an order that is cancelled."
    )
