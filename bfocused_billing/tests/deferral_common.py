from odoo import Command

from .common import BillingCase


class DeferralCase(BillingCase):
    """Makers of what people invoice by hand beside the billing runs."""

    @classmethod
    def make_invoice(cls, price=20.0, customer=None, **values):
        """A draft of one router, direct debit unless said otherwise; 20.00 is 24.20 with VAT."""
        taxes = cls.company_data["default_tax_sale"].ids
        line = {"product_id": cls.router.id, "price_unit": price, "tax_ids": [Command.set(taxes)]}
        return cls.env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": (customer or cls.customer).id,
                "payment_mode_id": cls.company.billing_payment_mode_id.id,
                "invoice_line_ids": [Command.create(line)],
                **values,
            }
        )

    @classmethod
    def make_waiting(cls, price=20.0, customer=None, **values):
        invoice = cls.make_invoice(price, customer, **values)
        invoice.action_post()
        assert invoice._is_waiting()
        return invoice

    @classmethod
    def make_order(cls, price=10.0, **values):
        order = cls.env["sale.order"].create(
            {
                "partner_id": cls.customer.id,
                "payment_mode_id": cls.company.billing_payment_mode_id.id,
                "order_line": [Command.create({"product_id": cls.router.id, "price_unit": price})],
                **values,
            }
        )
        order.action_confirm()
        return order

    @classmethod
    def make_rate(cls, rate, text="2026-01-01"):
        """:param rate: dollars for one euro"""
        dollar = cls.env.ref("base.USD")
        dollar.active = True
        cls.env["res.currency.rate"].create(
            {"currency_id": dollar.id, "rate": rate, "name": text, "company_id": cls.company.id}
        )
        return dollar

    @classmethod
    def get_posted(cls, customer=None):
        return cls.get_invoices(customer).filtered(lambda move: move.state == "posted")

    @classmethod
    def get_drafts(cls, customer=None):
        return cls.get_invoices(customer).filtered(lambda move: move.state == "draft")
