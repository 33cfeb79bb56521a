from odoo import models


class PaytBackend(models.Model):
    """What PAYT did about the invoices of a connection."""

    _inherit = "payt.backend"

    # === BUSINESS

    def _forget_dunning(self):
        # EXTENDS 'bfocused_payt_connector' (connection)
        moves = self._find_told_moves()
        moves.write(
            {
                "payt_block_asked": False,
                "payt_state_before": False,
                "payt_step_state": False,
                "payt_told_at": False,
                "payt_open_amount": 0.0,
                "payt_public_url": False,
            }
        )
        moves.payt_event_ids.unlink()
        for model in ("payt.credit.case", "payt.signal"):
            self.env[model].search([("backend_id", "=", self.id)]).unlink()
