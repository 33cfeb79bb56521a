from decimal import Decimal

from freezegun import freeze_time

from odoo import Command

from .common import BillingCase


class ExplainCase(BillingCase):
    def explain(self, line):
        """The components of a line; each use checks that they add up to it."""
        components = line._explain_billing()
        total = sum((part.amount for part in components if part.amount is not None), Decimal(0))
        self.assertEqual(total, Decimal(f"{line._get_booked_amount():.2f}"), components)
        return components

    def get_amounts(self, line):
        return [(part.kind, float(part.amount)) for part in self.explain(line) if part.amount is not None]

    def get_labels(self, line, kind):
        return [part.label for part in self.explain(line) if part.kind == kind]

    def bill_at(self, text, **values):
        with freeze_time(text):
            return self.bill(text, **values)

    def include_tax(self, product):
        included = self.company_data["default_tax_sale"].copy(
            {"price_include_override": "tax_included", "name": f"incl {product.name}"}
        )
        product.taxes_id = [Command.set(included.ids)]
