from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...payt_api.guard import guarded
from ...payt_api.operations import PspMandatePayload

FIELDS = {"state", "partner_bank_id", "unique_mandate_reference", "b2b_registered_date", "scheme", "format", "type"}
AT_PAYT = ("pushed", "revoking")  # PAYT has it, as far as we know
GONE = "not_found"  # PAYT's word for a mandate that is revoked already


class AccountBankingMandate(models.Model):
    """Mandates go to PAYT's payment provider, which collects with them.

    PAYT has one mandate per debtor: the one that Odoo's billing collects with. Another one waits until the one before
    it is revoked.
    """

    _name = "account.banking.mandate"
    _inherit = ["account.banking.mandate", "payt.record.mixin"]

    payt_state = fields.Selection(
        selection=[
            ("none", "Not at PAYT"),
            ("queued", "Queued"),
            ("pushed", "At PAYT"),
            ("revoking", "Being revoked"),
            ("revoked", "Revoked"),
            ("error", "Refused"),
        ],
        string="PAYT state",
        default="none",
        copy=False,
        readonly=True,
        help="Where the mandate stands at the payment provider that collects for PAYT.",
    )
    payt_message = fields.Char(string="PAYT message", copy=False, readonly=True)
    payt_debtor_code = fields.Char(
        string="PAYT debtor of the mandate",
        copy=False, readonly=True, help="The debtor at PAYT that has this mandate, also after customers were merged."
    )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account_banking_mandate'
        mandates = super().create(vals_list)
        mandates.filtered(lambda mandate: mandate._is_for_payt())._queue_payt_state()
        return mandates

    def write(self, vals):
        # EXTENDS 'account_banking_mandate'
        result = super().write(vals)
        if FIELDS & vals.keys():
            self._queue_payt_state()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_payt(self):
        if self.filtered(lambda mandate: mandate.payt_state in ("queued", *AT_PAYT)):
            raise UserError(self.env._("PAYT collects with this mandate. Cancel it instead of deleting it."))

    # === ACTIONS

    def action_payt_retry(self):
        """Send the mandate, or its revocation, to PAYT again."""
        self.check_access("write")
        self._queue_payt_state()

    # === BUSINESS: THE OUTBOX

    def _queue_payt_state(self):
        """Put mandates, or their revocation, into the outbox as their state asks for."""
        valid = self.filtered(lambda mandate: mandate._is_for_payt())
        valid._queue_payt_mandates()
        ended = (self - valid).filtered(lambda mandate: mandate.payt_state not in ("none", "revoked"))
        ended._queue_payt("psp_mandate_revocation").sudo().write({"payt_state": "revoking"})
        self._queue_payt_invoices()
        for company, mandates in self.grouped("company_id").items():
            mandates.with_company(company).partner_id.commercial_partner_id._queue_payt_changes({"debtor"})

    def _queue_payt_mandates(self):
        """Put valid mandates of customers that are sent by PAYT into the outbox, with their debtors."""
        for company, mandates in self.grouped("company_id").items():
            backend = company._get_payt_backend()
            if not backend or backend.psp_provider in (False, "none"):
                continue
            ours = mandates.filtered(
                lambda mandate, company=company: (
                    mandate.payt_state not in AT_PAYT
                    and mandate.partner_id.commercial_partner_id._is_sent_by_payt(company)
                )
            )
            debtors = ours.with_company(company).partner_id.commercial_partner_id
            debtors.filtered(lambda debtor: debtor.payt_debtor_state in (False, "none"))._queue_payt_debtor()
            ours._revoke_payt_predecessors()
            ours._queue_payt("psp_mandate").sudo().write({"payt_state": "queued", "payt_message": False})

    def _queue_payt_invoices(self):
        """Open invoices that PAYT has: a mandate that comes or goes changes how they are paid."""
        if not any(company._get_payt_backend() for company in self.company_id):
            return
        moves = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("mandate_id", "in", self.ids),
                    ("state", "=", "posted"),
                    ("payt_state", "!=", "none"),
                    ("payment_state", "in", ("not_paid", "partial")),
                ]
            )
        )
        moves._queue_payt_update()

    # === BUSINESS: MANDATE

    def _is_for_payt(self):
        """Whether PAYT's provider can collect with it: signed, recurrent, registered where that is needed."""
        self.ensure_one()
        return not self._get_mandate_problem()

    def _get_payt_key_psp_mandate(self):
        self.ensure_one()
        return self.unique_mandate_reference

    def _check_payt_reference(self):
        """PAYT takes and looks up references and debtor numbers in a list with commas."""
        company = self.company_id
        number = self.partner_id.commercial_partner_id.with_company(company).payt_debtor_number
        for text in (self.unique_mandate_reference, number):
            if "," in (text or ""):
                raise UserError(self.env._("PAYT can't look up what has a comma in it: %s", text))

    def _prepare_payt_psp_mandate(self, backend):
        """The signed mandate, unless PAYT has to revoke another one of this debtor first."""
        self.ensure_one()
        if not self._is_for_payt() or self.payt_state in AT_PAYT or backend.psp_provider in (False, "none"):
            return None
        debtor = self.partner_id.commercial_partner_id.with_company(backend.company_id)
        if self != debtor._get_billing_mandate(backend.company_id) or self._get_payt_predecessors():
            return None
        self._check_payt_reference()
        account = self.sudo().partner_bank_id
        return guarded(
            PspMandatePayload,
            {
                "bank_account_name": account.acc_holder_name or debtor.name,
                "bank_account_number": account.sanitized_acc_number,
                "provider_code": backend.psp_provider,
                "debtor_code": debtor.payt_debtor_number,
                "mandate_reference": self._get_payt_key_psp_mandate(),
            },
        )

    def _get_payt_predecessors(self):
        """Other mandates of this debtor that PAYT has."""
        debtor = self.partner_id.commercial_partner_id
        return self.sudo().search(
            [
                ("partner_id.commercial_partner_id", "=", debtor.id),
                ("company_id", "=", self.company_id.id),
                ("payt_state", "in", AT_PAYT),
                ("id", "!=", self.id),
            ]
        )

    def _revoke_payt_predecessors(self):
        """Let PAYT revoke those that these mandates replace. The new one follows once that is done."""
        for mandate in self:
            replaced = mandate._get_payt_predecessors().filtered(lambda other: other._is_replaced_at_payt())
            replaced._queue_payt("psp_mandate_revocation").write({"payt_state": "revoking"})

    def _payt_taken_psp_mandate(self, backend, answer):
        for mandate in self.sudo():
            code = mandate._get_payt_debtor_code()
            mandate.write({"payt_state": "pushed", "payt_message": False, "payt_debtor_code": code})

    def _payt_refused_psp_mandate(self, backend, reasons):
        self.sudo().write({"payt_state": "error", "payt_message": "; ".join(reasons)})
        for mandate in self.filtered(lambda mandate: mandate._is_of_other_debtor_at_payt()):
            mandate._tell_not_moved(backend)

    def _tell_not_moved(self, backend):
        """PAYT doesn't take the mandate of a merged customer a second time: a person decides."""
        partner = self.partner_id.commercial_partner_id
        user = backend.responsible_id or self.env.user
        localized = partner.sudo().with_context(lang=user.lang)
        localized.activity_schedule(
            "mail.mail_activity_data_todo",
            summary=localized.env._("PAYT: mandate of a merged customer"),
            note=localized.env._(
                "PAYT had mandate %(mandate)s under debtor %(before)s and doesn't take it under %(now)s, so it can't "
                "collect with it any more. Have the customer sign a new one.",
                mandate=self.unique_mandate_reference,
                before=self.payt_debtor_code,
                now=self._get_payt_debtor_code(),
            ),
            user_id=user.id,
        )

    # === BUSINESS: REVOCATION

    def _prepare_payt_psp_mandate_revocation(self, backend):
        """The mandate's reference. Also of one whose arrival at PAYT we don't know of: its answer may be lost."""
        self.ensure_one()
        if self.payt_state != "revoking" or (self._is_for_payt() and not self._is_replaced_at_payt()):
            return None
        self._check_payt_reference()
        code = self.payt_debtor_code or self._get_payt_debtor_code()
        return {"mandate_reference": self._get_payt_key_psp_mandate(), "debtor_code": code}

    def _is_replaced_at_payt(self):
        """Whether PAYT has to let go of this valid mandate: for another one of the debtor, or for another debtor."""
        debtor = self.partner_id.commercial_partner_id
        return self != debtor._get_billing_mandate(self.company_id) or self._is_of_other_debtor_at_payt()

    def _get_payt_debtor_code(self):
        """What PAYT calls the customer now."""
        return self.partner_id.commercial_partner_id.with_company(self.company_id).payt_debtor_number

    def _is_of_other_debtor_at_payt(self):
        """Whether the customer was merged into another one since PAYT got the mandate."""
        self.ensure_one()
        return bool(self.payt_debtor_code) and self.payt_debtor_code != self._get_payt_debtor_code()

    def _move_payt_debtor(self):
        """Let PAYT have these mandates of merged customers under the debtor they belong to now.

        PAYT can't move a mandate: it revokes it, and gets it anew once that is done.
        """
        moved = self.filtered(lambda one: one.payt_state in AT_PAYT and one._is_of_other_debtor_at_payt())
        moved._queue_payt("psp_mandate_revocation").sudo().write({"payt_state": "revoking"})

    def _payt_taken_psp_mandate_revocation(self, backend, answer):
        self.sudo().write({"payt_state": "revoked", "payt_message": False})
        debtor = self.partner_id.commercial_partner_id.with_company(backend.company_id)
        debtor._get_billing_mandate(backend.company_id).filtered(
            lambda mandate: mandate._is_for_payt()
        )._queue_payt_mandates()

    def _end_at_payt(self, revoked_at):
        """It was revoked at the payment provider, not by us: nothing can be collected with it any more.

        :param revoked_at: ``datetime`` without time zone
        """
        self.ensure_one()
        # first, or cancelling it would be told to PAYT
        self.write({"payt_state": "revoked", "payt_message": False})
        if self.state in ("draft", "valid"):
            self.cancel()
        day = format_date(self.env, revoked_at.date())
        self.message_post(body=self.env._("Revoked at PAYT's payment provider on %s.", day))

    def _payt_refused_psp_mandate_revocation(self, backend, reasons):
        if reasons and all(GONE in reason for reason in reasons):
            self._payt_taken_psp_mandate_revocation(backend, None)
        else:
            self.sudo().write({"payt_message": "; ".join(reasons)})
