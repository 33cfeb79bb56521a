from odoo import models
from odoo.fields import Domain


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

    def _get_reviving_usage_charges(self):
        """Charges of calls, void by the state of these invoices and credit notes alone."""
        void = self.env["bfocused.billing.charge"].sudo()
        void = void.search(
            Domain("kind", "=", "usage")
            & Domain("state", "=", "void")
            & (Domain("move_id", "in", self.ids) | Domain("reversal_line_id.move_id", "in", self.ids))
        )
        others = (void.move_id | void.reversal_line_id.move_id) - self
        cancelled = others.filtered(lambda move: move.state == "cancel")
        posted = others.filtered(lambda move: move.state == "posted")
        return void.filtered(
            lambda charge: charge.move_id not in cancelled and charge.reversal_line_id.move_id not in posted
        )
