from odoo import models


class AccountMove(models.Model):
    """What an invoice that becomes a draft again means for what was billed with it."""

    _inherit = "account.move"

    def button_draft(self):
        # EXTENDS 'account': void charges that live again by this have the calls again that they ask money for
        made_room = self._get_reviving_usage_charges()._take_back_calls()
        self._check_not_billed_again()
        result = super().button_draft()
        made_room._book_later()
        return result
