from . import lookup
from .base import Handler
from .payload import read_moment

END_OF_SERVICE = {
    "end_of_service_announcement_at": "end_of_service_announcement",
    "end_of_service_at": "end_of_service",
}


class InvoicesHandler(Handler):
    """Invoices: where they stand at PAYT. An invoice also tells who its debtor is, and whose its payments are."""

    resource = "invoices"

    def prepare(self):
        self.unknown = self.rows.filtered(lambda row: not row.res_id)
        self.moves = lookup.find_moves(self.backend, {row.payt_id: row.payload or {} for row in self.rows})
        # read for all of them at once
        moves = self.env["account.move"].union(*self.moves.values())
        moves.payt_event_ids.mapped("moment")
        moves.payt_credit_case_ids.mapped("payt_id")

    def get_idle(self):
        """An administration may have tens of thousands of invoices that aren't Odoo's."""
        return self.rows.filtered(lambda row: not row.deleted_at and row.payt_id not in self.moves)

    def apply(self, row):
        move = self.moves.get(row.payt_id)
        if not move:
            return None  # somebody else's: the administration may have invoices that aren't Odoo's
        move._follow_payt(row.payload, row.read_at)
        self._join_credit_case(move, row.payload.get("active_credit_case_id"))
        self._keep_end_of_service(row, move)
        return move

    def apply_deleted(self, row):
        move = self.moves.get(row.payt_id)
        if move:
            move._follow_payt_deletion(row.payt_id, row.deleted_at)
        return move

    def finish(self):
        self._name_debtors()
        self._follow_payments_again(self.unknown.filtered("res_id"))

    # === WHAT AN INVOICE SAYS BESIDES

    def _join_credit_case(self, move, payt_id):
        """An invoice says in which case it is; a case that is new is followed as soon as it was read."""
        payt_id = str(payt_id or "")
        if not payt_id or payt_id in move.payt_credit_case_ids.mapped("payt_id"):
            return
        case = lookup.find_credit_cases(self.backend, [payt_id]).get(payt_id)
        case = case or self.env["payt.credit.case"].create(
            {"backend_id": self.backend.id, "payt_id": payt_id, "partner_id": move.commercial_partner_id.id}
        )
        case.move_ids |= move
        for row in lookup.get_rows(self.backend, "credit_cases", [payt_id]).values():
            if row.state == "done":
                row.state = "pending"

    def _keep_end_of_service(self, row, move):
        for name, kind in END_OF_SERVICE.items():
            if moment := read_moment(row.payload.get(name)):
                values = {"kind": kind, "partner_id": move.commercial_partner_id.id, "move_id": move.id}
                key = f"invoices {row.payt_id} {kind}"
                self.env["payt.signal"]._put(self.backend, key, {**values, "moment": moment})

    # === OTHER ROWS

    def _name_debtors(self):
        """Debtors without a number of ours, as after a merge of customers, are the customers of their invoices."""
        customers = {
            str(row.payload.get("debtor_id")): row.res_id
            for row in self.rows
            if row.model == "account.move" and row.payload.get("debtor_id")
        }
        moves = self.env["account.move"].sudo()
        for payt_id, row in lookup.get_rows(self.backend, "debtors", customers).items():
            if not row.res_id:
                partner = moves.browse(customers[payt_id]).commercial_partner_id
                row.write({"model": "res.partner", "res_id": partner.id, "state": "pending"})

    def _follow_payments_again(self, rows):
        """Payments that were read while their invoice was taken for somebody else's, as before it was in Odoo.

        :param rows: of the invoices
        """
        payments = lookup.get_rows_of_invoices(self.backend, rows.mapped("payt_id"), ("payments",))
        payments.filtered(lambda row: row.state == "done" and not row.res_id and not row.deleted_at)._make_pending()
