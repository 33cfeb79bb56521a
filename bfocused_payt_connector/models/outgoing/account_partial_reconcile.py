from odoo import api, models


class AccountPartialReconcile(models.Model):
    """Each reconciliation, and its end, changes what is open: PAYT hears of it."""

    _inherit = "account.partial.reconcile"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account'
        partials = super().create(vals_list)
        partials._get_payt_moves()._queue_payt_update()
        return partials

    def unlink(self):
        # EXTENDS 'account'
        moves = self._get_payt_moves()
        result = super().unlink()
        moves.exists()._queue_payt_update()
        return result

    def _get_payt_moves(self):
        """The invoices and credit notes at both sides, and those whose payment this is, returned or used elsewhere.

        What is done here because PAYT said so, PAYT needn't hear.
        """
        lines = (self.debit_move_id | self.credit_move_id | self.origin_returned_move_ids).sudo()
        if self.env.context.get("payt_following"):
            lines = lines.filtered(lambda line: line.payment_id.payt_is_forgotten)
        return (lines.move_id | lines.payment_id.payt_move_id).filtered(
            lambda move: move.payt_state not in (False, "none")
        )

    def _get_payt_reversal_code(self):
        """The bank's reason for taking back the payment of this reconciliation; empty where there is none."""
        self.ensure_one()
        line = (
            self.env["payment.return.line"]
            .sudo()
            .search(
                [
                    ("move_line_ids", "in", self.credit_move_id.ids),
                    ("return_id.move_id", "=", self.debit_move_id.move_id.id),
                ],
                limit=1,
            )
        )
        return line.reason_id.code or ""
