from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ...usage import UsageBooking, add_plus, normalize_number

RATED_BY = {"name", "company_id", "tariff_id", "date_start", "date_end"}  # decide which calls are booked, and how


class UsageNumber(models.Model):
    """A number, extension or account code whose calls a customer pays, for as long as it is the customer's."""

    _name = "bfocused.usage.number"
    _description = "Number"
    _order = "name, date_start desc, id"
    _check_company_auto = True

    name = fields.Char(string="Number", required=True, help="Stored in international form.")
    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, ondelete="restrict", check_company=True
    )
    subscription_id = fields.Many2one(
        comodel_name="sale.subscription",
        index="btree_not_null",
        check_company=True,
        ondelete="restrict",
        domain="[('partner_id', 'child_of', partner_id), ('company_id', '=', company_id)]",
        help="The calls are invoiced and paid as this subscription.",
    )
    product_id = fields.Many2one(
        "product.product", check_company=True, ondelete="restrict", help="Empty: the company's product of call costs."
    )
    tariff_id = fields.Many2one(
        "bfocused.usage.tariff", check_company=True, ondelete="restrict", help="Empty: the tariff of the profile."
    )
    date_start = fields.Date(string="From", help="First day on which calls are this customer's. Empty: always.")
    date_end = fields.Date(string="Until", help="First day on which they no longer are. Empty: as long as it lasts.")
    charge_ids = fields.One2many("bfocused.billing.charge", inverse_name="usage_number_id", string="Charges")

    _one_owner = models.Constraint(
        "EXCLUDE USING gist ("
        "int8range(hashtextextended(name, company_id), hashtextextended(name, company_id), '[]') WITH &&, "
        "daterange(date_start, date_end) WITH &&)",
        "This number belongs to a customer already on some of these days.",
    )
    _dates_order = models.Constraint("CHECK (date_start < date_end)", "A number can't end before it starts.")
    _name_company = models.Index("(name, company_id)")

    # === COMPUTE

    @api.depends("name", "partner_id")
    def _compute_display_name(self):
        for number in self:
            number.display_name = f"{number.name} ({number.partner_id.name})" if number.partner_id else number.name

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        numbers = super().create([self._with_plain_name(vals) for vals in vals_list])
        numbers._book_waiting()
        return numbers

    def write(self, vals):
        if {"name", "company_id", "partner_id"} & set(vals):
            self._check_unbilled(vals)
        result = super().write(self._with_plain_name(vals))
        if {"date_start", "date_end"} & set(vals):
            self._release_others()
        if RATED_BY & set(vals):
            self._book_waiting()
        return result

    def _with_plain_name(self, vals):
        if not vals.get("name"):
            return vals
        company = self.env["res.company"].browse(vals.get("company_id")) or self.company_id[:1] or self.env.company
        return {**vals, "name": self._get_plain_name(vals["name"], company)}

    @api.model
    def _get_plain_name(self, name, company):
        """A number as it stands in stored calls: in international form, also where the plus was left out.

        A supplier's own code may look like a number without plus, which shows in calls that wait under it.
        """
        plain = normalize_number(name, company._get_usage_country_code())
        international = add_plus(plain, company._get_usage_country_code())
        if international != plain:
            calls = self.env["bfocused.usage.record"].sudo()
            if calls.search_count([("number", "=", plain), ("charge_id", "=", False)], limit=1):
                return plain
        return international

    def _check_unbilled(self, vals):
        """Refuse to give calls that are in the ledger to another customer, number or company.

        :raise UserError: with what to do instead
        """
        names = [name for name in ("company_id", "partner_id") if name in vals]
        plain = self._with_plain_name(vals)
        for number in self.filtered(lambda number: number.sudo().charge_ids):
            moved = any(number[name].id != vals[name] for name in names)
            if moved or plain.get("name", number.name) != number.name:
                raise UserError(
                    self.env._(
                        "%s has calls already. Give it an end date, and make a new number for what comes after.",
                        number.display_name,
                    )
                )

    # === BUSINESS

    def _book_waiting(self):
        """Rate and book the calls that waited for these numbers."""
        for company, numbers in self.grouped("company_id").items():
            names = tuple(set(numbers.mapped("name")))
            self.env.flush_all()
            UsageBooking(self.env, company).book_waiting(SQL("record.number IN %s", names))

    def _release_others(self):
        """Take calls of days that are no longer the customer's out of charges that aren't invoiced."""
        for number in self:
            company = number.company_id
            UsageBooking(self.env, company).release(
                SQL(
                    "charge.usage_number_id = %(number)s AND charge.state = 'open'"
                    " AND NOT daterange(%(start)s, %(end)s)"
                    " @> (record.started_at AT TIME ZONE 'UTC' AT TIME ZONE %(tz)s)::date",
                    number=number.id,
                    start=number.date_start or None,
                    end=number.date_end or None,
                    tz=company.billing_tz,
                )
            )

    def _get_line_key(self):
        """What decides on product, taxes and language of an invoice line; numbers with the same key share them."""
        return self.company_id, self.partner_id, self.subscription_id, self.product_id

    def _get_product(self):
        """The product of the invoice line.

        :raise UserError: when there is none
        """
        self.ensure_one()
        product = self.product_id or self.company_id._get_usage_product()
        if not product:
            raise UserError(self.env._("Choose the product of call costs in the settings of %s.", self.company_id.name))
        return product
