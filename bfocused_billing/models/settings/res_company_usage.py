from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.base.models.res_partner import _tz_get

DEFAULT_COUNTRY_CODE = "31"


class ResCompany(models.Model):
    _inherit = "res.company"

    billing_tz = fields.Selection(
        selection=_tz_get,
        string="Time zone of billing",
        default="Europe/Amsterdam",
        help="Decides in which month a call or an order falls.",
    )
    usage_product_id = fields.Many2one(
        comodel_name="product.product",
        string="Product of call costs",
        help="Product of the invoice lines of numbers without one of their own.",
    )

    @api.constrains("use_billing", "billing_tz")
    def _check_billing_tz(self):
        if any(company.use_billing and not company.billing_tz for company in self):
            raise ValidationError(self.env._("Choose the time zone that decides in which month calls and orders fall."))

    def _get_usage_country_code(self):
        """Digits that stand for the leading zero of national numbers."""
        self.ensure_one()
        return str(self.country_id.phone_code or DEFAULT_COUNTRY_CODE)

    def _get_usage_product(self):
        """The product of call costs: the company's choice, or else the first of the product group."""
        self.ensure_one()
        return self.usage_product_id or self.env["product.product"].search(
            [
                ("categ_id", "child_of", self.env.ref("bfocused_billing.categ_call_costs").id),
                ("company_id", "in", [False, self.id]),
            ],
            order="default_code, id",
            limit=1,
        )
