from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class AccountMoveLine(models.Model):
    """What a payment order takes of an invoice: with its own mandate, and not before the day it may be collected."""

    _inherit = "account.move.line"

    def create_payment_line_from_move_line(self, payment_order):
        # EXTENDS 'account_payment_order'
        self._check_collectible(payment_order)
        return super().create_payment_line_from_move_line(payment_order)

    def _check_collectible(self, payment_order):
        """Refuse what a payment order would debit before the quarter turn it was sent for.

        :raise UserError: with the day from which on it can be collected
        """
        day = payment_order._get_collection_date()
        for line in self:
            wanted = line.move_id.collection_date
            if wanted and (day or line.date_maturity or fields.Date.context_today(line)) < wanted:
                raise UserError(
                    self.env._(
                        "%(invoice)s was sent with the promise to collect it with the quarter's batch, on "
                        "%(date)s or later.",
                        invoice=line.move_id.display_name,
                        date=format_date(self.env, wanted, date_format="d MMMM y"),
                    )
                )

    def _prepare_payment_line_vals(self, payment_order):
        # EXTENDS 'account_banking_mandate': the invoice's own mandate, and never just any of the customer's (T7)
        vals = super()._prepare_payment_line_vals(payment_order)
        if not (payment_order.payment_mode_id.is_own_collection and self.move_id.is_invoice()):
            return vals
        mandate = self.move_id.mandate_id
        day = self.move_id._get_collection_day(fields.Date.context_today(self), self.date_maturity)
        return {**vals, "mandate_id": mandate.id, "partner_bank_id": mandate.partner_bank_id.id, "date": day}

    # === RETURNED IN PARTS

    def _get_return_partials(self):
        """The reconciliations of these items of payments with payment returns."""
        partials = self.matched_debit_ids
        domain = [("move_id", "in", partials.debit_move_id.move_id.ids)]
        entries = self.env["payment.return"].sudo().search(domain).move_id
        return partials.filtered(lambda partial: partial.debit_move_id.move_id in entries)

    def _get_returns(self):
        """What of these items of payments was returned, to be put back by :meth:`_restore_returns`.

        :return: list of tuples of the item, that of the return, and those of the invoices that it had paid
        """
        return [
            (partial.credit_move_id, partial.debit_move_id, partial.origin_returned_move_ids)
            for partial in self._get_return_partials()
        ]

    def _get_paid_items(self, also_returned=False):
        """The items of invoices that an item of a payment pays, or also those that it had paid."""
        items = (self.matched_debit_ids - self._get_return_partials()).debit_move_id
        return items | self.matched_debit_ids.origin_returned_move_ids if also_returned else items

    def _restore_returns(self, returns, paid):
        """Put earlier returns back, which the module for returns undoes, and let the rest pay what it paid.

        :param returns: as :meth:`_get_returns` gives them
        :param paid: dict of each item to what it had paid
        """
        entries = self.browse().concat(*(entry for _item, entry, _origins in returns))
        for item in self:
            mine = [link for link in returns if link[0] == item]
            if mine:
                (item.matched_debit_ids - item._get_return_partials()).unlink()
            for _item, entry, origins in mine:
                (item + entry).reconcile()
                made = item.matched_debit_ids.filtered(lambda partial, entry=entry: partial.debit_move_id == entry)
                made.origin_returned_move_ids = origins
            for partial in item.matched_debit_ids.filtered(lambda one: one.origin_returned_move_ids & entries):
                partial.origin_returned_move_ids -= entries
            still_open = paid[item].exists().filtered(lambda one: not one.reconciled and one.parent_state == "posted")
            if not item.reconciled and still_open:
                (item | still_open).reconcile()
