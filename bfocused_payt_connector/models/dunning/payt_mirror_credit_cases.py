from odoo import models

WARNING = "mail.mail_activity_data_warning"


class PaytMirror(models.Model):
    """Credit cases: the collection of our invoices, with its costs."""

    _inherit = "payt.mirror"

    def _get_known_credit_cases(self):
        """The cases that our invoices are in.

        :return: dict of PAYT id to ``payt.credit.case`` record
        """
        cases = self.env["payt.credit.case"].sudo().with_context(active_test=False)
        found = cases.search([("backend_id", "in", self.backend_id.ids), ("payt_id", "in", self.mapped("payt_id"))])
        found.move_ids.payt_event_ids.mapped("moment")
        return {case.payt_id: case for case in found}

    def _apply_credit_cases(self, known):
        case = known.get(self.payt_id)
        if not case:
            return None  # none of our invoices is in it; one that comes later has it followed again
        case.write(case._get_values(self.backend_id, self.payload))
        self.env["payt.event"]._note_case(case, case.move_ids)._tell()
        return case

    def _apply_deleted_credit_cases(self, known):
        case = known.get(self.payt_id)
        if case and not case.deleted_at:
            case.deleted_at = self.deleted_at
            if self.backend_id._is_news(self.deleted_at):
                self._tell_of_deletion(case)
        return case

    def _tell_of_deletion(self, case):
        """The invoices are still PAYT's to follow up, but nobody collects them now."""
        person = self.backend_id._get_person(case.move_ids[:1])
        case = case.with_context(lang=person.lang)
        message = case.env._("Credit case %s was deleted at PAYT: its invoices aren't collected.", case.display_name)
        for move in case.move_ids:
            move._message_log(body=message)
        summary = case.env._("PAYT: credit case deleted")
        self.backend_id._ask_person(case.move_ids[:1] or case.partner_id, summary, message, WARNING)

    def _join_credit_case(self, move, payt_id):
        """An invoice says in which case it is; a case that is new is followed as soon as it was read."""
        payt_id = str(payt_id or "")
        if not payt_id or payt_id in move.payt_credit_case_ids.mapped("payt_id"):
            return
        cases = self.env["payt.credit.case"].with_context(active_test=False)
        case = cases.search([("backend_id", "=", self.backend_id.id), ("payt_id", "=", payt_id)])
        case = case or cases.create(
            {"backend_id": self.backend_id.id, "payt_id": payt_id, "partner_id": move.commercial_partner_id.id}
        )
        case.move_ids |= move
        rows = self._get_read(self.backend_id, "credit_cases", [payt_id])
        for row in rows.values():
            if row.state == "done":
                row.state = "pending"
