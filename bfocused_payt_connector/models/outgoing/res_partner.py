import re

from odoo import api, fields, models
from odoo.tools.mail import email_normalize_all

from ...payt_api import PaytPayloadInvalid
from ...payt_api.guard import guarded
from ...payt_api.operations import ContactPayload, DebtorPayload

GENERATED_NUMBER = "ODOO-%s"  # for customers whose reference is empty or somebody else's number already
KVK = re.compile(r"\d{8}")
# a change of these is told to PAYT
CONTACT_FIELDS = {
    *("email", "phone", "street", "street2", "zip", "city", "state_id", "country_id"),
    *("payt_reminder_contact_id", "type", "parent_id", "active"),
}
DEBTOR_FIELDS = {
    *("lang", "country_id", "company_registry", "oin", "vat", "peppol_eas", "peppol_endpoint", "is_company"),
    *("industry_id", "category_id", "user_id", "bank_ids"),
}
EMAIL_SUFFIXES = ("_email_address", "_cc_email_address", "_bcc_email_address")
BOTH = {"name"}
NOT_YET = "debtor_number"  # is given at the hand-over


class ResPartner(models.Model):
    """Customers as debtors at PAYT, with one contact that has the addresses for invoices and for reminders."""

    _name = "res.partner"
    _inherit = ["res.partner", "payt.record.mixin"]

    payt_reminder_contact_id = fields.Many2one(
        comodel_name="res.partner",
        string="Contact for reminders",
        domain="[('id', 'child_of', id)]",
        ondelete="set null",
        help="Gets PAYT's reminders. Empty: the contact for invoices does.",
    )
    payt_debtor_number = fields.Char(
        string="Debtor number at PAYT",
        company_dependent=True,
        copy=False,
        readonly=True,
        help="The customer's reference as it was when PAYT first heard of the customer. It never changes.",
    )
    payt_debtor_state = fields.Selection(
        selection=[("none", "Not at PAYT"), ("queued", "Queued"), ("pushed", "At PAYT"), ("error", "Refused")],
        string="PAYT debtor",
        company_dependent=True,
        copy=False,
        readonly=True,
    )
    payt_debtor_message = fields.Char(
        string="PAYT message", company_dependent=True, copy=False, readonly=True, groups="base.group_user"
    )
    payt_contact_message = fields.Char(
        string="PAYT message about the contact",
        company_dependent=True,
        copy=False,
        readonly=True,
        groups="base.group_user",
    )
    payt_debtor_synced_at = fields.Datetime(string="Last at PAYT", company_dependent=True, copy=False, readonly=True)
    has_payt_backend = fields.Boolean(compute="_compute_has_payt_backend")
    invoice_sending_method = fields.Selection(selection_add=[("payt", "by PAYT")])
    payt_sending_methods = fields.Json(compute="_compute_payt_sending_methods")

    # === COMPUTE

    def _compute_has_payt_backend(self):
        self.has_payt_backend = bool(self.env.company._get_payt_backend())

    @api.depends_context("company")
    def _compute_payt_sending_methods(self):
        """The ways of sending that the current company can use."""
        methods = list(dict(self._fields["invoice_sending_method"].selection))
        if not self.env.company._get_payt_backend():
            methods.remove("payt")
        self.payt_sending_methods = methods

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'base': a new invoice address
        partners = super().create(vals_list)
        children = partners.filtered("parent_id")
        children.commercial_partner_id._queue_payt_changes({"contact"})
        return partners

    def write(self, vals):
        # EXTENDS 'base'
        resources = self._get_payt_resources(vals.keys())
        before = self.commercial_partner_id if "contact" in resources else self.browse()
        result = super().write(vals)
        if "contact" in resources:
            (before | self.commercial_partner_id)._queue_payt_changes({"contact"})
        if "debtor" in resources:
            (self & self.commercial_partner_id)._queue_payt_changes({"debtor"})
        return result

    def unlink(self):
        # EXTENDS 'base': an address for invoices or reminders that goes
        debtors = self.commercial_partner_id - self
        result = super().unlink()
        debtors.exists()._queue_payt_changes({"contact"})
        return result

    # === ACTIONS

    def action_payt_debtor_retry(self):
        """Send the customer to PAYT again."""
        self.check_access("write")
        self.commercial_partner_id._queue_payt_debtor()

    # === BUSINESS

    def _is_sent_by_payt(self, company):
        """Whether this customer's invoices of a company go to PAYT: by choice, or as the company's customers do."""
        self.ensure_one()
        backend = company._get_payt_backend()
        if not backend:
            return False
        method = self.commercial_partner_id.with_company(company).invoice_sending_method
        return (method or backend.default_sending_method) == "payt"

    def _has_payt_address(self):
        """Whether PAYT has somewhere to send to: by e-mail, by Peppol or by letter."""
        self.ensure_one()
        recipient = self._get_payt_recipients()[0]
        return bool(
            recipient._get_payt_emails()
            or self.commercial_partner_id._get_payt_peppol_identifier()
            or (recipient.street and recipient.zip and recipient.city)
        )

    def _get_payt_problem(self, backend):
        """What would keep PAYT from working with this customer, as a sentence; empty when nothing is known."""
        self.ensure_one()
        problems = []
        try:
            self._prepare_payt_contact(backend)
            self._prepare_payt_debtor(backend)
        except PaytPayloadInvalid as error:
            problems += [problem for problem in error.problems if not problem.startswith(NOT_YET)]
        if not self._has_payt_address():
            problems.append(self.env._("No e-mail address, no Peppol address and no complete postal address."))
        return "; ".join(problems)

    def _job_hand_to_payt(self):
        """Job: hand over customers of the current company, with the mandates they pay with."""
        partners = self.exists()
        partners._queue_payt_debtor()
        for partner in partners:
            mandate = partner._get_billing_mandate(self.env.company)
            mandate.filtered(lambda mandate: mandate._is_for_payt())._queue_payt_mandates()

    # === BUSINESS: THE OUTBOX

    def _get_payt_backend(self):
        # EXTENDS 'payt.record.mixin': a customer is one of the company we are in, which calls us with_company
        self.ensure_one()
        return self.env.company._get_payt_backend()

    def _queue_payt_debtor(self):
        """Put customers (commercial entities) of the current company, and their contact, into the outbox."""
        if not self or not self.env.company._get_payt_backend():
            return
        for partner in self:
            partner._ensure_payt_debtor_number()
        self.sudo().filtered(lambda partner: partner.payt_debtor_state != "pushed").payt_debtor_state = "queued"
        self.env["payt.outbox"]._put(self, "contact")
        self.env["payt.outbox"]._put(self, "debtor")

    def _ensure_payt_debtor_number(self):
        """Give the customer its number for good: PAYT knows it by that, whatever becomes of the reference."""
        self.ensure_one()
        if self.payt_debtor_number:
            return
        wanted = (self.ref or "").strip()
        if "," in wanted:  # PAYT looks up numbers by a list with commas
            wanted = ""
        everybody = self.sudo().with_context(active_test=False)
        taken = wanted and everybody.search_count([("payt_debtor_number", "=", wanted), ("id", "!=", self.id)], limit=1)
        self.sudo().payt_debtor_number = wanted if wanted and not taken else GENERATED_NUMBER % self.id

    @api.model
    def _get_payt_resources(self, names):
        """What PAYT has to be told again when these fields change."""
        resources = set()
        if (CONTACT_FIELDS | BOTH) & names:
            resources.add("contact")
        if (DEBTOR_FIELDS | BOTH) & names:
            resources.add("debtor")
        return resources

    def _follow_payt_merge(self):
        """Let PAYT have all that was other customers' under this one, into which they were merged."""
        self.ensure_one()
        for company in self.env["payt.backend"].sudo().search([("company_id", "!=", False)]).company_id:
            debtor = self.sudo().with_company(company)
            domain = [("commercial_partner_id", "=", self.id), ("company_id", "=", company.id)]
            moves = debtor.env["account.move"].search([*domain, ("payt_state", "!=", "none")])
            mandates = debtor.env["account.banking.mandate"].search(
                [("partner_id.commercial_partner_id", "=", self.id), ("company_id", "=", company.id)]
            )
            mandates = mandates.filtered("payt_debtor_code")
            if moves or mandates:
                debtor._queue_payt_debtor()
                moves._queue_payt_update()
                mandates._move_payt_debtor()

    def _queue_payt_changes(self, resources):
        """Put those that PAYT knows into the outbox, for each company that uses PAYT.

        :param resources: which of ``contact`` and ``debtor``
        """
        if not self:
            return
        for company in self.env["payt.backend"].sudo().search([("company_id", "!=", False)]).company_id:
            partners = self.sudo().with_company(company)
            known = partners.filtered(lambda partner: partner.payt_debtor_state not in (False, "none"))
            if not known:
                continue
            outbox = self.env["payt.outbox"].with_company(company)
            if "contact" in resources:
                outbox._put(known | known._get_payt_addresses(), "contact")
            if "debtor" in resources:
                outbox._put(known, "debtor")

    def _get_payt_addresses(self):
        """Addresses of these customers that are contacts of their own at PAYT, as some invoices go there."""
        family = self.with_context(active_test=False).search(
            [("commercial_partner_id", "in", self.ids), ("id", "not in", self.ids)]
        )
        rows = self.env["payt.outbox"].search(
            [
                ("backend_id", "=", self.env.company._get_payt_backend().id),
                *(("model", "=", self._name), ("resource", "=", "contact"), ("res_id", "in", family.ids)),
            ]
        )
        return self.browse(set(rows.mapped("res_id")))

    # === BUSINESS: CONTACT

    def _get_payt_key_contact(self):
        self.ensure_one()
        return str(self.id)

    def _prepare_payt_contact(self, backend):
        """The contact of a debtor, or of one address that some invoices go to instead."""
        self.ensure_one()
        recipient, reminded = self._get_payt_recipients()
        values = {
            "contact_identifier": self._get_payt_key_contact(),
            "default_email_address": next(iter(recipient._get_payt_emails() or self._get_payt_emails()), False),
            **recipient._prepare_payt_emails("invoice"),
            **reminded._prepare_payt_emails("reminder"),
            "call_phone_number": recipient.phone or self.phone,
            **recipient._prepare_payt_address(),
        }
        if not recipient.is_company:
            values["lastname"] = recipient.name
        return guarded(ContactPayload, values)

    def _get_payt_recipients(self):
        """Who gets the invoices and who the reminders."""
        recipient = self
        if self == self.commercial_partner_id:
            recipient = self.browse(self.address_get(["invoice"])["invoice"])
        return recipient, self.commercial_partner_id.payt_reminder_contact_id or recipient

    def _prepare_payt_emails(self, purpose):
        """The addresses in the e-mail field: the first is written to, each of the others gets a copy by its own field.

        :param purpose: ``invoice`` or ``reminder``
        """
        return dict(zip((f"{purpose}{suffix}" for suffix in EMAIL_SUFFIXES), self._get_payt_emails(), strict=False))

    def _get_payt_emails(self):
        return list(dict.fromkeys(email_normalize_all((self.email or "").replace(";", ","))))

    def _prepare_payt_address(self):
        return {
            "postal_address_street_1": self.street,
            "postal_address_street_2": self.street2,
            "postal_address_postal_code": self.zip,
            "postal_address_city": self.city,
            "postal_address_region": self.state_id.name,
            "postal_address_country_code": self.country_id.code,
        }

    def _payt_taken_contact(self, backend, answer):
        if not answer.get("unchanged"):
            self._tell_emails_without_copy()
        debtor = self.commercial_partner_id.with_company(backend.company_id).sudo()
        if debtor.payt_contact_message:
            state = "error" if debtor.payt_debtor_message else "pushed"
            debtor.write({"payt_contact_message": False, "payt_debtor_state": state})

    def _tell_emails_without_copy(self):
        """PAYT has room for three addresses: who is left out stands in the conversation."""
        recipient, reminded = self._get_payt_recipients()
        for partner in recipient | reminded:
            left_out = partner._get_payt_emails()[len(EMAIL_SUFFIXES) :]
            if left_out:
                text = self.env._(
                    "PAYT has room for three e-mail addresses. These get no copy: %s", ", ".join(left_out)
                )
                partner._message_log(body=text)

    def _payt_refused_contact(self, backend, reasons):
        debtor = self.commercial_partner_id.with_company(backend.company_id).sudo()
        debtor.write({"payt_contact_message": "; ".join(reasons), "payt_debtor_state": "error"})

    # === BUSINESS: DEBTOR

    def _get_payt_key_debtor(self):
        self.ensure_one()
        return self.payt_debtor_number

    def _prepare_payt_debtor(self, backend):
        """The customer. A company's numbers come from the registers it is in."""
        self.ensure_one()
        partner = self.with_company(backend.company_id).sudo()
        account = partner._get_payt_bank_account(backend.company_id)
        values = {
            "debtor_number": partner.payt_debtor_number,
            "debtor_identifier": str(partner.id),
            "name": partner.name,
            "contact_identifier": partner._get_payt_key_contact(),
            "is_company": partner.is_company,
            "country_code": partner.country_id.code,
            "language_code": (partner.lang or "").partition("_")[0],
            "coc_number": partner._get_payt_coc_number(),
            "oin_number": partner.oin,
            "vat_number": partner.vat if partner.vat != "/" else False,
            "peppol_identifier": partner._get_payt_peppol_identifier(),
            "bank_account_name": (account.acc_holder_name or partner.name) if account else False,
            "bank_account_number": account.sanitized_acc_number,
            "category": partner.industry_id.name,
            "labels": sorted(set(partner.category_id.mapped("name"))),
            "relation_manager": partner.user_id.name,
        }
        return guarded(DebtorPayload, values)

    def _get_payt_coc_number(self):
        """The number of the Dutch trade register; others' registers PAYT doesn't ask for."""
        number = re.sub(r"[\s.-]", "", self.company_registry or "")
        return number if KVK.fullmatch(number) and self.country_id.code in (False, "NL") else False

    def _get_payt_peppol_identifier(self):
        if self.peppol_eas and self.peppol_endpoint:
            return f"{self.peppol_eas}:{self.peppol_endpoint}"
        return False

    def _get_payt_bank_account(self, company):
        """The account that is collected from, else the customer's first one."""
        mandate = self._get_billing_mandate(company)
        if mandate.state == "valid":
            return mandate.partner_bank_id
        return self.bank_ids.filtered(lambda account: account.company_id in (company, company.browse()))[:1]

    def _payt_taken_debtor(self, backend, answer):
        partner = self.with_company(backend.company_id)
        was_refused = bool(partner.payt_debtor_message)
        partner._set_payt_debtor("pushed")
        if was_refused:
            partner._queue_payt_refused(backend.company_id)

    def _payt_refused_debtor(self, backend, reasons):
        self.with_company(backend.company_id)._set_payt_debtor("error", "; ".join(reasons))

    def _queue_payt_refused(self, company):
        """What PAYT refused while it didn't have the debtor can go now."""
        mandate = self._get_billing_mandate(company)
        mandate.filtered(lambda mandate: mandate.payt_state == "error")._queue_payt_mandates()
        moves = self.env["account.move"].sudo()
        of_debtor = [("commercial_partner_id", "=", self.id), ("company_id", "=", company.id)]
        # what somebody deleted at PAYT isn't brought back by this
        moves.search([*of_debtor, ("payt_state", "=", "error"), ("payt_deleted_at", "=", False)]).action_payt_retry()

    def _set_payt_debtor(self, state, message=False):
        if self.payt_contact_message:
            state = "error"
        values = {"payt_debtor_state": state, "payt_debtor_message": message}
        if state == "pushed":
            values["payt_debtor_synced_at"] = fields.Datetime.now()
        self.sudo().write(values)
