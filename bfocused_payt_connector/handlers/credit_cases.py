from . import lookup
from .base import Handler

WARNING = "mail.mail_activity_data_warning"


class CreditCasesHandler(Handler):
    """Credit cases: the collection of our invoices, with its costs."""

    resource = "credit_cases"

    def prepare(self):
        self.cases = lookup.find_credit_cases(self.backend, self.rows.mapped("payt_id"))
        cases = self.env["payt.credit.case"].union(*self.cases.values())
        cases.move_ids.payt_event_ids.mapped("moment")  # read for all of them at once

    def apply(self, row):
        case = self.cases.get(row.payt_id)
        if not case:
            return None  # none of our invoices is in it; one that comes later has it followed again
        case.write(case._get_values(self.backend, row.payload))
        self.env["payt.event"]._note_case(case, case.move_ids)._tell()
        return case

    def apply_deleted(self, row):
        case = self.cases.get(row.payt_id)
        if case and not case.deleted_at:
            case.deleted_at = row.deleted_at
            if self.backend._is_news(row.deleted_at):
                self._tell_of_deletion(case)
        return case

    def _tell_of_deletion(self, case):
        """The invoices are still PAYT's to follow up, but nobody collects them now."""
        person = self.backend._get_person(case.move_ids[:1])
        case = case.with_context(lang=person.lang)
        message = case.env._("Credit case %s was deleted at PAYT: its invoices aren't collected.", case.display_name)
        for move in case.move_ids:
            move._message_log(body=message)
        summary = case.env._("PAYT: credit case deleted")
        self.backend._ask_person(case.move_ids[:1] or case.partner_id, summary, message, WARNING)
