from odoo import models


class PaytMirror(models.Model):
    """Notifications and comments: something a person has to look at."""

    _inherit = "payt.mirror"

    def _get_known_notifications(self):
        return self._get_known_subjects()

    def _apply_notifications(self, known):
        partner, move = self._get_subject(known)
        payload = self.payload
        moment = self._read_moment(payload.get("created_at"))
        if not partner or not moment:
            return None
        bounced = payload.get("notification_type") == "mail_bounced"
        details = payload.get("details") or {}
        values = {
            "kind": "mail_bounced" if bounced else "notification",
            "detail": details.get("bounce_reason") if bounced else payload.get("notification_type"),
        }
        return self._put_signal(partner, move, {**values, "moment": moment}, is_done=payload.get("acknowledged_at"))

    def _get_known_notes(self):
        return self._get_known_subjects()

    def _apply_notes(self, known):
        partner, move = self._get_subject(known)
        payload = self.payload
        moment = self._read_moment(payload.get("created_at"))
        if not partner or not moment:
            return None
        user = payload.get("user") or {}
        values = {
            "kind": "comment",
            "detail": payload.get("content"),
            "author": user.get("name") or payload.get("from_email_address"),
            "moment": moment,
        }
        # what a user of PAYT wrote down is no question to anybody
        return self._put_signal(partner, move, values, is_done=payload.get("completed_at"), ask=not user)

    def _put_signal(self, partner, move, values, is_done, ask=True):
        """Keep it under PAYT's id; once somebody saw to it at PAYT, it is done here too."""
        values = {**values, "partner_id": partner.id, "move_id": move.id}
        if is_done or not ask:
            values["state"] = "handled"
        signal = self.env["payt.signal"]._put(self.backend_id, f"{self.resource} {self.payt_id}", values, ask=ask)
        if is_done:
            signal._handle()
        return signal
