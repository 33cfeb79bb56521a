from odoo import Command

from .base import Importer, Refused

KINDS = ("subscription", "usage", "hours", "goods")


class CatalogueImporter(Importer):
    """Products with their group and price."""

    filename = "catalogue.csv"
    columns = ("product_code", "name", "product_group", "kind", "price", "price_cycle", "description")
    required = ("product_code", "name", "kind", "price")
    key = "product_code"

    def _import(self, rows):
        row = rows[0]
        if row["kind"] not in KINDS:
            raise Refused(self._('kind: "%(value)s" is none of %(kinds)s.', value=row["kind"], kinds=", ".join(KINDS)))
        product = self._find("product.template", [("default_code", "=", row["product_code"])])
        values = self._prepare_product(row)
        tax = self.company._get_service_taxes().get(self.company.account_sale_tax_id)
        if tax and not product and values["type"] == "service":  # a product that is there already keeps its taxes
            values["taxes_id"] = [Command.set(tax.ids)]
        return self._store("product.template", product, values)[1]

    def _prepare_product(self, row):
        is_subscription = row["kind"] == "subscription"
        values = {
            "default_code": row["product_code"],
            "name": row["name"],
            "description_sale": row["description"] or False,
            "type": "consu" if row["kind"] == "goods" else "service",
            "list_price": self._number(row, "price"),
            "subscribable": is_subscription,
            "invoice_policy": "delivery" if row["kind"] == "hours" else "order",
        }
        if row["kind"] == "hours":
            values["uom_id"] = self.env.ref("uom.product_uom_hour").id
        if row["kind"] in ("subscription", "usage"):
            category = self._get_category(row)
            values["categ_id"] = category.id
            values["billing_price_cycle"] = self._get_price_cycle(row, category) if is_subscription else False
        return values

    def _get_category(self, row):
        category = self.env.ref(f"bfocused_billing.categ_{row['product_group']}", raise_if_not_found=False)
        if not category:
            raise Refused(self._('product_group: there is no group "%s".', row["product_group"]))
        return category

    def _get_price_cycle(self, row, category):
        cycles = dict(self.env["sale.subscription.template"]._fields["billing_cycle"].selection)
        cycle = row["price_cycle"] or category._get_billing_cycles()[:1].billing_cycle
        if cycle not in cycles:
            raise Refused(
                self._('price_cycle: "%(value)s" is none of %(cycles)s.', value=cycle, cycles=", ".join(cycles))
            )
        return cycle
