import logging

from dateutil.relativedelta import relativedelta
from psycopg2 import OperationalError

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from odoo.addons.account_banking_sepa_direct_debit.models.account_banking_mandate import (
    NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
)

_logger = logging.getLogger(__name__)


class AccountBankingMandate(models.Model):
    """The life of a SEPA mandate: it lapses when nothing was collected with it for 36 months.

    The rule is the European Payments Council's (SDD Core rulebook, section 4.1): the months count from the latest
    collection presented, even if that was rejected, returned or refunded.
    """

    _inherit = "account.banking.mandate"

    # Since November 2016 a first collection may be sent as a recurring one (T13).
    recurrent_sequence_type = fields.Selection(default=lambda self: self._get_default_sequence_type(self.env.company))
    b2b_registered_date = fields.Date(
        string="Registered at the bank",
        tracking=True,
        copy=False,
        help="Day on which the customer had this B2B mandate registered at the own bank. Until then that bank refuses "
        "every debit, so nothing is collected with it.",
    )
    expiry_date = fields.Date(
        compute="_compute_expiry_date",
        store=True,
        index=True,
        help="The mandate expires when nothing is collected with it before this day: 36 months after its last "
        "collection, or after its signature.",
    )
    expiry_warned_months = fields.Integer(
        copy=False, readonly=True, help="Somebody was told that the mandate was unused for this number of months."
    )

    # === COMPUTE

    @api.depends("signature_date", "last_debit_date")
    def _compute_expiry_date(self):
        for mandate in self:
            mandate.expiry_date = mandate._get_expiry_date(mandate._get_last_use())

    @api.model
    def _get_expiry_date(self, used):
        """The day on which a mandate expires that was last used, or else signed, on ``used``."""
        return used and used + relativedelta(months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY)

    @api.model
    def _get_lapsed_problem(self, signed, debited):
        """Why a mandate from elsewhere isn't taken over, as a sentence; ``False`` when it can be.

        :param signed: day of its signature
        :param debited: day of its last collection, maybe ``False``
        """
        today = fields.Date.context_today(self)
        if debited and debited > today:
            return self.env._("The day of the last collection, %s, is in the future.", format_date(self.env, debited))
        expiry = self._get_expiry_date(max(filter(None, (signed, debited))))
        if expiry > today:
            return False
        return self.env._(
            "This mandate expired on %(date)s, %(months)s months after its last collection or its signature. Fill in "
            "the day of its last collection if that was later, or let the customer sign a new one.",
            date=format_date(self.env, expiry),
            months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
        )

    def _get_last_use(self):
        """The day from which the unused months count; ``False`` for a mandate that was never signed."""
        self.ensure_one()
        return max(filter(None, (self.signature_date, self.last_debit_date)), default=False)

    # === CRUD

    @api.model
    def _get_default_sequence_type(self, company):
        return "recurring" if company.use_billing else "first"

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account_banking_mandate': the field's default only knows the user's own company
        for vals in vals_list:
            if vals.get("company_id") and "recurrent_sequence_type" not in vals:
                company = self.env["res.company"].browse(vals["company_id"])
                vals["recurrent_sequence_type"] = self._get_default_sequence_type(company)
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'account_banking_mandate': a mandate that is used again is warned of anew
        if {"last_debit_date", "signature_date"} & set(vals):
            vals = {"expiry_warned_months": 0, **vals}
        return super().write(vals)

    # === CRON

    def _sdd_mandate_set_state_to_expired(self):
        # EXTENDS 'account_banking_sepa_direct_debit': where billing is used, SEPA mandates only, with warnings (T12)
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        mandates = self.search(self._get_aging_domain(companies))
        for number, mandate in enumerate(mandates, start=1):
            mandate.with_company(mandate.company_id)._expire_or_warn()
            self.env["ir.cron"]._commit_progress(1, remaining=len(mandates) - number)
        rest = self.with_context(mandate_expiry_without=companies.ids)
        return super(AccountBankingMandate, rest)._sdd_mandate_set_state_to_expired()

    @api.model
    def _search(self, domain, *args, **kwargs):
        # EXTENDS 'base': the scheduled action that is extended above searches in all companies
        without = self.env.context.get("mandate_expiry_without")
        if without:
            domain = Domain(domain) & Domain("company_id", "not in", without)
        return super()._search(domain, *args, **kwargs)

    @api.model
    def _get_aging_domain(self, companies):
        """Domain of the mandates of ``companies`` that have to be warned of or expire."""
        today = fields.Date.context_today(self)
        domains = []
        for company in companies:
            first = min(company._get_mandate_warning_months(), default=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY)
            # a month's spare on this side: the months themselves are counted per mandate
            day = today + relativedelta(months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY - first, days=3)
            domains.append(Domain("company_id", "=", company.id) & Domain("expiry_date", "<=", day))
        return Domain([("format", "=", "sepa"), ("state", "=", "valid")]) & Domain.OR(domains)

    def _expire_or_warn(self):
        """Warn of the mandate or let it expire; what goes wrong with one doesn't stop the others."""
        try:
            with self.env.cr.savepoint():
                self._age(fields.Date.context_today(self))
        except OperationalError:
            raise
        except Exception:
            _logger.exception("Mandate %s could not be warned of or expire", self.id)

    def _age(self, today):
        """Warn of the mandate, once per number of months, or let it expire.

        :param today: date
        """
        self.ensure_one()
        if self.expiry_date <= today:
            return self._expire()
        passed = [
            months
            for months in self.company_id._get_mandate_warning_months()
            if self._get_last_use() + relativedelta(months=months) <= today
        ]
        if passed and passed[-1] > self.expiry_warned_months:
            self._warn_of_expiry(passed[-1])
            self.expiry_warned_months = passed[-1]

    def _warn_of_expiry(self, months):
        user = self.partner_id._get_mandate_user(self.company_id)
        told = self.with_context(lang=user.lang)
        told.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=self.expiry_date,
            summary=told.env._("Mandate unused for %s months", months),
            note=told.env._(
                "Nothing was collected with mandate %(mandate)s for %(months)s months. It expires on %(date)s: collect "
                "before that day, or ask the customer to sign a new one.",
                mandate=self.unique_mandate_reference,
                months=months,
                date=format_date(told.env, self.expiry_date),
            ),
            user_id=user.id,
        )

    def _expire(self):
        """Let the mandate expire, and ask a customer who still needs it for a new one."""
        self.state = "expired"
        partner = self.partner_id.commercial_partner_id
        # sentences of an activity are in the language of whom it is for
        told = self.with_context(lang=partner._get_mandate_user(self.company_id).lang)
        reason = told.env._(
            "Mandate %(mandate)s expired on %(date)s, after %(months)s months without a collection.",
            mandate=self.unique_mandate_reference,
            date=format_date(told.env, self.expiry_date),
            months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
        )
        self.message_post(body=reason)
        if partner._needs_mandate(self.company_id):
            partner.with_company(self.company_id)._request_new_mandate(reason)
        else:
            told._note_expiry(reason)
        _logger.info("Mandate %s expired", self.id)

    def _note_expiry(self, reason):
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Mandate expired"),
            note=reason,
            user_id=self.partner_id._get_mandate_user(self.company_id).id,
        )
