from odoo import models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    def _is_billed_again(self):
        """Whether this line of a credit note frees what it credits: for the next run, or the corrected invoice."""
        self.ensure_one()
        charges = self.refunded_line_id.sudo().charge_ids
        return self.is_corrected or any(
            charge.reversal_line_id == self and charge.state == "void" for charge in charges
        )
