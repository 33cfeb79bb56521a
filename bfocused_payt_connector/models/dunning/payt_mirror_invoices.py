from odoo import models
from odoo.tools import float_compare

END_OF_SERVICE = {
    "end_of_service_announcement_at": "end_of_service_announcement",
    "end_of_service_at": "end_of_service",
}


class PaytMirror(models.Model):
    """Invoices: where they stand at PAYT."""

    _inherit = "payt.mirror"

    def _get_known_invoices(self):
        """The Odoo invoices of these rows, by the number that PAYT knows them by.

        An administration may have invoices of other senders, with identifiers of theirs: so one that doesn't bear our
        identifier is ours only if its amount fits too. It was then handed over by somebody else before.

        :return: dict of PAYT id to ``account.move`` record
        """
        rows = self.sudo()
        moves = self.env["account.move"].sudo()
        wanted = {row._get_invoice_number() for row in rows} - {False}
        found = moves.search(
            [
                ("company_id", "in", self.company_id.ids),
                ("move_type", "in", moves.get_sale_types()),
                ("name", "in", list(wanted)),
            ]
        )
        # read for all of them at once
        found.payt_event_ids.mapped("moment")
        found.payt_credit_case_ids.mapped("payt_id")
        by_name = found.grouped("name")
        known = {row.payt_id: row._choose_move(by_name.get(row._get_invoice_number(), moves)) for row in rows}
        return {payt_id: move for payt_id, move in known.items() if move}

    def _get_invoice_number(self):
        return (self.payload or {}).get("invoice_number") or False

    def _choose_move(self, candidates):
        payload = self.payload
        # the list of deleted ones has it by another name, and no amounts
        identifier = payload.get("invoice_identifier") or payload.get("origin_identifier")
        own = candidates.filtered(lambda move: str(move.id) == identifier)
        if own or "total_amount" not in payload:
            return own
        total = abs(float(payload["total_amount"] or 0))
        return candidates.filtered(lambda move: not float_compare(move.amount_total, total, precision_digits=2))[:1]

    def _get_idle_invoices(self, known):
        """An administration may have tens of thousands of invoices that aren't Odoo's."""
        return self.filtered(lambda row: not row.deleted_at and row.payt_id not in known)

    def _apply_invoices(self, known):
        move = known.get(self.payt_id)
        if not move:
            return None  # somebody else's: the administration may have invoices that aren't Odoo's
        move._follow_payt(self.payload, self.read_at)
        self._join_credit_case(move, self.payload.get("active_credit_case_id"))
        self._keep_end_of_service(move)
        return move

    def _apply_deleted_invoices(self, known):
        move = known.get(self.payt_id)
        if move:
            move._follow_payt_deletion(self.payt_id, self.deleted_at)
        return move

    def _keep_end_of_service(self, move):
        for name, kind in END_OF_SERVICE.items():
            if moment := self._read_moment(self.payload.get(name)):
                values = {"kind": kind, "partner_id": move.commercial_partner_id.id, "move_id": move.id}
                key = f"invoices {self.payt_id} {kind}"
                self.env["payt.signal"]._put(self.backend_id, key, {**values, "moment": moment})

    def _apply_resource(self, resource):
        # EXTENDS: an invoice also tells who its debtor is, and whose its payments are
        unknown = self.filtered(lambda row: not row.res_id)
        result = super()._apply_resource(resource)
        if resource == "invoices":
            self._name_debtors()
            unknown.filtered("res_id")._follow_payments_again()
        return result

    def _follow_payments_again(self):
        """Payments that were read while their invoice was taken for somebody else's, as before it was in Odoo."""
        rows = self.sudo()._find_of_invoices(self.backend_id, self.mapped("payt_id"), ("payments",))
        rows = rows.filtered(lambda row: row.state == "done" and not row.res_id and not row.deleted_at)
        rows.write({"state": "pending", "tries": 0, "next_try_at": False})

    def _name_debtors(self):
        """Debtors without a number of ours, as after a merge of customers, are the customers of their invoices."""
        customers = {
            str(row.payload.get("debtor_id")): row.res_id
            for row in self.sudo()
            if row.model == "account.move" and row.payload.get("debtor_id")
        }
        unknown = self.sudo().search(
            [
                ("backend_id", "in", self.backend_id.ids),
                ("resource", "=", "debtors"),
                ("payt_id", "in", list(customers)),
                ("res_id", "=", False),
            ]
        )
        moves = self.env["account.move"].sudo()
        for row in unknown:
            partner = moves.browse(customers[row.payt_id]).commercial_partner_id
            row.write({"model": "res.partner", "res_id": partner.id, "state": "pending"})
