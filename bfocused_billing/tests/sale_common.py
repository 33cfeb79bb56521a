from odoo import Command

from .common import BillingCase


class SaleBillingCase(BillingCase):
    """Orders of hours and products, taken in the month before the runs of 1 February."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tax = cls.company_data["default_tax_sale"]
        cls.hours = cls.make_sold_product(
            "Engineer", 100.0, type="service", service_policy="delivered_timesheet", service_tracking="task_in_project"
        )
        cls.cable = cls.make_sold_product("Cable", 10.0, type="consu", invoice_policy="delivery")
        cls.switch = cls.make_sold_product("Switch", 200.0, type="consu", invoice_policy="order")
        cls.employee = cls.env["hr.employee"].sudo().create({"name": "Piet", "company_id": cls.company.id})

    @classmethod
    def make_sold_product(cls, name, price, **values):
        return cls.env["product.product"].create(
            {"name": name, "list_price": price, "taxes_id": [Command.set(cls.tax.ids)], **values}
        )

    @classmethod
    def make_order(cls, *products, customer=None, date="2026-01-10 12:00:00", confirm=True, **values):
        """A confirmed order; a product may come with its quantity."""
        lines = [product if isinstance(product, tuple) else (product, 1) for product in products]
        order = cls.env["sale.order"].create(
            {
                "partner_id": (customer or cls.customer).id,
                "company_id": cls.company.id,
                "order_line": [
                    Command.create({"product_id": product.id, "product_uom_qty": quantity})
                    for product, quantity in lines
                ],
                **values,
            }
        )
        if confirm:
            order.action_confirm()
            order.date_order = date
        return order

    @classmethod
    def log_hours(cls, order, date, hours, product=None):
        line = order.order_line.filtered(lambda line: line.product_id == (product or cls.hours))
        return (
            cls.env["account.analytic.line"]
            .sudo()
            .create(
                {
                    "name": "Work",
                    "project_id": line.task_id.project_id.id,
                    "task_id": line.task_id.id,
                    "employee_id": cls.employee.id,
                    "date": date,
                    "unit_amount": hours,
                }
            )
        )

    @classmethod
    def get_sale_charges(cls, order):
        return (
            cls.env["bfocused.billing.charge"].sudo().search([("sale_line_id", "in", order.order_line.ids)], order="id")
        )

    def credit(self, move, quantity=None, bill_again=False):
        """A posted credit note, of a part when a quantity is given."""
        wizard = (
            self.env["account.move.reversal"]
            .with_context(active_model="account.move", active_ids=move.ids)
            .create({"journal_id": move.journal_id.id, "bill_again": bill_again})
        )
        credit = self.env["account.move"].browse(wizard.refund_moves()["res_id"])
        if quantity:
            credit.invoice_line_ids.quantity = quantity
        credit.action_post()
        return credit

    def assert_billed(self, *expected):
        """Invoiced untaxed amounts of the customer's posted invoices, oldest first."""
        invoices = self.get_invoices().filtered(lambda move: move.state == "posted")
        self.assertEqual(invoices.mapped("amount_untaxed"), list(expected))
        return invoices
