import logging

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from odoo.addons.account_banking_sepa_direct_debit.models.account_banking_mandate import (
    NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
)
from odoo.addons.base_iban.models.res_partner_bank import normalize_iban

from ...tools import changed_values
from ...transactions import process_isolated

_logger = logging.getLogger(__name__)

# What makes a mandate usable, or no longer so.
USABILITY_FIELDS = frozenset({"state", "format", "type", "scheme", "partner_bank_id", "b2b_registered_date"})
# A mandate that was signed through us, on the form or on paper, can't be another one afterwards.
PROVEN_FIELDS = (
    "company_id",
    "format",
    "partner_bank_id",
    "partner_id",
    "request_id",
    "scan",
    "scheme",
    "signature_date",
    "type",
    "unique_mandate_reference",
)
# Of one without a document of ours (imported, or typed in) as long as it is valid.
VALID_FIELDS = ("company_id", "partner_bank_id", "partner_id", "unique_mandate_reference")
# What only signing fills in: a user who may write mandates could otherwise make up a proof, or what the bank is told.
SIGNING_FIELDS = ("original_debtor_account", "original_mandate_reference", "replaced_mandate_id", "request_id")


class AccountBankingMandate(models.Model):
    """A SEPA mandate: what proves it, whether it can be used, what waits for it and when it expires.

    It expires when nothing was collected with it for 36 months. The rule is the European Payments Council's (SDD Core
    rulebook, section 4.1): the months count from the latest collection presented, even if that was rejected, returned
    or refunded. Signed mandates are not changed but replaced, with the data that SEPA wants to know of the change.
    """

    _inherit = "account.banking.mandate"

    commercial_partner_id = fields.Many2one(
        related="partner_bank_id.partner_id.commercial_partner_id",
        string="Customer",
        store=True,
        index="btree_not_null",
        help="Whose mandate it is, also if the account is that of a contact.",
    )
    # Since November 2016 a first collection may be sent as a recurring one (T13).
    recurrent_sequence_type = fields.Selection(default=lambda self: self._get_default_sequence_type(self.env.company))
    b2b_registered_date = fields.Date(
        string="Registered at the bank",
        tracking=True,
        copy=False,
        help="Day on which the customer had this B2B mandate registered at their own bank. Until then that bank "
        "refuses every debit, so nothing is collected with it.",
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
    # --- the proof
    request_id = fields.Many2one(
        comodel_name="bfocused.mandate.request",
        string="Proof",
        copy=False,
        readonly=True,
        ondelete="restrict",
        index="btree_not_null",
    )
    replaced_mandate_id = fields.Many2one(
        comodel_name="account.banking.mandate",
        string="Replaces",
        copy=False,
        readonly=True,
        ondelete="restrict",
        help="The mandate of this customer that was valid when this one was signed. It is cancelled once this one can "
        "be used.",
    )
    original_mandate_reference = fields.Char(
        copy=False,
        readonly=True,
        help="Reference of the mandate the bank knows until now. The first collection with this one reports it as "
        "amended.",
    )
    original_debtor_account = fields.Char(
        copy=False, readonly=True, help="IBAN that was debited until now, where it differs."
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
        # EXTENDS 'account_banking_mandate'
        for vals in vals_list:
            self._fill_sequence_type(vals)
            if any(vals.get(name) for name in SIGNING_FIELDS):
                self._check_signing()
        mandates = super().create(vals_list)
        mandates._forget_customers_mandates()
        mandates._release_waiting()
        return mandates

    def write(self, vals):
        # EXTENDS 'account_banking_mandate'
        if {"last_debit_date", "signature_date"} & vals.keys():
            vals = {"expiry_warned_months": 0, **vals}  # a mandate that is used again is warned of anew
        self._check_signed_terms(vals)
        self._check_signing_fields(vals)
        cancelled = self.filtered(lambda mandate: mandate.state == "valid" and vals.get("state") == "cancel")
        result = super().write(vals)
        if "partner_bank_id" in vals:
            self._forget_customers_mandates()
        if USABILITY_FIELDS & vals.keys():
            self._release_waiting()
        if not self.env.context.get("billing_mandate_request_follows"):
            cancelled._ask_for_new()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_proven(self):
        if self.request_id:
            raise UserError(self.env._("A signed mandate is kept as proof. Cancel it instead."))

    @api.model
    def _search(self, domain, *args, **kwargs):
        # EXTENDS 'base': the scheduled action that is extended below searches in all companies
        without = self.env.context.get("billing_mandate_expiry_without")
        if without:
            domain = Domain(domain) & Domain("company_id", "not in", without)
        return super()._search(domain, *args, **kwargs)

    @api.model
    def _fill_sequence_type(self, vals):
        """Complete the values of a new mandate: the field's default only knows the user's own company."""
        if vals.get("company_id") and "recurrent_sequence_type" not in vals:
            company = self.env["res.company"].browse(vals["company_id"])
            vals["recurrent_sequence_type"] = self._get_default_sequence_type(company)

    def _check_signing_fields(self, vals):
        """
        :raise UserError: when a user would change what only signing fills in
        """
        filled = {name: vals[name] for name in SIGNING_FIELDS if name in vals}
        if filled and any(changed_values(mandate, filled) for mandate in self):
            self._check_signing()

    @api.model
    def _check_signing(self):
        """
        :raise UserError: when a user, and not the signing itself, fills in what comes from it
        """
        if not self.env.su:
            raise UserError(self.env._("The proof of a mandate comes from its signature, not from a user."))

    def _check_signed_terms(self, vals):
        """
        :raise UserError: when what was signed would change
        """
        for mandate in self.filtered("company_id.use_billing"):
            fixed = PROVEN_FIELDS if mandate.request_id else VALID_FIELDS if mandate.state == "valid" else ()
            changes = {name: vals[name] for name in fixed if name in vals}
            if changes and changed_values(mandate, changes):
                raise UserError(
                    self.env._(
                        "Mandate %s is signed, so it can't be changed. Another account or name takes a new mandate, "
                        "which replaces this one.",
                        mandate.unique_mandate_reference,
                    )
                )

    def _forget_customers_mandates(self):
        """Let customers whose mandates were read before see these at once, and not only when they are flushed."""
        self._recompute_recordset(["commercial_partner_id"])

    # === ACTIONS

    def action_open_proof(self):
        self.ensure_one()
        return self.request_id._get_records_action()

    def action_verify_proof(self):
        self.ensure_one()
        return self.request_id.action_verify_proof()

    def validate(self):
        # EXTENDS 'account_banking_mandate': a signed mandate that waited for a check by staff is done with it
        result = super().validate()
        checked = self.sudo().filtered(lambda mandate: mandate.request_id.state == "signed")
        checked.request_id.state = "done"
        checked.activity_unlink(["mail.mail_activity_data_todo"])
        return result

    # === BUSINESS

    # --- whether it can be used

    def _get_mandate_problem(self):
        """Why nothing can be collected with this mandate, as a sentence in the user's language.

        :return: an empty text when it is usable
        """
        self.ensure_one()
        if self.type == "oneoff":
            return self.env._("Mandate %s is for one collection only.", self.unique_mandate_reference)
        return self._get_debit_problem()

    def _get_debit_problem(self):
        """Why not even one collection can be made with this mandate, as a sentence in the user's language.

        :return: an empty text when it is usable
        """
        self.ensure_one()
        reference = self.unique_mandate_reference
        if not self.sudo().partner_bank_id.active:
            return self.env._("The bank account of mandate %s is archived.", reference)
        problems = {
            "draft": self.env._("Mandate %s is not signed yet.", reference),
            "expired": self.env._("Mandate %s has expired.", reference),
            "cancel": self.env._("Mandate %s was cancelled.", reference),
        }
        if self._has_lapsed():
            return problems["expired"]
        return problems.get(self.state) or self._get_format_problem() or self._get_registration_problem()

    def _get_format_problem(self):
        """The file of direct debits can't be made, for nobody on the order, with one mandate that isn't SEPA's."""
        is_sepa = self.format == "sepa" and self.type in ("recurrent", "oneoff")
        if is_sepa or not self.company_id.use_billing:
            return ""
        return self.env._(
            "Mandate %s is no SEPA mandate: set its format to SEPA and its type to recurrent or one-off.",
            self.unique_mandate_reference,
        )

    def _has_lapsed(self):
        """Whether it expired since the scheduled action that says so ran last."""
        lapses = self.state == "valid" and self.company_id.use_billing and self.expiry_date
        return bool(lapses and self.expiry_date <= fields.Date.context_today(self))

    def _get_registration_problem(self):
        """The debtor's bank refuses each B2B debit of which the debtor didn't confirm the mandate to it (SDD B2B)."""
        if self.scheme != "B2B" or self.b2b_registered_date or not self.company_id.use_billing:
            return ""
        return self.env._("B2B mandate %s isn't registered at the customer's bank yet.", self.unique_mandate_reference)

    @api.model
    def _get_lapsed_problem(self, signed, debited):
        """Why a mandate from elsewhere isn't taken over, as a sentence; an empty text when it can be.

        :param signed: day of its signature
        :param debited: day of its last collection, maybe ``False``
        """
        today = fields.Date.context_today(self)
        if debited and debited > today:
            return self.env._("The day of the last collection, %s, is in the future.", format_date(self.env, debited))
        expiry = self._get_expiry_date(max(filter(None, (signed, debited))))
        if expiry > today:
            return ""
        return self.env._(
            "This mandate expired on %(date)s, %(months)s months after its last collection or its signature. Fill in "
            "the day of its last collection if that was later, or let the customer sign a new one.",
            date=format_date(self.env, expiry),
            months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
        )

    # --- what a file of direct debits says of it

    def _get_debit_problem_on(self, day):
        """Why nothing can be collected with this mandate on ``day``, as a sentence in the user's language.

        :return: an empty text when it is usable on that day
        """
        self.ensure_one()
        problem = self._get_debit_problem()
        if problem:
            return problem
        reference = self.unique_mandate_reference
        if self.partner_bank_id.acc_type != "iban":
            return self.env._("The bank account of mandate %s is no IBAN.", reference)
        if self.type == "oneoff" and self.last_debit_date:
            return self.env._("Mandate %s was for one collection only, which was made.", reference)
        if self.expiry_date <= day:
            return self.env._(
                "Mandate %(mandate)s expires on %(date)s, before the day of the collection.",
                mandate=reference,
                date=format_date(self.env, self.expiry_date),
            )
        return ""

    def _get_agreed_notice_days(self):
        """The pre-notification that stands in the text of this mandate; 0 when that isn't known, or without mandate."""
        return self.sudo().request_id.prenotification_days

    def _get_amendment(self):
        """What was changed in this mandate since the debtor's bank last saw it, told with the first debit after it.

        :return: dict with ``reference`` (the mandate it replaces) and ``iban`` (the account that was debited), each
            left out when it is the same; empty when nothing was changed
        """
        self.ensure_one()
        if self.last_debit_date:  # told with its first debit
            return {}
        changes = {
            "reference": self.original_mandate_reference,
            "iban": normalize_iban(self.original_debtor_account or ""),
        }
        return {name: value for name, value in changes.items() if value}

    # --- what waits for it

    def _release_waiting(self):
        """Let usable mandates take over, and start and confirm what waited for them.

        With all rights: whoever makes a mandate valid, the customer on the portal too, need not see what waits.
        """
        for mandate in self.sudo():
            if not mandate._get_mandate_problem():
                mandate._replace()
                mandate._adopt_subscriptions_of_stopped()
        for mandate in self.sudo().filtered("company_id.use_billing"):
            payer = mandate.commercial_partner_id
            if payer and not mandate._get_mandate_problem():
                subscriptions, orders = mandate._get_waiting(mandate.company_id, payer)
                subscriptions._release_each()
                orders._release_each()

    @api.model
    def _get_waiting(self, company, payer):
        """What waits for a mandate of ``payer``: subscriptions, and quotations that were accepted."""
        subscriptions = self.env["sale.subscription"].sudo().with_company(company)
        orders = self.env["sale.order"].sudo().with_company(company)
        of_payer = Domain("partner_invoice_id.commercial_partner_id", "=", payer.id)
        return (
            subscriptions.search(subscriptions._get_awaiting_domain(company) & of_payer),
            orders.search(orders._get_awaiting_domain(company) & of_payer),
        )

    def _adopt_subscriptions_of_stopped(self):
        """Be the mandate of this payer's subscriptions that were tied to one that is stopped, or none would follow."""
        payer = self.partner_id.commercial_partner_id
        of_payer = Domain("partner_invoice_id.commercial_partner_id", "=", payer.id) | (
            Domain("partner_invoice_id", "=", False) & Domain("partner_id.commercial_partner_id", "=", payer.id)
        )
        stopped = Domain("mandate_id.state", "in", ("cancel", "expired")) & Domain("stage_id.type", "!=", "post")
        here = Domain("company_id", "=", self.company_id.id) & Domain("company_id.use_billing", "=", True)
        self.env["sale.subscription"].search(here & of_payer & stopped).write({"mandate_id": self.id})

    # --- replacing one

    def _replace(self):
        """Let this mandate take over from the one it replaces, which goes only once this one can be used."""
        old = self.replaced_mandate_id
        if old.state != "valid":
            return
        self.write(self._prepare_amendment(old))
        self.env["sale.subscription"].sudo().search([("mandate_id", "=", old.id)]).write({"mandate_id": self.id})
        old.cancel()
        old.message_post(body=self.env._("Replaced by mandate %s.", self.unique_mandate_reference))

    def _prepare_amendment(self, old):
        """What SEPA's AmendmentInformationDetails say of the mandate before (ISO 20022 pain.008, MndtRltdInf)."""
        reference, account = old._get_known_to_bank()
        is_same = not account or normalize_iban(account) == normalize_iban(self.partner_bank_id.acc_number)
        return {
            "original_mandate_reference": reference,
            "original_debtor_account": False if is_same else account,
        }

    def _get_known_to_bank(self):
        """Reference and IBAN of the mandate that the debtor's bank has seen debits of; both ``False`` for none.

        One that was signed online and never collected was seen by no bank. What it replaced itself may have been. One
        that came on paper or by import may have been collected elsewhere before.
        """
        self.ensure_one()
        if self.last_debit_date or self.request_id.kind != "online":
            return self.unique_mandate_reference, self.partner_bank_id.acc_number
        account = self.original_debtor_account or (self.original_mandate_reference and self.partner_bank_id.acc_number)
        return self.original_mandate_reference, account or False

    def _ask_for_new(self):
        """Ask customers with running subscriptions for a new mandate when theirs was cancelled."""
        for mandate in self.sudo().filtered("company_id.use_billing"):
            company = mandate.company_id
            payer = mandate.partner_id.commercial_partner_id.with_company(company)
            present = payer._get_billing_mandate(company)
            if payer._needs_mandate(company) and payer._get_mandate_problem(company, present):
                payer._request_new_mandate(
                    self.env._("Mandate %s was cancelled while subscriptions run.", mandate.unique_mandate_reference)
                )

    # === CRON

    def _sdd_mandate_set_state_to_expired(self):
        # EXTENDS 'account_banking_sepa_direct_debit': where billing is used, SEPA mandates only, with warnings (T12)
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        mandates = self.search(self._get_aging_domain(companies))
        for number, mandate in enumerate(mandates, start=1):
            process_isolated(
                self.env.cr,
                mandate.with_company(mandate.company_id),
                lambda one: one._expire_or_warn(),
                lambda one, error: one._log_failed_expiry(error),
            )
            self.env["ir.cron"]._commit_progress(1, remaining=len(mandates) - number)
        rest = self.with_context(billing_mandate_expiry_without=companies.ids)
        return super(AccountBankingMandate, rest)._sdd_mandate_set_state_to_expired()

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
        """Let the mandate expire, or warn of it once per number of months."""
        self.ensure_one()
        today = fields.Date.context_today(self)
        if self.expiry_date <= today:
            self._expire()
            return
        passed = [
            months
            for months in self.company_id._get_mandate_warning_months()
            if self._get_last_use() + relativedelta(months=months) <= today
        ]
        if passed and passed[-1] > self.expiry_warned_months:
            self._warn_of_expiry(passed[-1])
            self.expiry_warned_months = passed[-1]

    def _log_failed_expiry(self, error):
        _logger.error("Mandate %s could not be warned of or expire", self.id, exc_info=error)

    def _warn_of_expiry(self, months):
        user = self.partner_id._get_mandate_user(self.company_id)
        localized = self.with_context(lang=user.lang)
        localized.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=self.expiry_date,
            summary=localized.env._("Mandate unused for %s months", months),
            note=localized.env._(
                "Nothing was collected with mandate %(mandate)s for %(months)s months. It expires on %(date)s: collect "
                "before that day, or ask the customer to sign a new one.",
                mandate=self.unique_mandate_reference,
                months=months,
                date=format_date(localized.env, self.expiry_date),
            ),
            user_id=user.id,
        )

    def _expire(self):
        """Let the mandate expire, and ask a customer who still needs it for a new one."""
        self.state = "expired"
        partner = self.partner_id.commercial_partner_id
        # sentences of an activity are in the language of whom it is for
        localized = self.with_context(lang=partner._get_mandate_user(self.company_id).lang)
        reason = localized.env._(
            "Mandate %(mandate)s expired on %(date)s, after %(months)s months without a collection.",
            mandate=self.unique_mandate_reference,
            date=format_date(localized.env, self.expiry_date),
            months=NUMBER_OF_UNUSED_MONTHS_BEFORE_EXPIRY,
        )
        self.message_post(body=reason)
        if partner._needs_mandate(self.company_id):
            partner.with_company(self.company_id)._request_new_mandate(reason)
        else:
            localized._note_expiry(reason)
        _logger.info("Mandate %s expired", self.id)

    def _note_expiry(self, reason):
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=self.env._("Mandate expired"),
            note=reason,
            user_id=self.partner_id._get_mandate_user(self.company_id).id,
        )
