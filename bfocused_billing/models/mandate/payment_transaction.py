from odoo import models


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    def _check_amount_and_confirm_order(self):
        # EXTENDS 'sale': a paid quotation without mandate is accepted, not confirmed; an error would undo the payment
        waiting = self.filtered(lambda payment: payment._get_quotation_without_mandate())
        for payment in waiting:
            payment._get_quotation_without_mandate().filtered(
                lambda order: order._is_confirmation_amount_reached()
            )._await_mandate()
        others = self - waiting
        if not others:
            return self.env["sale.order"]
        return super(PaymentTransaction, others)._check_amount_and_confirm_order()

    def _get_quotation_without_mandate(self):
        """The quotation this payment would confirm, where it sells subscriptions that can't be collected."""
        self.ensure_one()
        return self.sale_order_ids.filtered(
            lambda order: order.state in ("draft", "sent") and order._get_mandate_problem()
        )
