from odoo import models


class PaymentReturn(models.Model):
    """A payment return in another currency: OCA's knows only the company's."""

    _inherit = "payment.return"

    def _get_payt_currency(self):
        """The currency of all PAYT payments that are returned, if it isn't the company's."""
        payments = self.line_ids.move_line_ids.payment_id
        currency = payments.currency_id
        is_foreign = len(currency) == 1 and currency != self.company_id.currency_id
        return currency if is_foreign and all(payments.mapped("payt_payment_id")) else currency.browse()

    def _prepare_move_line(self, move, total_amount):
        # EXTENDS 'account_payment_return'
        values = super()._prepare_move_line(move, total_amount)
        if currency := self._get_payt_currency():
            amounts = self.line_ids.mapped(lambda line: line._get_payt_foreign_amount())
            values.update(currency_id=currency.id, amount_currency=-sum(amounts))
        return values


class PaymentReturnLine(models.Model):
    _inherit = "payment.return.line"

    def _get_payt_foreign_amount(self):
        """What is returned, in the currency of the payments."""
        items = self.move_line_ids
        credit = sum(items.mapped("credit"))
        share = self.amount / credit if credit else 0.0
        return items.currency_id.round(-sum(items.mapped("amount_currency")) * share)

    def _prepare_return_move_line_vals(self, move):
        # EXTENDS 'account_payment_return'
        values = super()._prepare_return_move_line_vals(move)
        if currency := self.return_id._get_payt_currency():
            values.update(currency_id=currency.id, amount_currency=self._get_payt_foreign_amount())
        return values
