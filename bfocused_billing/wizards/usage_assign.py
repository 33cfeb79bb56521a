from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


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
        numbers = self.env["bfocused.usage.number"]
        plain = [numbers._get_plain_name(name, self.company_id) for name in names]
        known = self._get_known_numbers(plain)
        known._book_waiting()
        new = [name for name in dict.fromkeys(plain) if name not in known.mapped("name")]
        numbers = known | numbers.create([self._prepare_number(name) for name in new])
        return numbers._get_records_action(name=self.env._("Numbers"))

    def _get_known_numbers(self, names):
        """Those that are the customer's on these days already, because somebody was first.

        :raise UserError: when one is somebody's on some of these days only, or another customer's
        """
        domain = Domain("company_id", "=", self.company_id.id) & Domain("name", "in", names)
        if self.date_start:
            domain &= Domain("date_end", "=", False) | Domain("date_end", ">", self.date_start)
        if self.date_end:
            domain &= Domain("date_start", "=", False) | Domain("date_start", "<", self.date_end)
        known = self.env["bfocused.usage.number"].search(domain)
        for number in known:
            starts = not number.date_start or (self.date_start and number.date_start <= self.date_start)
            lasts = not number.date_end or (self.date_end and number.date_end >= self.date_end)
            if number.partner_id != self.partner_id or not (starts and lasts):
                raise UserError(
                    self.env._(
                        "%s belongs to a customer already on some of these days. Choose other days, or change that "
                        "number.",
                        number.display_name,
                    )
                )
        return known

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
