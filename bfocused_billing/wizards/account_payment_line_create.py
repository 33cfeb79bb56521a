from odoo import models
from odoo.fields import Domain


class AccountPaymentLineCreate(models.TransientModel):
    _inherit = "account.payment.line.create"

    def _compute_move_line_domain(self):
        # EXTENDS 'account_payment_order': don't propose what can't be collected yet
        result = super()._compute_move_line_domain()
        day = self.order_id._get_collection_date()
        if day:
            can_be = Domain("move_id.collection_date", "=", False) | Domain("move_id.collection_date", "<=", day)
            self.move_line_domain = list(Domain(self.move_line_domain) & can_be)
        return result
