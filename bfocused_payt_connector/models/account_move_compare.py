from odoo import models


class AccountMove(models.Model):
    """An open invoice as PAYT sees it."""

    _inherit = "account.move"

    def _get_payt_open(self):
        """What PAYT should have open: as it is told to PAYT, with the sign of the document."""
        self.ensure_one()
        if self.state == "cancel":
            return 0.0
        sign = -1 if self.move_type == "out_refund" else 1
        return self.currency_id.round(sign * self.amount_residual)
