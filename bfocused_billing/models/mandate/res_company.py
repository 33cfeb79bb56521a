from stdnum.eu.at_02 import is_valid

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from odoo.addons.account_banking_sepa_direct_debit.models.account_banking_mandate import (
    NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
)


class ResCompany(models.Model):
    """Settings of mandates: their scheme, how a customer is asked for one, and what the company is known by."""

    _inherit = "res.company"

    mandate_scheme = fields.Selection(
        selection=[("CORE", "Basic (CORE)"), ("B2B", "Enterprise (B2B)")],
        default="CORE",
        help="Scheme of new mandates. CORE: the customer can have a collection paid back within 8 weeks. B2B: not, but "
        "each customer has to register the mandate at their own bank first.",
    )
    mandate_request_days = fields.Integer(
        string="Link valid for (days)", default=14, help="After these days a mailed link to the mandate form expires."
    )
    mandate_prenotification_days = fields.Integer(
        string="Pre-notification (days)",
        default=14,
        help="Calendar days between the announcement of a collection and the collection, as the mandate says and as "
        "collections are planned. SEPA asks for 14 unless another number was agreed. A payment mode can have another "
        "number; those that have the company's follow it when it is changed.",
    )
    mandate_staff_check = fields.Boolean(
        string="Check signed mandates", help="A mandate signed online becomes valid after a person has validated it."
    )
    mandate_auto_request = fields.Boolean(
        string="Ask for a new mandate by mail",
        default=True,
        help="A customer whose mandate ends while subscriptions run is mailed a link to the form at once. Otherwise a "
        "person is told to ask.",
    )
    mandate_country_group_id = fields.Many2one(
        comodel_name="res.country.group",
        string="Accepted account countries",
        help="Countries of which bank accounts are accepted. Empty: the SEPA countries.",
    )
    mandate_attempt_limit = fields.Integer(
        string="Failed attempts allowed",
        default=10,
        help="More wrong IBANs or links than this from one address have to wait.",
    )
    mandate_attempt_minutes = fields.Integer(string="Within (minutes)", default=15)
    mandate_warning_months = fields.Char(
        string="Warn of unused mandates",
        default="30, 33, 35",
        help="After these numbers of months without a collection somebody is told, once each. After 36 months a SEPA "
        "mandate expires. Empty: nobody is told.",
    )

    # === CONSTRAINTS

    @api.constrains(
        "mandate_request_days", "mandate_prenotification_days", "mandate_attempt_limit", "mandate_attempt_minutes"
    )
    def _check_mandate_numbers(self):
        for company in self:
            if not 1 <= company.mandate_request_days <= 365:
                raise ValidationError(self.env._("A link to the mandate form is valid for 1 to 365 days."))
            if not 1 <= company.mandate_prenotification_days <= 60:
                raise ValidationError(self.env._("A collection is announced 1 to 60 days before."))
            if company.mandate_attempt_limit < 1 or company.mandate_attempt_minutes < 1:
                raise ValidationError(self.env._("Allow at least one wrong try, within at least one minute."))

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

    @api.constrains("sepa_creditor_identifier", "company_registry", "use_billing")
    def _check_creditor_registry(self):
        for company in self.filtered("use_billing"):
            problem = company._get_creditor_registry_problem()
            if problem:
                raise ValidationError(problem)

    # === BUSINESS

    def _get_pre_notification_days(self, mode):
        """Calendar days between announcing a collection and collecting.

        :param mode: ``account.payment.mode`` it is collected with, maybe empty
        """
        self.ensure_one()
        return mode.pre_notification_days if mode else self.mandate_prenotification_days

    def _get_creditor_identifier(self):
        """The SEPA creditor identifier: of the direct-debit payment mode, or else of the company."""
        self.ensure_one()
        return self.billing_payment_mode_id.sepa_creditor_identifier or self.sepa_creditor_identifier

    def _get_creditor_problem(self):
        """What the company lacks to ask for a mandate, as a sentence; an empty text when it lacks nothing."""
        self.ensure_one()
        identifier = self._get_creditor_identifier()
        if not identifier or not is_valid(identifier):
            return self.env._("%s has no valid SEPA creditor identifier. Fill it in in the settings.", self.name)
        if not self.street or not self.city:
            return self.env._("The address of %s is not complete: a mandate shows street and city.", self.name)
        return self._get_creditor_registry_problem()

    def _get_creditor_registry_problem(self):
        """A Dutch identifier holds the KvK number: NL, check digits, ZZZ, 8 digits, 4 digits (EPC262-08).

        :return: a sentence when it is another company's; an empty text when it fits or can't be compared
        """
        identifier = (self._get_creditor_identifier() or "").replace(" ", "").upper()
        registry = (self.company_registry or "").replace(" ", "")
        if not identifier.startswith("NL") or not registry or identifier[7:15] == registry:
            return ""
        return self.env._(
            "SEPA creditor identifier %(identifier)s holds KvK number %(found)s, but %(company)s has %(registry)s.",
            identifier=identifier,
            found=identifier[7:15],
            company=self.name,
            registry=registry,
        )

    def _get_mandate_country_group(self):
        self.ensure_one()
        return self.mandate_country_group_id or self.env.ref("base.sepa_zone")

    def _get_mandate_warning_months(self):
        """The numbers of unused months after which somebody is told, in rising order.

        :raise ValueError: when they aren't numbers
        """
        self.ensure_one()
        return sorted({int(part) for part in (self.mandate_warning_months or "").split(",") if part.strip()})
