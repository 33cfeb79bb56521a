from odoo import fields, models
from odoo.exceptions import UserError


class UsageAssign(models.TransientModel):
    """Give unknown numbers to a customer, and book the calls that waited for them."""

    _name = "bfocused.usage.assign"
    _description = "Assign Numbers"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    numbers = fields.Char(required=True, help="Separated by commas.")
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, check_company=True)
    subscription_id = fields.Many2one(
        "sale.subscription",
        check_company=True,
        domain="[('partner_id', 'child_of', partner_id), ('company_id', '=', company_id)]",
    )
    product_id = fields.Many2one("product.product", check_company=True)
    tariff_id = fields.Many2one("bfocused.usage.tariff", check_company=True)
    date_start = fields.Date(string="From", help="First day on which calls are this customer's. Empty: always.")
    date_end = fields.Date(string="Until", help="First day on which they no longer are.")

    def action_assign(self):
        """Make the numbers; their waiting calls are rated and booked with that."""
        self.ensure_one()
        names = [name.strip() for name in self.numbers.split(",") if name.strip()]
        if not names:
            raise UserError(self.env._("Which numbers are this customer's?"))
        numbers = self.env["bfocused.usage.number"].create([self._prepare_number(name) for name in names])
        return numbers._get_records_action(name=self.env._("Numbers"))

    def _prepare_number(self, name):
        return {
            "name": name,
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "subscription_id": self.subscription_id.id,
            "product_id": self.product_id.id,
            "tariff_id": self.tariff_id.id,
            "date_start": self.date_start,
            "date_end": self.date_end,
        }
