from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.account_banking_sepa_direct_debit.models.account_banking_mandate import (
    NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
)


class ResCompany(models.Model):
    _inherit = "res.company"

    mandate_warning_months = fields.Char(
        string="Warn of unused mandates",
        default="30, 33, 35",
        help="After these numbers of months without a collection somebody is told, once each. After 36 months a SEPA "
        "mandate expires. Empty: nobody is told.",
    )

    @api.constrains("mandate_warning_months")
    def _check_mandate_warning_months(self):
        for company in self:
            try:
                months = company._get_mandate_warning_months()
            except ValueError:
                months = [0]
            if not all(0 < number < NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY for number in months):
                raise ValidationError(
                    self.env._(
                        "Write the months after which somebody is told of an unused mandate as numbers from 1 to 35 "
                        "with commas between them, such as 30, 33, 35."
                    )
                )

    def _get_mandate_warning_months(self):
        """The numbers of unused months after which somebody is told, in rising order.

        :raise ValueError: when they aren't numbers
        """
        self.ensure_one()
        return sorted({int(part) for part in (self.mandate_warning_months or "").split(",") if part.strip()})
