from odoo import fields, models


class UsageTariff(models.Model):
    """What calls cost the customer, by the prefix of the number that was dialled."""

    _name = "bfocused.usage.tariff"
    _description = "Call Tariff"
    _order = "name, id"
    _check_company_auto = True

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        "res.company", index=True, default=lambda self: self.env.company, help="Empty: for all companies."
    )
    rate_ids = fields.One2many("bfocused.usage.tariff.rate", inverse_name="tariff_id", string="Rates", copy=True)
