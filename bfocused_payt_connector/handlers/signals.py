import re
from datetime import timedelta

from odoo.tools import html2plaintext

from . import lookup
from .base import Handler, PaytWaits
from .payload import read_moment

# what a notification or comment is about: the property that names it
SUBJECTS = {"invoices": "invoice_id", "credit_cases": "credit_case_id", "debtors": "debtor_id"}

# what two lists have of one comment may differ so much in time
SAME_COMMENT = timedelta(minutes=10)
# a page, not somebody who writes <never>
MARKUP = re.compile(r"</?(html|body|div|p|br|span|table|a|b|i|strong|em)(\s[^<>]*)?/?>", re.IGNORECASE)


class SignalHandler(Handler):
    """Something a person has to look at, about a customer, an invoice or a credit case."""

    def prepare(self):
        ids = {resource: [row.payload.get(name) for row in self.rows] for resource, name in SUBJECTS.items()}
        cases = lookup.find_credit_cases(self.backend, ids["credit_cases"])
        nothing = self.env["payt.credit.case"]
        # by resource and PAYT id: empty for what isn't ours
        self.subjects = {
            "invoices": lookup.get_followers(self.backend, "invoices", ids["invoices"]),
            "debtors": lookup.get_debtors(self.backend, ids["debtors"]),
            "credit_cases": {
                payt_id: cases.get(payt_id, nothing)
                for payt_id in lookup.get_rows(self.backend, "credit_cases", ids["credit_cases"])
            },
        }

    def apply(self, row):
        partner, move = self._get_subject(row)
        moment = self.get_moment(row)
        if not partner or not moment:
            return None
        return self._put_signal(row, {"partner_id": partner.id, "move_id": move.id, "moment": moment})

    def _put_signal(self, row, values):
        """Keep what the row says.

        :return: ``payt.signal`` record
        """
        raise NotImplementedError

    def _put(self, row, values, is_done, ask=True):
        """Keep it under PAYT's id; once somebody saw to it at PAYT, it is done here too."""
        if is_done or not ask:
            values = {**values, "state": "handled"}
        signal = self.env["payt.signal"]._put(self.backend, f"{row.resource} {row.payt_id}", values, ask=ask)
        if is_done:
            signal._handle()
        return signal

    def _get_subject(self, row):
        """The customer and invoice a row is about.

        :return: ``res.partner`` and ``account.move`` record, both empty when they aren't ours
        :raise PaytWaits: when PAYT names a record that wasn't read yet
        """
        found = {}
        for resource, name in SUBJECTS.items():
            payt_id = str(row.payload.get(name) or "")
            if payt_id and payt_id not in self.subjects[resource] and self._is_recent(row):
                raise PaytWaits(self.env._("PAYT's record %(id)s wasn't read yet.", id=f"{resource} {payt_id}"))
            found[resource] = self.subjects[resource].get(payt_id)
        move = found["invoices"] or self.env["account.move"]
        case = found["credit_cases"] or self.env["payt.credit.case"]
        partner = move.commercial_partner_id or case.partner_id or found["debtors"] or self.env["res.partner"]
        if found["invoices"] is not None and not move:
            partner = partner.browse()  # about somebody else's invoice
        return partner, move

    def _is_recent(self, row):
        """What is from before the connection may speak of what PAYT doesn't list any more."""
        return self.backend._is_news(self.get_moment(row))

    def get_moment(self, row):
        """When it happened, in UTC without time zone."""
        return read_moment(row.payload.get("created_at"))


class NotificationsHandler(SignalHandler):
    """Notifications: what PAYT tells about messages that didn't arrive, and the like."""

    resource = "notifications"

    def _put_signal(self, row, values):
        payload = row.payload
        bounced = payload.get("notification_type") == "mail_bounced"
        details = payload.get("details") or {}
        values["kind"] = "mail_bounced" if bounced else "notification"
        values["detail"] = details.get("bounce_reason") if bounced else payload.get("notification_type")
        return self._put(row, values, is_done=payload.get("acknowledged_at"))


class CommentHandler(SignalHandler):
    """What somebody wrote. PAYT may have it in two lists: then it is one signal."""

    def _put(self, row, values, is_done, ask=True):
        # EXTENDS SignalHandler
        same = self._find_in_other_list(row, values)
        if not same:
            return super()._put(row, values, is_done, ask)
        if is_done:
            same._handle()
        return same

    def _find_in_other_list(self, row, values):
        """The signal of the same text of the same customer at the same time, which another list gave."""
        return self.env["payt.signal"].search(
            [
                *(("backend_id", "=", self.backend.id), ("partner_id", "=", values["partner_id"])),
                *(("kind", "=", "comment"), ("detail", "=", values["detail"])),
                ("moment", ">=", values["moment"] - SAME_COMMENT),
                ("moment", "<=", values["moment"] + SAME_COMMENT),
                ("key", "not =like", f"{row.resource} %"),
            ],
            limit=1,
        )


class MessagesHandler(CommentHandler):
    """What debtors wrote; what went out to them is in the timeline."""

    resource = "messages"

    def get_idle(self):
        return self.rows.filtered(lambda row: (row.payload or {}).get("sender_type") == "creditor")

    def get_moment(self, row):
        # OVERRIDE: a message has no moment at which it was made
        names = ("received_at", "sent_at", "updated_at")
        return read_moment(next((row.payload[name] for name in names if row.payload.get(name)), None))

    def _put_signal(self, row, values):
        payload = row.payload
        values["kind"] = "comment"
        text = payload.get("content") or ""
        values["detail"] = (html2plaintext(text) if MARKUP.search(text) else text).strip() or payload.get("subject")
        return self._put(row, values, is_done=payload.get("read_by_user"))


class NotesHandler(CommentHandler):
    """Comments on an invoice, a credit case or a customer."""

    resource = "notes"

    def _put_signal(self, row, values):
        payload = row.payload
        user = payload.get("user") or {}
        values["kind"] = "comment"
        values["detail"] = (payload.get("content") or "").strip()
        values["author"] = user.get("name") or payload.get("from_email_address")
        # what a user of PAYT wrote down is no question to anybody
        return self._put(row, values, is_done=payload.get("completed_at"), ask=not user)
