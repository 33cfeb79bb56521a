from odoo import fields, models
from odoo.tools import format_datetime

WARNING = "mail.mail_activity_data_warning"
# what PAYT doesn't have any more
FORGOTTEN = (
    *("payt_invoice_id", "payt_url", "payt_public_url", "payt_pushed_at", "payt_open_amount"),
    *("payt_step_state", "payt_block_asked"),
)


class AccountMove(models.Model):
    """Invoices that somebody deleted at PAYT: shown, and only sent there again when somebody here says so."""

    _inherit = "account.move"

    payt_deleted_at = fields.Datetime(string="Deleted at PAYT", copy=False, readonly=True)
    payt_was_deleted = fields.Boolean(
        copy=False,
        readonly=True,
        help="PAYT is told that it was sent already, if it was, so that nobody gets it twice.",
    )

    # === BUSINESS

    def _follow_payt_deletion(self, payt_id, deleted_at):
        """Say that PAYT doesn't have this invoice any more.

        :param payt_id: PAYT's id of what was deleted
        :param deleted_at: in UTC, without time zone
        """
        self.ensure_one()
        if self._is_older_deletion(payt_id, deleted_at):
            return
        backend = self.company_id._get_payt_backend()
        move = self.with_context(lang=backend._get_person(self).lang)
        message = move.env._(
            "Deleted at PAYT on %s. Nobody reminds the customer now: send it to PAYT again, or follow it up yourself.",
            format_datetime(move.env, deleted_at, tz=self.company_id._get_payt_tz(), dt_format="short"),
        )
        is_open = self._is_open_without_payt()
        move.write(self._prepare_payt_deletion(deleted_at, message if is_open else False))
        payments = self.env["account.payment"].sudo().search([("payt_move_id", "=", self.id)])
        payments.filtered("payt_payment_id").payt_is_forgotten = True
        self.env["payt.event"]._note(move, {"deleted": deleted_at})
        if backend._is_news(deleted_at):
            move._message_log(body=message)
            if is_open:
                backend._ask_person(move, move.env._("PAYT: deleted there"), message, WARNING)

    def _prepare_payt_deletion(self, deleted_at, message):
        values = dict.fromkeys(FORGOTTEN, False)
        values.update(payt_deleted_at=deleted_at, payt_was_deleted=True, payt_synced_at=fields.Datetime.now())
        if message:
            values.update(payt_state="error", payt_message=message)
        return values

    def _is_older_deletion(self, payt_id, deleted_at):
        """Whether PAYT has the invoice again since, or this was said before."""
        if self.payt_deleted_at:
            return self.payt_deleted_at >= deleted_at
        if self.payt_invoice_id:
            return self.payt_invoice_id != payt_id
        return bool(self.payt_told_at and self.payt_told_at > deleted_at)

    def _is_open_without_payt(self):
        return self.state != "cancel" and self.payment_state not in ("paid", "reversed", "in_payment")

    # === WHAT GOES TO PAYT

    def _queue_payt_invoices(self):
        # EXTENDS: somebody sends it (again); PAYT forgot what it took before
        deleted = self.filtered("payt_deleted_at")
        deleted.sudo().write({"payt_deleted_at": False})
        result = super()._queue_payt_invoices()
        self.env["payt.outbox"]._put(deleted, "invoice", force=True)
        deleted.filtered("payt_blocked")._queue_payt_block()
        return result

    def _hand_to_payt_on_posting(self):
        # EXTENDS: nobody said so of a correction
        return super(AccountMove, self.filtered(lambda move: not move.payt_deleted_at))._hand_to_payt_on_posting()

    def _queue_payt_update(self):
        # EXTENDS: what was paid when PAYT deleted it may be open again
        for move in self.filtered(lambda move: move.payt_deleted_at and move.payt_state != "error"):
            if move._is_open_without_payt():
                move._set_payt_error(self.env._("Deleted at PAYT, and open again since."))
        return super()._queue_payt_update()

    def _is_sent_before_deletion(self):
        """Whether PAYT sent it and lost it since: its document isn't needed any more."""
        return self.payt_was_deleted and bool(self.payt_sent_at)

    def _lacks_payt_document(self):
        # EXTENDS
        return not self._is_sent_before_deletion() and super()._lacks_payt_document()

    def _is_ready_for_payt(self, backend):
        # EXTENDS
        if self.payt_deleted_at:
            return False
        is_sent = self.state == "posted" and self._is_sent_before_deletion()
        return is_sent or super()._is_ready_for_payt(backend)

    def _get_payt_sent_at(self):
        # EXTENDS: what PAYT sent before it was deleted isn't sent once more
        if self._is_sent_before_deletion():
            return self.payt_sent_at
        return super()._get_payt_sent_at()
