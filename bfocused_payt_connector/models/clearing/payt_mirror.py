from odoo import models

from ...handlers import HANDLERS


class PaytMirror(models.Model):
    """Payments that PAYT deleted after they were booked: a person decides."""

    _inherit = "payt.mirror"

    # === ACTIONS

    def action_undo_payment(self):
        """Take back here, with an entry of its own, a payment that PAYT deleted after it was booked."""
        self.check_access("read")
        self.env["account.payment"].check_access("write")
        for row in self.sudo().filtered(lambda row: row.resource == "payments" and row.deleted_at):
            HANDLERS["payments"](row).undo_deleted(row)
            row.action_try_again()
