from collections import Counter

from odoo import models

from ...payt_api import PaytError
from ..incoming.payt_mirror_apply import PaytWaits
from .payt_mirror_payments import PRINCIPAL


class PaytMirror(models.Model):
    """Which of PAYT's payments Odoo itself reported: PAYT doesn't give our names for them back."""

    _inherit = "payt.mirror"

    def _is_own(self, move, known):
        """Whether Odoo reported this payment to PAYT.

        What was recognised once stays ours, also when it is undone in Odoo before PAYT's list says that it is deleted.
        What isn't recognised is looked up at PAYT once more: it may be gone there meanwhile.

        :raise PaytWaits: while PAYT doesn't have what Odoo would report now
        """
        if self._get_transaction() or self._get_cost_type():
            return False
        if self.model == "account.move":
            return True
        self._check_told(move)
        if move.id not in known["own"]:
            known["own"][move.id] = self._find_own(move)
        if self.payt_id in known["own"][move.id]:
            return True
        fresh = ("fresh", move.id)
        if fresh not in known["own"]:
            alive = self._read_alive(self._get_unmarked(move))
            known["own"][fresh] = alive
            known["own"][move.id] = self._find_own(move, alive)
        if self.payt_id not in known["own"][fresh]:
            raise PaytWaits(self.env._("PAYT doesn't have this payment any more: waits for the list of deleted ones."))
        return self.payt_id in known["own"][move.id]

    def _check_told(self, move):
        """PAYT's list can only be compared with ours once PAYT has ours."""
        if move.state == "draft":
            raise PaytWaits(self.env._("Waits until %s is posted again.", move.display_name))
        row = (
            self.env["payt.outbox"]
            .sudo()
            .search(
                [
                    *(("backend_id", "=", self.backend_id.id), ("model", "=", "account.move")),
                    *(("res_id", "=", move.id), ("resource", "=", "invoice"), ("state", "!=", "cancelled")),
                ],
                order="id desc",
                limit=1,
            )
        )
        if row and row.state != "sent":
            raise PaytWaits(self.env._("Waits until PAYT has %s as it is here.", move.display_name))

    def _get_unmarked(self, move):
        """PAYT's payments of an invoice's principal that name neither provider nor bank.

        :return: dict of PAYT id to payload, the oldest first
        """
        self.flush_model()
        self.env.cr.execute(
            """
            SELECT payt_id, payload FROM payt_mirror
             WHERE backend_id = %s AND resource = 'payments' AND deleted_at IS NULL AND payload ->> 'invoice_id' = %s
               AND payload -> 'psp_transaction' ->> 'id' IS NULL AND payload -> 'bank_transaction' ->> 'id' IS NULL
               AND COALESCE(NULLIF(payload ->> 'cost_type', ''), %s) = %s""",
            [self.backend_id.id, self._get_payment_invoice_id(), PRINCIPAL, PRINCIPAL],
        )
        return dict(sorted(self.env.cr.fetchall(), key=lambda row: (len(row[0]), row[0])))

    def _find_own(self, move, alive=None):
        """Match PAYT's payments one-to-one with what Odoo reported: date, amount and kind, the oldest first.

        :param alive: PAYT ids of those that are still there, if known
        :return: set of the PAYT ids that are ours
        """
        unmarked = self._get_unmarked(move)
        payments = self.env["account.payment"].sudo()
        domain = [("company_id", "=", self.company_id.id)]
        booked = payments.search(
            [*domain, "|", ("payt_payment_id", "in", list(unmarked)), ("payt_reversal_id", "in", list(unmarked))]
        )
        taken = {*booked.mapped("payt_payment_id"), *booked.mapped("payt_reversal_id")}
        left = Counter(
            (str(booking.date), f"{booking.amount:.2f}", booking.kind) for booking in move._get_payt_all_bookings()
        )
        own = set()
        for payt_id, payload in unmarked.items():
            amount = float(payload.get("total_amount") or 0)
            key = (payload.get("payment_date"), f"{amount:.2f}", payload.get("transaction_type") or "payment")
            if payt_id not in taken and (alive is None or payt_id in alive) and left[key] > 0:
                left[key] -= 1
                own.add(payt_id)
        return own

    def _read_alive(self, unmarked):
        """Ask PAYT which of these payments it has now.

        :return: set of PAYT ids
        """
        try:
            with self.backend_id._get_client() as client:
                records = list(client.read_by("payments", "ids", list(unmarked), fields=["id", "updated_at"]))
        except PaytError as error:
            raise PaytWaits(str(error)) from error
        return {str(record["id"]) for record in records}
