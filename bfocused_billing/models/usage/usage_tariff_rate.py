from odoo import api, fields, models

from ...usage import normalize_number


class UsageTariffRate(models.Model):
    """The price of calls to numbers that begin with a prefix; the longest prefix counts."""

    _name = "bfocused.usage.tariff.rate"
    _description = "Call Rate"
    _order = "prefix, id"
    _rec_name = "prefix"

    tariff_id = fields.Many2one("bfocused.usage.tariff", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="tariff_id.company_id", store=True, index=True)
    prefix = fields.Char(
        required=True,
        help="In international form: +316. National prefixes such as 06 get the country of the company. "
        "Short numbers, such as 112 or 1888, as they are dialled.",
    )
    destination_id = fields.Many2one("bfocused.usage.destination", required=True, ondelete="restrict")
    price_minute = fields.Float(string="Price per minute", default=0.0, digits=(16, 6), help="Excluding VAT.")
    connection_fee = fields.Float(default=0.0, digits=(16, 6), help="Per call of at least one second, excluding VAT.")
    minimum_seconds = fields.Integer(default=0, help="A shorter call counts as this many seconds.")
    step_seconds = fields.Integer(
        string="Rounded up to", default=1, required=True, help="Seconds. 1: per second, 60: per minute begun."
    )

    _prefix_unique = models.UniqueIndex("(tariff_id, prefix)", "This prefix is in the tariff already.")
    _step_positive = models.Constraint("CHECK (step_seconds > 0)", "Calls are rounded up to at least one second.")
    _not_negative = models.Constraint(
        "CHECK (price_minute >= 0 AND connection_fee >= 0 AND minimum_seconds >= 0)", "A rate can't be negative."
    )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_plain_prefix(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._with_plain_prefix(vals))

    def _with_plain_prefix(self, vals):
        if not vals.get("prefix"):
            return vals
        prefix = normalize_number(vals["prefix"], "")
        if prefix.startswith("0"):
            tariff = self.env["bfocused.usage.tariff"].browse(vals.get("tariff_id")) or self.tariff_id
            company = tariff.company_id or self.env.company
            prefix = f"+{company._get_usage_country_code()}{prefix[1:]}"
        return {**vals, "prefix": prefix}
