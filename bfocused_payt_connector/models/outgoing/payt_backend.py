from odoo import models

from ...const import NOT_THERE


class PaytBackend(models.Model):
    """What was told through a connection."""

    _inherit = "payt.backend"

    # === BUSINESS

    def _find_told_moves(self):
        return self.env["account.move"].search(
            [("company_id", "=", self.company_id.id), ("payt_state", "not in", NOT_THERE)]
        )

    def _forget_outgoing(self):
        # EXTENDS 'bfocused_payt_connector' (connection)
        self._forget_debtors()
        self._forget_moves()
        self._forget_mandates()
        self._forget_arrangements()

    def _forget_debtors(self):
        """Debtors keep their numbers."""
        self.env["res.partner"].search([("payt_debtor_state", "in", ("queued", "pushed", "error"))]).write(
            {
                "payt_debtor_state": "none",
                "payt_debtor_message": False,
                "payt_contact_message": False,
                "payt_debtor_synced_at": False,
            }
        )

    def _forget_moves(self):
        self._find_told_moves().write(
            {
                "payt_state": "none",
                "payt_message": False,
                "payt_invoice_id": False,
                "payt_synced_at": False,
                "payt_pushed_at": False,
                "payt_money_told": False,
                "payt_url": False,
                "payt_deleted_at": False,
                "payt_was_deleted": False,
            }
        )

    def _forget_mandates(self):
        self.env["account.banking.mandate"].search(
            [("company_id", "=", self.company_id.id), ("payt_state", "not in", NOT_THERE)]
        ).write({"payt_state": "none", "payt_message": False})

    def _forget_arrangements(self):
        """The number of a plan may mean something else there."""
        arrangements = self.env["bfocused.payment.arrangement"].search(
            [("company_id", "=", self.company_id.id), ("payt_state", "!=", "none")]
        )
        arrangements.write(
            {
                "payt_state": "none",
                "payt_plan_id": False,
                "payt_asked": False,
                "payt_message": False,
                "payt_url": False,
            }
        )
        arrangements.term_ids.write({"payt_term_id": False, "payt_open_amount": 0.0})
