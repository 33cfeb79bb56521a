from datetime import datetime, time

from odoo import Command

from .base import Importer, Refused


class ServicesImporter(Importer):
    """Hours and products that were delivered, as confirmed orders to be invoiced (R3)."""

    filename = "services.csv"
    columns = ("order_ref", "customer_number", "order_date", "product_code", "quantity", "price", "description")
    required = ("order_ref", "customer_number", "order_date", "product_code", "quantity")
    key = "order_ref"
    shared = ("customer_number", "order_date")

    def _import(self, rows):
        first = rows[0]
        if self._find("sale.order", [("name", "=", first[self.key])]):
            return "unchanged"
        # At noon the day is the same in every time zone of Europe.
        ordered_at = datetime.combine(self._date(first, "order_date"), time(12))
        order = self.env["sale.order"].create(
            {
                "name": first[self.key],
                "company_id": self.company.id,
                "partner_id": self._find_customer(first).id,
                "date_order": ordered_at,
                "order_line": [Command.create(self._prepare_line(row)) for row in rows],
            }
        )
        order.action_confirm()
        order.date_order = ordered_at
        for line in order.order_line.filtered(lambda line: line.product_id.invoice_policy == "delivery"):
            line.qty_delivered = line.product_uom_qty
        return "created"

    def _prepare_line(self, row):
        product = self._find_product(row)
        if product.subscribable:
            raise Refused(self._("%s is a subscription; put it in subscriptions.csv.", row["product_code"]))
        values = {"product_id": product.id, "product_uom_qty": self._number(row, "quantity")}
        if row["price"]:
            values["price_unit"] = self._number(row, "price")
        if row["description"]:
            values["name"] = row["description"]
        return values
