from odoo import models
from odoo.tools import plaintext2html


class PaytBackend(models.Model):
    """Who is told what PAYT says, and what of it is news."""

    _inherit = "payt.backend"

    def _is_news(self, moment):
        """Whether something happened since there is a connection.

        The first reading of an administration brings years of reminders and comments: they are kept, but nobody has to
        be told.

        :param moment: in UTC, without time zone
        """
        self.ensure_one()
        return bool(moment) and moment >= self.create_date.replace(microsecond=0)

    def _get_person(self, move=None):
        """Who looks after the administration: the person responsible for the connection, or for the invoice.

        :param move: ``account.move`` record
        """
        self.ensure_one()
        candidates = self.responsible_id
        if move:
            candidates += move.invoice_user_id
        company = self.company_id
        fit = candidates.filtered(lambda user: user.active and not user.share and company in user.company_ids)
        return fit[:1] or self.env.ref("base.user_admin")

    def _ask_person(self, record, summary, note, activity_type="mail.mail_activity_data_todo"):
        """An activity on a record, for who looks after it.

        :param record: invoice or customer
        :param note: text
        :return: ``mail.activity`` record
        """
        self.ensure_one()
        person = self._get_person(record if record._name == "account.move" else None)
        return record.activity_schedule(activity_type, summary=summary, note=plaintext2html(note), user_id=person.id)
