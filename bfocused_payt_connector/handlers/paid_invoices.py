from . import lookup
from .base import PaytWaits

UNFOLLOWED = ("pending", "waiting", "error")


class PaidInvoices:
    """The invoices that a batch of payments or of provider's transactions names.

    :param backend: ``payt.backend`` record
    :param payt_ids: PAYT's ids of the invoices
    """

    def __init__(self, backend, payt_ids):
        payt_ids = list(payt_ids)
        self.env = backend.env
        self.rows = lookup.get_rows(backend, "invoices", payt_ids)
        self.moves = lookup.get_followers(backend, "invoices", payt_ids)

    def get_move(self, payt_id):
        """The Odoo invoice.

        :return: ``account.move`` record, empty for an invoice that isn't Odoo's
        :raise PaytWaits: while it isn't known whose it is
        """
        row, move = self.rows.get(payt_id), self.moves.get(payt_id)
        if not move and (not row or row.state in UNFOLLOWED):
            raise PaytWaits(self.env._("Waits for PAYT's invoice %s.", payt_id))
        return move or self.env["account.move"].sudo()
