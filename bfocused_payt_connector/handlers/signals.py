from . import lookup
from .base import Handler, PaytWaits
from .payload import read_moment

# what a notification or comment is about: the property that names it
SUBJECTS = {"invoices": "invoice_id", "credit_cases": "credit_case_id", "debtors": "debtor_id"}


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
        moment = read_moment(row.payload.get("created_at"))
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
        return self.backend._is_news(read_moment(row.payload.get("created_at")))


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


class NotesHandler(SignalHandler):
    """Comments on an invoice, a credit case or a customer."""

    resource = "notes"

    def _put_signal(self, row, values):
        payload = row.payload
        user = payload.get("user") or {}
        values["kind"] = "comment"
        values["detail"] = payload.get("content")
        values["author"] = user.get("name") or payload.get("from_email_address")
        # what a user of PAYT wrote down is no question to anybody
        return self._put(row, values, is_done=payload.get("completed_at"), ask=not user)
