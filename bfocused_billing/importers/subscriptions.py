from odoo import Command

from ..tools import changed_values
from .base import Importer, Refused


class SubscriptionsImporter(Importer):
    """Running subscriptions; rows with the same reference are the lines of one.

    One without a valid mandate waits for it, ready to start from its start date on.
    """

    filename = "subscriptions.csv"
    columns = (
        "subscription_ref", "customer_number", "product_code", "quantity", "cycle", "start_date", "end_date",
        "price", "discount", "description",
    )  # fmt: skip
    required = ("subscription_ref", "customer_number", "product_code", "quantity", "cycle", "start_date")
    key = "subscription_ref"
    shared = ("customer_number", "cycle", "start_date", "end_date")

    def _import(self, rows):
        first = rows[0]
        template = self._get_template(first)
        head = self._prepare_head(first, template)
        lines = [self._prepare_line(row, template) for row in rows]
        subscription = self._find("sale.subscription", [("code", "=", first[self.key])])
        if subscription:
            self._check_same(subscription, head, lines)
            return "unchanged"
        values = {**head, "sale_subscription_line_ids": [Command.create(line) for line in lines]}
        self.env["sale.subscription"].create(values)._start_or_wait()
        return "created"

    def _get_template(self, row):
        template = self.env["sale.subscription.template"].search([("billing_cycle", "=", row["cycle"])], limit=1)
        if not template:
            raise Refused(self._('cycle: there is no billing cycle "%s".', row["cycle"]))
        return template

    def _prepare_head(self, row, template):
        partner = self._find_customer(row)
        own = partner.with_company(self.company).property_product_pricelist
        pricelist = own or self.company._ensure_billing_pricelist(self.company.currency_id)
        start, end = self._date(row, "start_date"), self._date(row, "end_date")
        if end and end <= start:
            raise Refused(self._("end_date: %s is not after the start date.", row["end_date"]))
        return {
            "code": row[self.key],
            "company_id": self.company.id,
            "partner_id": partner.id,
            "template_id": template.id,
            "pricelist_id": pricelist.id,
            "fiscal_position_id": self.env["account.fiscal.position"]._get_fiscal_position(partner).id,
            "date_start": start,
            "date": end,
        }

    def _prepare_line(self, row, template):
        product = self._find_product(row)
        cycles = product.product_tmpl_id._get_billing_cycles()
        if not cycles:
            raise Refused(self._("%s is not a subscription; put it in services.csv.", row["product_code"]))
        if template not in cycles:
            raise Refused(
                self._(
                    '%(product)s can\'t be sold in the cycle "%(cycle)s". Allowed: %(allowed)s.',
                    product=row["product_code"],
                    cycle=row["cycle"],
                    allowed=", ".join(cycles.mapped("billing_cycle")),
                )
            )
        values = {
            "product_id": product.id,
            "product_uom_qty": self._number(row, "quantity"),
            "discount": self._number(row, "discount"),
        }
        if row["price"]:
            values["price_unit"] = self._number(row, "price")
        if row["description"]:
            values["name"] = row["description"]
        return values

    def _check_same(self, subscription, head, lines):
        """A subscription that is there belongs to the people who manage it; the file may only say the same."""
        records = subscription.sale_subscription_line_ids.sorted("id")
        same = len(records) == len(lines) and not changed_values(subscription, head)
        if not same or any(changed_values(record, line) for record, line in zip(records, lines, strict=True)):
            raise Refused(
                self._("Subscription %s is there already and differs. Change it in Odoo itself.", head["code"])
            )
