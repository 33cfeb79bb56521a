from odoo import fields, models


class AccountPayment(models.Model):
    """Money that PAYT collected: one payment here for each payment there."""

    _inherit = "account.payment"

    payt_payment_id = fields.Char(
        string="PAYT's payment",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="PAYT's id of a payment that it told us of. Such a payment isn't told to PAYT again.",
    )
    payt_transaction_id = fields.Char(
        string="Provider's transaction",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="PAYT's id of the payment provider's transaction: several payments when it paid several invoices.",
    )
    payt_reversal_id = fields.Char(
        string="PAYT's reversal",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="PAYT's id of the reversal by which this payment was taken back.",
    )
    payt_cost_type = fields.Char(
        string="Costs at PAYT", copy=False, readonly=True, help="What it pays instead of the invoice itself."
    )
    payt_move_id = fields.Many2one(
        "account.move",
        string="Paid invoice",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="The invoice that it pays according to PAYT, also where Odoo could not reconcile it.",
    )

    payt_is_forgotten = fields.Boolean(
        string="Forgotten by PAYT",
        copy=False,
        readonly=True,
        help="PAYT deleted the invoice since. If that goes there again, PAYT is told of this payment as of any other.",
    )

    _payt_once = models.UniqueIndex(
        "(company_id, payt_payment_id) WHERE payt_payment_id IS NOT NULL", "This payment of PAYT is booked already."
    )

    def _get_payt_counterparts(self):
        """The journal items that face the customer."""
        return self.move_id.line_ids.filtered(lambda line: line.account_id.account_type == "asset_receivable")

    def _reverse_payt(self, date, ref):
        """Take the entry back with one of its own, which leaves the payout that it may be part of alone.

        :param date: an open date
        :param ref: why, for the books
        """
        for payment in self:
            receivables = payment._get_payt_counterparts()
            receivables.remove_move_reconcile()
            values = {"date": date, "ref": ref, "origin_payment_id": False}
            entry = payment.move_id._reverse_moves([values])
            entry.action_post()  # which reconciles it with the payment
