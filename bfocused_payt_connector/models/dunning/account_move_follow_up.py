from odoo import fields, models
from odoo.exceptions import UserError

UNKNOWN = "not_found"  # PAYT's word for an invoice it doesn't have


class AccountMove(models.Model):
    """Stopping and resuming PAYT's follow-up of an invoice."""

    _inherit = "account.move"

    payt_blocked = fields.Boolean(string="PAYT's follow-up stopped", copy=False, readonly=True, tracking=True)
    payt_block_reason = fields.Char(
        string="Why PAYT waits", copy=False, readonly=True, tracking=True, groups="base.group_user"
    )
    payt_block_asked = fields.Boolean(copy=False, readonly=True, help="PAYT was asked to stop, and not to go on since.")
    payt_state_before = fields.Char(copy=False, readonly=True, help="The PAYT state before the follow-up was stopped.")

    # === ACTIONS

    def action_payt_block(self):
        """Ask why, then have PAYT stop reminding (a dispute)."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Stop PAYT's follow-up"),
            "res_model": "payt.block",
            "view_mode": "form",
            "target": "new",
            "context": {"default_move_id": self.id},
        }

    def action_payt_resume(self):
        """Have PAYT go on."""
        self.check_access("write")
        blocked = self.filtered("payt_blocked")
        blocked.write({"payt_blocked": False, "payt_block_reason": False})
        blocked._queue_payt_resume()

    # === BUSINESS

    def _payt_block(self, reason):
        """Have PAYT stop following up these invoices until somebody resumes.

        :param reason: why, for our own people; PAYT doesn't ask
        """
        self.check_access("write")
        if self.filtered(lambda move: move.state != "posted" or move.payt_state in (False, "none")):
            raise UserError(self.env._("PAYT follows up posted invoices that were handed over to it."))
        self.write({"payt_blocked": True, "payt_block_reason": reason})
        self._queue_payt_block()

    def _is_payt_block_wanted(self):
        """A dispute, or an invoice that is being corrected."""
        self.ensure_one()
        return self.payt_blocked or self.state == "draft"

    # === QUEUE

    def _queue_payt_block(self):
        """PAYT knows the invoice by then, as the outbox sends invoices before."""
        known = self.filtered(lambda move: move._is_known_at_payt() and not move.payt_block_asked)
        known._queue_payt("invoice_block").sudo().write({"payt_block_asked": True})

    def _queue_payt_resume(self):
        blocked = self.filtered(lambda move: move.payt_block_asked and not move._is_payt_block_wanted())
        blocked._queue_payt("invoice_resume")

    # === WHAT GOES TO PAYT

    def _get_payt_key_invoice_block(self):
        return self._get_payt_key_invoice()

    def _get_payt_key_invoice_resume(self):
        return self._get_payt_key_invoice()

    def _prepare_payt_invoice_block(self, backend):
        self.ensure_one()
        if not self._is_payt_block_wanted() or not self._is_known_at_payt():
            return None
        return {"invoice_number": self._get_payt_key_invoice_block()}

    def _prepare_payt_invoice_resume(self, backend):
        self.ensure_one()
        if self._is_payt_block_wanted() or not self.payt_block_asked:
            return None
        return {"invoice_number": self._get_payt_key_invoice_resume()}

    def _payt_taken_invoice_block(self, backend, answer):
        for move in self.sudo():
            values = {"payt_state": "paused", "payt_message": False, "payt_synced_at": fields.Datetime.now()}
            if move.payt_state != "paused" and not (move.payt_state == "error" and move.payt_state_before):
                values["payt_state_before"] = move.payt_state
            # also after a refusal, when somebody tried again: without it nobody could resume
            move.write({**values, "payt_block_asked": True})
            move._queue_payt_resume()

    def _payt_taken_invoice_resume(self, backend, answer):
        for move in self.sudo():
            values = {"payt_block_asked": False, "payt_message": False, "payt_synced_at": fields.Datetime.now()}
            if move.payt_state in ("paused", "error"):
                values |= {"payt_state": move.payt_state_before or "pushed", "payt_state_before": False}
            move.write(values)

    def _payt_refused_invoice_block(self, backend, reasons):
        self.sudo().payt_block_asked = False
        if not all(UNKNOWN in reason for reason in reasons):  # what never arrived needs no stopping
            for move in self.sudo().filtered(lambda move: move.payt_state not in ("paused", "error")):
                move.payt_state_before = move.payt_state
            self._set_payt_error("; ".join(reasons))

    def _payt_refused_invoice_resume(self, backend, reasons):
        self._set_payt_error("; ".join(reasons))
