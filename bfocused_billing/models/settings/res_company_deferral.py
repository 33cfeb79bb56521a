from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError

MANNERS = [("hold", "Hold the invoice"), ("issue", "Issue it now, collect it at the quarter turn")]


class ResCompany(models.Model):
    """Settings of the deferral of small invoices (R5) that the law on invoice dates asks for."""

    _inherit = "res.company"

    billing_deferral_continuing = fields.Selection(
        selection=MANNERS,
        string="Continuing services",
        default="hold",
        help="What waits for the quarter turn when an invoice of subscriptions or calls is too small.",
    )
    billing_deferral_separate = fields.Selection(
        selection=MANNERS,
        string="Separate supplies",
        default="hold",
        help="What waits for the quarter turn when an invoice of products or hours is too small.",
    )
    billing_deferral_warning_days = fields.Integer(
        string="Warn before the lawful date",
        default=14,
        help="Number of days before its last lawful invoice date on which somebody is told of a deferred invoice.",
    )

    # === CONSTRAINTS

    @api.constrains("billing_deferral_warning_days")
    def _check_billing_deferral_warning_days(self):
        for company in self:
            if company.billing_deferral_warning_days < 0:
                raise ValidationError(
                    self.env._("The number of days to warn before the lawful date can't be negative.")
                )

    # === BUSINESS

    def _is_under_billing_minimum(self, amounts, currency, date):
        """Whether an invoice is so small that it waits.

        :param amounts: dict or record with ``amount_total`` and ``amount_untaxed``
        :param currency: ``res.currency`` of the amounts; the minimum is in the company's
        :param date: date of the invoice, whose rate counts
        """
        self.ensure_one()
        minimum = self.currency_id._convert(self.billing_min_amount, currency, self, date)
        return currency.compare_amounts(amounts[self._get_billing_minimum_field()], minimum) < 0

    def _get_billing_minimum_field(self):
        """The field of an invoice that is compared with the minimum."""
        return "amount_untaxed" if self.billing_min_amount_base == "untaxed" else "amount_total"

    def _issues_small_invoices(self, natures):
        """Whether a small invoice is sent at once and only its collection waits.

        :param natures: the supply natures on it; one that can't wait takes the others along
        """
        self.ensure_one()
        settings = {"continuing": self.billing_deferral_continuing, "separate": self.billing_deferral_separate}
        return any(settings.get(nature) == "issue" for nature in natures)

    def _get_deferral_warning_time(self):
        """How long before its last lawful invoice date somebody is told of a deferred invoice."""
        self.ensure_one()
        return timedelta(days=self.billing_deferral_warning_days)
