from odoo import models


class AccountMove(models.Model):
    """When an invoice goes to PAYT, and what becomes of it there when it is corrected or cancelled here."""

    _inherit = "account.move"

    def _post(self, soft=True):
        # EXTENDS 'account'
        posted = super()._post(soft=soft)
        documents = posted.filtered(lambda move: move.is_sale_document() and move._get_payt_backend())
        if documents:
            known = documents.filtered(lambda move: move._is_known_at_payt())
            known._queue_payt_update()
            known._queue_payt_resume()
            known.filtered(lambda move: move._lacks_payt_document())._hand_to_sending()
            (documents - known)._hand_to_payt_on_posting()
        return posted

    def button_draft(self):
        # EXTENDS 'account': PAYT waits while an invoice is corrected
        result = super().button_draft()
        self._queue_payt_block()
        return result

    def button_cancel(self):
        # EXTENDS 'account'
        known = self.filtered(lambda move: move._is_known_at_payt())
        result = super().button_cancel()
        known._queue_payt("invoice")
        return result

    def _hand_to_payt_on_posting(self):
        """Have the documents made and handed over by the job that sends. The billing run does that itself."""
        moves = self.filtered(
            lambda move: (
                move.company_id.payt_on_posting
                and not (move.company_id.billing_auto_send and self.env.context.get("billing_posting_batch"))
                and move.commercial_partner_id._is_sent_by_payt(move.company_id)
            )
        )
        moves._hand_to_sending()
