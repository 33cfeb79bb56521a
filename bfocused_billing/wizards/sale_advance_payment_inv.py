from odoo import models
from odoo.exceptions import UserError


class SaleAdvancePaymentInv(models.TransientModel):
    _inherit = "sale.advance.payment.inv"

    def create_invoices(self):
        # EXTENDS 'sale': a down payment is a share of the whole order, of which the run bills the subscriptions in full
        if self.advance_payment_method != "delivered" and self.sale_order_ids.order_line.subscription_template_id:
            raise UserError(
                self.env._(
                    "No down payment can be asked for subscriptions, which are billed by period. "
                    "Put the other products on an order of their own."
                )
            )
        return super().create_invoices()
