from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban

from ...tools import changed_values

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
    """Signed mandates are not changed but replaced, with the data that SEPA wants to know of the change."""

    _inherit = "account.banking.mandate"

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

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'bfocused_billing'
        for vals in vals_list:
            if any(vals.get(name) for name in SIGNING_FIELDS):
                self._check_signing()
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'bfocused_billing'
        self._check_signed_terms(vals)
        filled = {name: vals[name] for name in SIGNING_FIELDS if name in vals}
        if filled and any(changed_values(mandate, filled) for mandate in self):
            self._check_signing()
        cancelled = self.filtered(lambda mandate: mandate.state == "valid" and vals.get("state") == "cancel")
        result = super().write(vals)
        if not self.env.context.get("mandate_request_follows"):
            cancelled._ask_for_new()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_proven(self):
        if self.request_id:
            raise UserError(self.env._("A signed mandate is kept as proof. Cancel it instead."))

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

    def _release_waiting(self):
        # EXTENDS 'bfocused_billing': only once the new one can be used the old one goes
        for mandate in self.sudo():
            if not mandate._get_mandate_problem():
                mandate._replace()
                mandate._adopt_subscriptions_of_stopped()
        return super()._release_waiting()

    def _adopt_subscriptions_of_stopped(self):
        """Be the mandate of this payer's subscriptions that were tied to one that is stopped, or none would follow."""
        payer = self.partner_id.commercial_partner_id
        theirs = Domain("partner_invoice_id.commercial_partner_id", "=", payer.id) | (
            Domain("partner_invoice_id", "=", False) & Domain("partner_id.commercial_partner_id", "=", payer.id)
        )
        stopped = Domain("mandate_id.state", "in", ("cancel", "expired")) & Domain("stage_id.type", "!=", "post")
        here = Domain("company_id", "=", self.company_id.id) & Domain("company_id.use_billing", "=", True)
        self.env["sale.subscription"].search(here & theirs & stopped).write({"mandate_id": self.id})

    def _replace(self):
        """Let this mandate take over from the one it replaces."""
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
