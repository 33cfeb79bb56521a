from datetime import datetime, time

from odoo import models

from ...payt_api import PaytPayloadInvalid


class AccountMove(models.Model):
    """Invoices from before PAYT was used."""

    _inherit = "account.move"

    def _get_payt_problem(self):
        """What would keep PAYT from taking this invoice, as a text; ``False`` when nothing is known."""
        self.ensure_one()
        try:
            self.sudo().with_company(self.company_id)._prepare_payt_whole()
        except PaytPayloadInvalid as error:
            return "; ".join(error.problems)
        return False

    def _job_hand_to_payt(self, send_unsent):
        """Job: hand over open invoices; doing it twice hands over nothing twice.

        :param send_unsent: PAYT sends those that were never sent; otherwise it takes all of them as sent
        """
        moves = self.exists().filtered(
            lambda move: move.state == "posted" and move.payt_state in (False, "none", "error")
        )
        unsent = moves.filtered(lambda move: send_unsent and not move.is_move_sent)
        unsent._hand_to_sending()
        for move in (moves - unsent).sudo():
            # noon is the same day in all of Europe
            move.write({"payt_sent_at": datetime.combine(move.invoice_date, time(12)), "payt_sent_by": "odoo"})
        (moves - unsent)._queue_payt_invoices()
        moves.filtered("payt_blocked")._queue_payt_block()
