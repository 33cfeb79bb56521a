from odoo import models

from ..incoming.payt_mirror_apply import PaytWaits


class PaytMirror(models.Model):
    """Debtors: what PAYT knows of a customer besides what it got from us."""

    _inherit = "payt.mirror"

    # === FOLLOWING

    def _get_known_debtors(self):
        """The customers of these rows, by the number we gave them; one that was found stays found.

        :return: dict of PAYT id to ``res.partner`` record
        """
        rows = self.sudo()
        partners = self.env["res.partner"].sudo().with_company(self.company_id)
        numbers = list({row.payload.get("debtor_number") for row in rows} - {None, ""})
        found = partners.with_context(active_test=False).search([("payt_debtor_number", "in", numbers)])
        by_number = {partner.payt_debtor_number: partner for partner in found.commercial_partner_id}
        followed = self._get_followed("res.partner", "debtors", rows.mapped("payt_id"))
        known = {
            row.payt_id: followed.get(row.payt_id) or by_number.get(row.payload.get("debtor_number")) for row in rows
        }
        return {
            payt_id: partner.with_company(self.company_id).commercial_partner_id
            for payt_id, partner in known.items()
            if partner
        }

    def _apply_debtors(self, known):
        partner = known.get(self.payt_id)
        if partner:
            partner.sudo()._follow_payt_debtor(self.backend_id, self.payload)
        return partner

    # === LOOKING UP

    def _get_debtors(self, backend, payt_ids):
        """Customers by PAYT's ids.

        :param backend: ``payt.backend`` record
        :return: dict of PAYT id to ``res.partner`` record; empty for those that aren't ours
        """
        partners = self.env["res.partner"].sudo().with_company(backend.company_id)
        rows = self._get_read(backend, "debtors", payt_ids)
        existing = partners.browse([row.res_id for row in rows.values() if row.res_id]).exists()
        return {
            payt_id: partners.browse(row.res_id).commercial_partner_id if row.res_id in existing._ids else partners
            for payt_id, row in rows.items()
        }

    def _get_debtor(self, backend, payt_id, number=None):
        """One customer, by PAYT's id or else by the number we gave."""
        partners = self.env["res.partner"].sudo().with_company(backend.company_id)
        found = self._get_debtors(backend, [payt_id]).get(str(payt_id))
        if not found and number:
            found = partners.search([("payt_debtor_number", "=", number)], limit=1)
        return (found or partners).commercial_partner_id

    def _get_moves(self, backend, payt_ids):
        """Invoices by PAYT's ids.

        :return: dict of PAYT id to ``account.move`` record; empty for those that aren't ours
        """
        moves = self.env["account.move"].sudo()
        rows = self._get_read(backend, "invoices", payt_ids)
        existing = moves.browse([row.res_id for row in rows.values() if row.res_id]).exists()
        return {payt_id: existing.filtered(lambda m, row=row: m.id == row.res_id) for payt_id, row in rows.items()}

    def _get_read(self, backend, resource, payt_ids):
        """What was read of these ids.

        :return: dict of PAYT id to row
        """
        wanted = list({str(payt_id) for payt_id in payt_ids if payt_id})
        rows = self.sudo().search(
            [("backend_id", "=", backend.id), ("resource", "=", resource), ("payt_id", "in", wanted)]
        )
        return {row.payt_id: row for row in rows}

    def _get_move_of_event(self, backend, context):
        """The invoice an event speaks of, if it does."""
        if context.get("resource_type") != "invoice":
            return self.env["account.move"].sudo()
        return self._get_moves(backend, [context.get("id")]).get(str(context.get("id"))) or self.env["account.move"]

    def _get_known_subjects(self):
        """Whom these notifications and comments are about: what was read of them.

        :return: dict of resource to dict of PAYT id to record, empty for what isn't ours
        """
        payloads = [row.payload for row in self.sudo()]
        backend = self.backend_id
        cases = self.env["payt.credit.case"].sudo().with_context(active_test=False)
        case_ids = [payload.get("credit_case_id") for payload in payloads]
        read_cases = self._get_read(backend, "credit_cases", case_ids)
        found = cases.search([("backend_id", "=", backend.id), ("payt_id", "in", list(read_cases))])
        by_id = {case.payt_id: case for case in found}
        return {
            "invoices": self._get_moves(backend, [payload.get("invoice_id") for payload in payloads]),
            "debtors": self._get_debtors(backend, [payload.get("debtor_id") for payload in payloads]),
            "credit_cases": {payt_id: by_id.get(payt_id, cases.browse()) for payt_id in read_cases},
        }

    def _get_subject(self, known):
        """The customer and invoice this row is about.

        :return: ``res.partner`` and ``account.move`` record, both empty when they aren't ours
        :raise PaytWaits: when PAYT names a record that wasn't read yet
        """
        names = {"invoices": "invoice_id", "credit_cases": "credit_case_id", "debtors": "debtor_id"}
        found = {}
        for resource, name in names.items():
            payt_id = str(self.payload.get(name) or "")
            if payt_id and payt_id not in known[resource] and self._is_recent():
                raise PaytWaits(self.env._("PAYT's record %(id)s wasn't read yet.", id=f"{resource} {payt_id}"))
            found[resource] = known[resource].get(payt_id)
        move = found["invoices"] or self.env["account.move"]
        case = found["credit_cases"] or self.env["payt.credit.case"]
        partner = move.commercial_partner_id or case.partner_id or found["debtors"] or self.env["res.partner"]
        if found["invoices"] is not None and not move:
            partner = partner.browse()  # about somebody else's invoice
        return partner, move

    def _is_recent(self):
        """What is from before the connection may speak of what PAYT doesn't list any more."""
        return self.backend_id._is_news(self._read_moment(self.payload.get("created_at")))
