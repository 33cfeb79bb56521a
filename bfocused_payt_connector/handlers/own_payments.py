from ..payt_api import PaytError
from .base import PaytWaits
from .payload import PRINCIPAL, PaymentPayload


class OwnPayments:
    """Which of PAYT's payments Odoo itself reported: PAYT doesn't give our names for them back.

    One is made for a batch of payments, so that each invoice is looked at once.

    :param backend: ``payt.backend`` record
    """

    def __init__(self, backend):
        self.backend = backend
        self.env = backend.env
        self.own = {}  # id of the invoice: the PAYT ids that are ours
        self.alive = {}  # id of the invoice: the PAYT ids that PAYT has now

    def is_own(self, row, move):
        """Whether Odoo reported this payment to PAYT.

        What was recognised once stays ours, also when it is undone in Odoo before PAYT's list says that it is deleted.
        What isn't recognised is looked up at PAYT once more: it may be gone there meanwhile.

        :raise PaytWaits: while PAYT doesn't have what Odoo would report now
        """
        said = PaymentPayload(row)
        if said.transaction or said.cost_type:
            return False
        if row.model == "account.move":
            return True
        self._check_told(move)
        if move.id not in self.own:
            self.own[move.id] = self._find_own(said.invoice_id, move)
        if row.payt_id in self.own[move.id]:
            return True
        if move.id not in self.alive:
            self.alive[move.id] = self._read_alive(self._get_unmarked(said.invoice_id))
            self.own[move.id] = self._find_own(said.invoice_id, move, self.alive[move.id])
        if row.payt_id not in self.alive[move.id]:
            raise PaytWaits(self.env._("PAYT doesn't have this payment any more: waits for the list of deleted ones."))
        return row.payt_id in self.own[move.id]

    def _check_told(self, move):
        """PAYT's list can only be compared with ours once PAYT has ours."""
        if move.state == "draft":
            raise PaytWaits(self.env._("Waits until %s is posted again.", move.display_name))
        row = (
            self.env["payt.outbox"]
            .sudo()
            .search(
                [
                    *(("backend_id", "=", self.backend.id), ("model", "=", "account.move")),
                    *(("res_id", "=", move.id), ("resource", "=", "invoice"), ("state", "!=", "cancelled")),
                ],
                order="id desc",
                limit=1,
            )
        )
        if row and row.state != "sent":
            raise PaytWaits(self.env._("Waits until PAYT has %s as it is here.", move.display_name))

    def _get_unmarked(self, invoice_id):
        """PAYT's payments of an invoice's principal that name neither provider nor bank.

        :return: dict of PAYT id to payload, the oldest first
        """
        self.env["payt.mirror"].flush_model()
        self.env.cr.execute(
            """
            SELECT payt_id, payload FROM payt_mirror
             WHERE backend_id = %s AND resource = 'payments' AND deleted_at IS NULL AND payload ->> 'invoice_id' = %s
               AND payload -> 'psp_transaction' ->> 'id' IS NULL AND payload -> 'bank_transaction' ->> 'id' IS NULL
               AND COALESCE(NULLIF(payload ->> 'cost_type', ''), %s) = %s""",
            [self.backend.id, invoice_id, PRINCIPAL, PRINCIPAL],
        )
        return dict(sorted(self.env.cr.fetchall(), key=lambda row: (len(row[0]), row[0])))

    def _find_own(self, invoice_id, move, alive=None):
        """Match PAYT's payments one-to-one with what Odoo reported: date, amount and kind, the oldest first.

        :param invoice_id: PAYT's id
        :param alive: PAYT ids of those that are still there, if known
        :return: set of the PAYT ids that are ours
        """
        unmarked = self._get_unmarked(invoice_id)
        taken = self._get_taken(list(unmarked))
        reportable = {
            payt_id: payload
            for payt_id, payload in unmarked.items()
            if payt_id not in taken and (alive is None or payt_id in alive)
        }
        return move._match_payt_reported(reportable)

    def _get_taken(self, payt_ids):
        """Those that were booked as PAYT's own, or take back what was."""
        payments = self.env["account.payment"].sudo()
        booked = payments.search(
            [
                ("company_id", "=", self.backend.company_id.id),
                *("|", "|", ("payt_payment_id", "in", payt_ids), ("payt_reversal_id", "in", payt_ids)),
                ("payt_reversal_ids.payt_id", "in", payt_ids),
            ]
        )
        names = {*booked.mapped("payt_payment_id"), *booked.mapped("payt_reversal_id")}
        return names.union(booked.payt_reversal_ids.mapped("payt_id"))

    def _read_alive(self, unmarked):
        """Ask PAYT which of these payments it has now.

        :return: set of PAYT ids
        """
        try:
            with self.backend._get_client() as client:
                records = list(client.read_by("payments", "ids", list(unmarked), fields=["id", "updated_at"]))
        except PaytError as error:
            raise PaytWaits(str(error)) from error
        return {str(record["id"]) for record in records}
