from base64 import b64decode

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.mimetypes import guess_mimetype

SCAN_TYPES = ("application/pdf", "image/png", "image/jpeg", "image/tiff")
MAX_SCAN_BYTES = 20 * 1024 * 1024


class MandatePaper(models.TransientModel):
    """Register a mandate that was signed on paper, with its scan."""

    _name = "bfocused.mandate.paper"
    _description = "Register paper mandate"

    partner_id = fields.Many2one("res.partner", string="Customer", required=True, domain="[('parent_id', '=', False)]")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    reference = fields.Char(
        string="Mandate reference",
        compute="_compute_from_partner",
        precompute=True,
        store=True,
        readonly=False,
        size=35,
        help="As it stands on the form. Empty: the next number.",
    )
    scheme = fields.Selection(
        selection=[("CORE", "Basic (CORE)"), ("B2B", "Enterprise (B2B)")],
        compute="_compute_from_partner",
        precompute=True,
        store=True,
        readonly=False,
        required=True,
    )
    iban = fields.Char(string="IBAN", required=True)
    account_holder = fields.Char(
        compute="_compute_from_partner", precompute=True, store=True, readonly=False, required=True
    )
    signatory = fields.Char(string="Signed by", required=True)
    signatory_role = fields.Char(string="Role", required=True)
    place = fields.Char(required=True)
    signature_date = fields.Date(required=True)
    last_debit_date = fields.Date(
        string="Last collected on",
        help="Of a mandate that was collected on elsewhere before. It expires 36 months after this day.",
    )
    b2b_registered_date = fields.Date(string="Registered at the bank")
    scan = fields.Binary(required=True, help="The signed form as PDF, PNG, JPEG or TIFF.")
    scan_name = fields.Char()

    @api.depends("partner_id", "company_id")
    def _compute_from_partner(self):
        for wizard in self:
            request = wizard._get_open_request()
            wizard.reference = wizard.reference or request.reference
            wizard.scheme = wizard.scheme or request.scheme or wizard.company_id.mandate_scheme or "CORE"
            wizard.account_holder = wizard.account_holder or wizard.partner_id.name

    def _get_open_request(self):
        """The request whose form was printed, if any."""
        requests = self.env["bfocused.mandate.request"].sudo()
        if not self.partner_id:
            return requests
        domain = requests._get_open_domain(self.partner_id.commercial_partner_id, self.company_id)
        return requests.search(domain, limit=1)

    def action_register(self):
        """Keep the scan as proof and make the mandate, valid at once."""
        self.ensure_one()
        self._check_allowed()
        problem = self.env["account.banking.mandate"]._get_lapsed_problem(self.signature_date, self.last_debit_date)
        if problem:
            raise UserError(problem)
        request = self._get_request()
        request._set_details({name: self[name] for name in self._get_detail_names()})
        request.write({"kind": "paper", "scheme": self.scheme})
        request._keep_paper(self._read_scan(), self.signature_date, last_debit_date=self.last_debit_date)
        if self.b2b_registered_date:
            request.mandate_id.b2b_registered_date = self.b2b_registered_date
        return request.mandate_id.sudo(False)._get_records_action()

    def _check_allowed(self):
        """Who registers a mandate decides that money is collected: as in Odoo, that takes the right to make mandates.

        :raise AccessError: without it
        :raise UserError: for a company that doesn't use the billing
        """
        self.env["account.banking.mandate"].check_access("create")
        if self.company_id not in self.env.companies:
            raise AccessError(self.env._("You have no access to %s.", self.company_id.name))
        if not self.company_id.use_billing:
            raise UserError(
                self.env._("Switch on B/Focused billing for %s in the settings first.", self.company_id.name)
            )

    def _get_request(self):
        requests = self.env["bfocused.mandate.request"].sudo().with_company(self.company_id)
        request = self._get_open_request()
        if request and self.reference in (False, request.reference):
            return request.with_company(self.company_id)
        values = {"reference": self.reference or False, "kind": "paper"}
        return requests.create(requests._prepare_request(self.partner_id, self.company_id, values))

    def _get_detail_names(self):
        return ("iban", "account_holder", "signatory", "signatory_role", "place")

    def _read_scan(self):
        """
        :return: bytes of the scan
        :raise UserError: when it is no document
        """
        content = b64decode(self.with_context(bin_size=False).scan or b"")
        if guess_mimetype(content) not in SCAN_TYPES:
            raise UserError(self.env._("The scan is not a PDF, PNG, JPEG or TIFF file."))
        if len(content) > MAX_SCAN_BYTES:
            raise UserError(self.env._("The scan is larger than 20 MB. Scan it with a lower resolution."))
        return content
