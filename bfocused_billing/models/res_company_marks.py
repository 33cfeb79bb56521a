from odoo import api, fields, models
from odoo.exceptions import ValidationError


class ResCompany(models.Model):
    _inherit = "res.company"

    billing_difference_percent = fields.Float(
        string="Mark differences over (%)",
        default=20.0,
        help="Outcomes of a billing run that differ more than this from the customer's previous run are marked. "
        "0: none is.",
    )

    @api.constrains("billing_difference_percent")
    def _check_billing_difference_percent(self):
        if any(company.billing_difference_percent < 0 for company in self):
            raise ValidationError(self.env._("The percentage can't be negative; use 0 to mark no differences."))
