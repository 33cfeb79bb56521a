from odoo import Command, fields, models


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
        help="PAYT's id of the reversal by which this payment was taken back, the last one where it took several.",
    )
    payt_reversal_ids = fields.One2many(
        "payt.reversal",
        "payment_id",
        string="PAYT's reversals",
        readonly=True,
        help="What PAYT took back of this payment: all of it, or parts.",
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

    def _get_payt_standing(self):
        """What of this payment PAYT has not taken back; 0 where it was undone by hand."""
        self.ensure_one()
        if self.payt_reversal_id or self.state == "canceled":
            return 0.0
        return self.currency_id.round(self.amount - sum(self.sudo().payt_reversal_ids.mapped("amount")))

    def _note_payt_reversal(self, payt_id, amount):
        """Write down what a reversal took back; the payment is reversed once nothing of it stands.

        :param payt_id: PAYT's id of the reversal
        :param amount: in the payment's currency
        """
        self.ensure_one()
        self.env["payt.reversal"].sudo().create(
            {"payment_id": self.id, "company_id": self.company_id.id, "payt_id": payt_id, "amount": amount}
        )
        if self.currency_id.is_zero(self._get_payt_standing()):
            self.payt_reversal_id = payt_id

    def _reverse_payt(self, date, ref, amount):
        """Take the entry back, or a part of it, with one of its own, which leaves the payout that it may be part of.

        :param date: an open date
        :param ref: why, for the books
        :param amount: how much, in the payment's currency
        """
        self.ensure_one()
        partials = self._get_payt_counterparts().matched_debit_ids
        # what was returned before stays so
        partials.filtered(lambda partial: not partial.origin_returned_move_ids).unlink()
        values = {"date": date, "ref": ref, "origin_payment_id": False}
        entry = self.move_id._reverse_moves([values])
        if self.currency_id.compare_amounts(amount, self.amount):
            self._cut_payt_reversal(entry, amount)
        entry.action_post()  # which reconciles it with the payment

    def _cut_payt_reversal(self, entry, amount):
        """Bring the draft that reverses all of this payment down to a part. All parts together are the whole."""
        before = self.amount - self._get_payt_standing()
        commands, left, left_currency = [], 0.0, 0.0
        for line in entry.line_ids:
            part = self._get_payt_part(self.company_id.currency_id, line.balance, before, amount)
            part_currency = self._get_payt_part(line.currency_id, line.amount_currency, before, amount)
            if line == entry.line_ids[-1:]:
                part, part_currency = -left, -left_currency
            left, left_currency = left + part, left_currency + part_currency
            commands.append(Command.update(line.id, {"balance": part, "amount_currency": part_currency}))
        entry.write({"line_ids": commands})

    def _get_payt_part(self, currency, total, before, amount):
        """The share of a total that goes with an amount, when ``before`` went already."""
        until = currency.round(total * (before + amount) / self.amount)
        return currency.round(until - currency.round(total * before / self.amount))
