import hashlib
import logging
import secrets
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import changed_values

_logger = logging.getLogger(__name__)

# What somebody signed, and the proof of it: fixed from the signature on.
SIGNED_FIELDS = frozenset(
    {
        "account_holder",
        "company_id",
        "iban",
        "kind",
        "lang",
        "mandate_text",
        "partner_id",
        "pdf",
        "pdf_sha256",
        "place",
        "prenotification_days",
        "reference",
        "replaced_mandate_id",
        "scheme",
        "signatory",
        "signatory_role",
        "signature",
        "signature_date",
        "signed_at",
        "signed_ip",
        "signed_user_agent",
        "text_version",
    }
)


class MandateRequest(models.Model):
    """A customer is asked for a mandate; once signed, the row is the proof of what was signed, by whom and when."""

    _name = "bfocused.mandate.request"
    _description = "Mandate request"
    _inherit = ["mail.thread"]
    _order = "id desc"
    _rec_name = "reference"

    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, readonly=True, index=True, ondelete="restrict"
    )
    contact_id = fields.Many2one("res.partner", string="Sent to", readonly=True, ondelete="set null")
    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    order_id = fields.Many2one("sale.order", string="Quotation", readonly=True, ondelete="set null")
    is_from_quotation = fields.Boolean(
        string="Filled in from the quotation",
        readonly=True,
        help="Whoever has the link of the quotation can fill it in, and sees what was filled in there.",
    )
    kind = fields.Selection(
        selection=[("online", "Online form"), ("paper", "Paper form")], default="online", required=True, readonly=True
    )
    state = fields.Selection(
        selection=[
            ("open", "Open"),
            ("signed", "Signed, to be checked"),
            ("done", "Signed"),
            ("cancel", "Cancelled"),
        ],
        default="open",
        required=True,
        readonly=True,
        index=True,
    )
    token_hash = fields.Char(copy=False, index="btree_not_null", readonly=True, groups="base.group_system")
    expires_at = fields.Datetime(string="Link expires", copy=False, readonly=True, help="In UTC.")
    sent_at = fields.Datetime(string="Sent", copy=False, readonly=True, help="In UTC.")
    # --- the mandate
    reference = fields.Char(string="Mandate reference", copy=False, readonly=True, size=35)
    scheme = fields.Selection(
        selection=[("CORE", "Basic (CORE)"), ("B2B", "Enterprise (B2B)")], required=True, readonly=True
    )
    prenotification_days = fields.Integer(string="Pre-notification (days)", readonly=True)
    lang = fields.Char(string="Language", readonly=True)
    iban = fields.Char(string="IBAN", readonly=True, size=34)
    bic = fields.Char(string="BIC", readonly=True)
    bank_name = fields.Char(string="Bank", readonly=True)
    account_holder = fields.Char(readonly=True)
    signatory = fields.Char(string="Signed by", readonly=True)
    signatory_role = fields.Char(string="Role", readonly=True)
    place = fields.Char(readonly=True)
    replaced_mandate_id = fields.Many2one(
        "account.banking.mandate", string="Replaces", readonly=True, ondelete="restrict"
    )
    mandate_id = fields.Many2one("account.banking.mandate", readonly=True, index="btree_not_null", ondelete="restrict")
    # --- the proof
    signature = fields.Binary(attachment=True, copy=False, readonly=True)
    signature_date = fields.Date(copy=False, readonly=True, help="Day of signing where the company is.")
    signed_at = fields.Datetime(
        string="Archived since",
        copy=False,
        readonly=True,
        help="Moment, in UTC, from which on the document is kept: of the online form, the moment of signing.",
    )
    signed_ip = fields.Char(string="IP address", copy=False, readonly=True)
    signed_user_agent = fields.Char(string="Browser", copy=False, readonly=True)
    text_version = fields.Char(copy=False, readonly=True)
    mandate_text = fields.Text(copy=False, readonly=True)
    pdf = fields.Binary(string="Signed document", attachment=True, copy=False, readonly=True)
    pdf_name = fields.Char(compute="_compute_pdf_name")
    pdf_sha256 = fields.Char(string="SHA-256", copy=False, readonly=True)

    # === COMPUTE

    @api.depends("reference")
    def _compute_pdf_name(self):
        for request in self:
            request.pdf_name = f"{request.reference}.pdf"

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            vals["reference"] = vals.get("reference") or self._get_next_reference()
        requests = super().create(vals_list)
        requests._take_notice_days()
        return requests

    @api.model
    def _get_next_reference(self):
        return self.env["ir.sequence"].next_by_code("account.banking.mandate")

    def write(self, vals):
        signed = {name: vals[name] for name in SIGNED_FIELDS & vals.keys()}
        for request in self.filtered("signed_at"):
            if signed and changed_values(request, signed):
                raise UserError(
                    self.env._("Mandate %s is signed, so it can't be changed. Ask for a new one.", request.reference)
                )
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_signed(self):
        if any(request.signed_at for request in self):
            raise UserError(self.env._("A signed mandate is kept as proof, so it can't be deleted."))

    # === ACTIONS

    def action_send(self):
        """Mail the customer a new link; links that were sent before no longer work."""
        for request in self:
            request._send()

    def action_cancel(self):
        self.check_access("read")
        self.sudo().filtered(lambda request: request.state == "open").write({"state": "cancel", "token_hash": False})

    def action_verify_proof(self):
        """Say whether the stored document is the one that was signed."""
        self.ensure_one()
        is_genuine = self._is_genuine()
        if is_genuine:
            message = self.env._("The document is the one that was signed: its SHA-256 is the one kept then.")
        else:
            message = self.env._("The document is NOT the one that was signed: its SHA-256 differs.")
            _logger.warning("The signed document of mandate request %s does not match its hash", self.id)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {"type": "success" if is_genuine else "danger", "sticky": not is_genuine, "message": message},
        }

    def _is_genuine(self):
        """Whether the document has the hash that was kept when it was signed."""
        self.ensure_one()
        content = self.with_context(bin_size=False).sudo()._get_pdf_content()
        return bool(content) and secrets.compare_digest(hashlib.sha256(content).hexdigest(), self.pdf_sha256 or "")

    # === BUSINESS

    # --- making

    @api.model
    def _get_or_create_for(self, partner, company, **values):
        """The open request of a customer, made where there is none.

        :param partner: ``res.partner``, any of the customer's contacts
        :param company: ``res.company`` that collects
        :param values: further values, such as ``order_id``
        """
        requests = self.sudo().with_company(company)
        shown_elsewhere = Domain("is_from_quotation", "=", True)
        known = requests._get_open_domain(partner.commercial_partner_id, company) & ~shown_elsewhere
        return requests._take_or_make(known, partner, company, values)

    @api.model
    def _get_or_create_for_quotation(self, order):
        """The open request for whoever has no more than the link of a quotation.

        Such a link is passed on, so it shows nothing that was filled in elsewhere, and what comes by it is kept apart.
        """
        payer, company = order._get_mandate_payer(), order.company_id
        values = {"order_id": order.id, "is_from_quotation": True}
        requests = self.sudo().with_company(company)
        known = requests._get_open_domain(payer.commercial_partner_id, company)
        known &= Domain([(name, "=", value) for name, value in values.items()])
        return requests._take_or_make(known, payer, company, values)

    def _take_or_make(self, domain, partner, company, values):
        open_one = self.search(domain, limit=1)
        if open_one:
            open_one.write(values)
            open_one._take_notice_days()
            return open_one
        return self.create(self._prepare_request(partner, company, values))

    @api.model
    def _get_open_domain(self, customer, company):
        return (
            Domain("partner_id", "=", customer.id)
            & Domain("company_id", "=", company.id)
            & Domain("state", "=", "open")
            & Domain("kind", "=", "online")
        )

    @api.model
    def _prepare_request(self, partner, company, values):
        customer = partner.commercial_partner_id
        present = customer._get_billing_mandate(company)
        return {
            "partner_id": customer.id,
            "contact_id": partner.id,
            "company_id": company.id,
            "scheme": present.scheme or company.mandate_scheme,
            "lang": partner.lang or customer.lang or company.partner_id.lang,
            "account_holder": customer.name,
            **values,
        }

    def _take_notice_days(self):
        """Put in these open requests how long before a collection is announced, as it is agreed in the text."""
        for request in self:
            request.prenotification_days = request._get_notice_days()

    def _get_notice_days(self):
        self.ensure_one()
        order, company = self.order_id, self.company_id
        mode = order._get_subscription_payment_mode() if order else self.partner_id._get_debit_payment_mode(company)
        return company._get_pre_notification_days(mode)

    def _renew_token(self):
        """A new secret for the link; the one before no longer works.

        :return: text of which only the hash is stored
        """
        self.ensure_one()
        token = secrets.token_urlsafe(32)
        self.sudo().write(
            {
                "token_hash": self._hash_token(token),
                "expires_at": fields.Datetime.now() + timedelta(days=self.company_id.mandate_request_days),
            }
        )
        return token

    @api.model
    def _hash_token(self, token):
        return hashlib.sha256((token or "").encode()).hexdigest()

    @api.model
    def _find_by_token(self, token):
        """The open request a link belongs to: none when the link was used, is expired, replaced or made up."""
        domain = [
            ("token_hash", "=", self._hash_token(token)),
            ("state", "=", "open"),
            ("expires_at", ">", fields.Datetime.now()),
        ]
        return self.sudo().search(domain, limit=1)

    def _has_working_link(self):
        """Whether the customer was sent a link that still works."""
        self.ensure_one()
        return self.state == "open" and bool(self.sent_at) and self.expires_at > fields.Datetime.now()

    # --- sending

    def _send(self):
        """
        :raise UserError: when the company's own data or the customer's address are not complete
        """
        self.ensure_one()
        if self.state != "open":
            raise UserError(self.env._("Mandate %s is no longer open. Make a new request.", self.reference))
        self._check_sendable()
        self.sudo()._take_notice_days()
        link = f"{self.get_base_url()}/mandate/{self._renew_token()}"
        template = self.env.ref("bfocused_billing.mandate_request_email").sudo()
        # The link is the customer's alone: the message isn't shown on the record, and goes once it is sent.
        values = {"auto_delete": True, "model": False, "res_id": False}
        template.with_context(billing_mandate_url=link).send_mail(self.id, email_values=values)
        # from now on it is the recipient's: who has only the link of the quotation no longer sees it
        self.sudo().write({"sent_at": fields.Datetime.now(), "is_from_quotation": False})
        self.sudo().message_post(body=self.env._("Sent to %s.", self._get_email()))

    def _notify_sent(self):
        """Client action that tells the user whom the link went to."""
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._("The mandate request was sent to %s.", self._get_email()),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _get_email(self):
        return self.contact_id.email or self.partner_id.email

    def _check_sendable(self):
        if not self.company_id.use_billing:
            raise UserError(
                self.env._("Switch on B/Focused billing for %s in the settings first.", self.company_id.name)
            )
        problem = self.company_id._get_creditor_problem()
        if not problem and not self._get_email():
            problem = self.env._("%s has no e-mail address.", self.partner_id.name)
        if problem:
            raise UserError(problem)
