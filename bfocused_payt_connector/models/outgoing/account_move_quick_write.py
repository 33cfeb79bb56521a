from odoo import models

# what isn't ours, but changes nothing in the books either
HARMLESS = ("is_move_sent",)
QUICK = {
    "check_move_validity": False,
    "skip_account_move_synchronization": True,
    "skip_invoice_line_sync": True,
    "skip_invoice_sync": True,
    "skip_is_manually_modified": True,
}


class AccountMove(models.Model):
    """What PAYT says of an invoice changes none of its journal items, and nobody modified it by hand."""

    _inherit = "account.move"

    def write(self, vals):
        # EXTENDS 'account': looking through the journal items for changes takes much longer than writing
        if vals and all(name.startswith("payt_") or name in HARMLESS for name in vals):
            return super(AccountMove, self.with_context(**QUICK)).write(vals)
        return super().write(vals)
