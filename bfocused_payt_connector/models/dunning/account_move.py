from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, format_datetime

from ...const import INVOICE_STEPS, SEVERITY
from ...handlers.payload import read_moment
from ..outgoing.account_move import STATES

# what our own side says, which a reading doesn't overrule: something has to go to PAYT, or didn't get there
LOCAL_STATES = ("queued", "error")
# none of it is bookkeeping: Odoo needn't read the journal items to see whether they still add up
NO_BOOKKEEPING = {"check_move_validity": False, "skip_invoice_sync": True}
WARNING = "mail.mail_activity_data_warning"
# what PAYT doesn't have any more once somebody deleted it there
FORGOTTEN = (
    *("payt_invoice_id", "payt_url", "payt_public_url", "payt_pushed_at", "payt_open_amount"),
    *("payt_step_state", "payt_block_asked", "payt_money_told"),
)
NOT_FOUND = "not_found"  # PAYT's word for an invoice it doesn't have
STEP_STATES = [(state, label) for state, label in STATES if state in (*SEVERITY, "paid")]


class AccountMove(models.Model):
    """What PAYT does about an invoice: its dunning timeline and the state that follows from it.

    The follow-up can be stopped, and resumed.
    """

    _inherit = "account.move"

    payt_event_ids = fields.One2many("payt.event", "move_id", string="PAYT's timeline", copy=False, readonly=True)
    payt_step_state = fields.Selection(
        STEP_STATES,
        string="How far PAYT got",
        copy=False,
        readonly=True,
        help="By the last reading, whether or not the follow-up stands still.",
    )
    payt_told_at = fields.Datetime(copy=False, readonly=True, help="When PAYT took something about it last.")
    payt_open_amount = fields.Monetary(
        string="Still open at PAYT",
        copy=False,
        readonly=True,
        help="What PAYT said is open; negative for a credit note.",
    )
    payt_public_url = fields.Char(
        string="Page for the customer",
        copy=False,
        readonly=True,
        help="Where the customer sees and pays the invoice at PAYT. Whoever has this address needs no password.",
    )
    payt_credit_case_ids = fields.Many2many(
        "payt.credit.case",
        "payt_credit_case_move_rel",
        "move_id",
        "case_id",
        string="Credit cases",
        copy=False,
        context={"active_test": False},
    )

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

    # === BUSINESS: STOPPING AND RESUMING

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

    def _queue_payt_block(self):
        """PAYT knows the invoice by then, as the outbox sends invoices before."""
        known = self.filtered(lambda move: move._is_known_at_payt() and not move.payt_block_asked)
        known._queue_payt("invoice_block").sudo().write({"payt_block_asked": True})

    def _queue_payt_resume(self):
        blocked = self.filtered(lambda move: move.payt_block_asked and not move._is_payt_block_wanted())
        blocked._queue_payt("invoice_resume")

    def _prepare_payt_invoice_block(self, backend):
        self.ensure_one()
        if not self._is_payt_block_wanted() or not self._is_known_at_payt():
            return None
        return {"invoice_number": self._get_payt_key_invoice()}

    def _prepare_payt_invoice_resume(self, backend):
        self.ensure_one()
        if self._is_payt_block_wanted() or not self.payt_block_asked:
            return None
        return {"invoice_number": self._get_payt_key_invoice()}

    # === BUSINESS: WHAT PAYT SAYS

    def _follow_payt(self, payload, read_at):
        """Do what PAYT says of this invoice; saying it again changes nothing.

        :param payload: PAYT's invoice
        :param read_at: when it was read
        """
        self.ensure_one()
        self = self.with_context(**NO_BOOKKEEPING)
        new = self.env["payt.event"]._note_invoice(self, payload)
        ours = self.payt_state
        if sent_at := read_moment(payload.get("sent_at")):
            self._mark_sent_by_payt(sent_at)
        values = self._prepare_payt_reading(payload)
        if ours not in LOCAL_STATES:
            is_older = bool(self.payt_told_at and read_at and read_at < self.payt_told_at)
            values["payt_state"] = self._get_payt_state_read(payload, ours if is_older else None)
        elif self.payt_state != ours:
            values["payt_state"] = ours
        self._write_changed(values)
        new._tell()

    def _prepare_payt_reading(self, payload):
        return {
            "payt_invoice_id": str(payload["id"]),
            "payt_url": payload.get("deeplink_url") or False,
            "payt_public_url": payload.get("public_url") or False,
            "payt_open_amount": float(payload.get("open_amount") or 0),
            "payt_step_state": self._get_payt_step_state(payload),
            "payt_synced_at": fields.Datetime.now(),
        }

    def _get_payt_step_state(self, payload):
        """How far PAYT got, by the last step that has a moment."""
        if self._is_payt_paid(payload):
            return "paid"
        reached = [state for name, _kind, state in INVOICE_STEPS if state and payload.get(name)]
        return max(reached, key=SEVERITY.index, default="pushed")

    @api.model
    def _is_payt_paid(self, payload):
        """Also when more was paid than asked: then the open amount has the other sign than the total."""
        still_open = payload.get("open_amount")
        if still_open in (None, ""):
            return bool(payload.get("payment_date"))
        sign = -1 if float(payload.get("total_amount") or 0) < 0 else 1
        return float_compare(sign * float(still_open), 0, precision_digits=2) <= 0

    def _get_payt_state_read(self, payload, told=None):
        """The state by what PAYT says.

        :param told: the present state, when PAYT took something of us since it said this: whether the invoice is paid,
            or stands still, is then as we told it, and PAYT will say so too
        """
        step = self._get_payt_step_state(payload)
        if told:
            is_paid, is_paused = told == "paid", told == "paused"
            step = "paid" if is_paid else self._get_payt_step_state({**payload, "open_amount": "1.00"})
        else:
            is_paid, is_paused = step == "paid", bool(payload.get("paused_at"))
        return "paused" if is_paused and not is_paid else step

    def _write_changed(self, values):
        changed = {
            name: value
            for name, value in values.items()
            if self._fields[name].convert_to_cache(value, self) != self._fields[name].convert_to_cache(self[name], self)
        }
        if changed:
            self.write(changed)

    # === DELETED AT PAYT

    def _follow_payt_deletion(self, payt_id, deleted_at):
        """Say that PAYT doesn't have this invoice any more.

        :param payt_id: PAYT's id of what was deleted
        :param deleted_at: in UTC, without time zone
        """
        self.ensure_one()
        if self._is_older_deletion(payt_id, deleted_at):
            return
        backend = self.company_id._get_payt_backend()
        localized = self.with_context(lang=backend._get_person(self).lang)
        message = localized.env._(
            "Deleted at PAYT on %s. Nobody reminds the customer now: send it to PAYT again, or follow it up yourself.",
            format_datetime(localized.env, deleted_at, tz=self.company_id._get_payt_tz(), dt_format="short"),
        )
        is_open = self._is_open_without_payt()
        localized.write(self._prepare_payt_deletion(deleted_at, message if is_open else False))
        payments = self.env["account.payment"].sudo().search([("payt_move_id", "=", self.id)])
        payments.filtered("payt_payment_id").payt_is_forgotten = True
        self.env["payt.event"]._note(localized, {"deleted": deleted_at})
        if backend._is_news(deleted_at):
            localized._message_log(body=message)
            if is_open:
                backend._ask_person(localized, localized.env._("PAYT: deleted there"), message, WARNING)

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

    # === BUSINESS: WHAT PAYT TOOK

    def _payt_taken_invoice_block(self, backend, answer):
        now = fields.Datetime.now()
        for move in self.sudo():
            values = {"payt_state": "paused", "payt_message": False, "payt_synced_at": now, "payt_told_at": now}
            if move.payt_state != "paused" and not (move.payt_state == "error" and move.payt_state_before):
                values["payt_state_before"] = move.payt_state
            # also after a refusal, when somebody tried again: without it nobody could resume
            move.write({**values, "payt_block_asked": True})
            move._queue_payt_resume()

    def _payt_taken_invoice_resume(self, backend, answer):
        now = fields.Datetime.now()
        for move in self.sudo():
            values = {"payt_block_asked": False, "payt_message": False, "payt_synced_at": now, "payt_told_at": now}
            state = move.payt_state
            if state in ("paused", "error"):
                state = move.payt_state_before or "pushed"
                values["payt_state_before"] = False
            # PAYT may have got further meanwhile
            if state in SEVERITY and move.payt_step_state in SEVERITY:
                state = max(state, move.payt_step_state, key=SEVERITY.index)
            move.write({**values, "payt_state": state})

    def _payt_refused_invoice_block(self, backend, reasons):
        self.sudo().payt_block_asked = False
        if not all(NOT_FOUND in reason for reason in reasons):  # what never arrived needs no stopping
            for move in self.sudo().filtered(lambda move: move.payt_state not in ("paused", "error")):
                move.payt_state_before = move.payt_state
            self._set_payt_error("; ".join(reasons))

    def _payt_refused_invoice_resume(self, backend, reasons):
        self._set_payt_error("; ".join(reasons))
