import re

from odoo import api, fields, models
from odoo.exceptions import ValidationError

KVK, OIN = "0106", "0190"  # ISO 6523 schemes of the Dutch trade register and of Dutch public bodies
OIN_LENGTH = 20
REGISTRATION_SCHEMES = {8: KVK, OIN_LENGTH: OIN}  # by number of digits


class ResPartner(models.Model):
    """The number a Dutch organisation is registered under: OIN for public bodies, KvK number for the others."""

    _inherit = "res.partner"

    oin = fields.Char(
        string="OIN",
        help="Organisatie-identificatienummer of a Dutch public body, 20 digits. Electronic invoices then name it by "
        "this number instead of by its KvK number (Company ID).",
    )

    buyer_reference = fields.Char(
        string="Reference for e-Invoices",
        help="The customer's own reference, such as a cost centre or the person who ordered. It stands on each of its "
        "electronic invoices as the buyer reference.",
    )

    # === CONSTRAINTS

    @api.constrains("oin")
    def _check_oin(self):
        for partner in self:
            if partner.oin and not re.fullmatch(rf"[0-9]{{{OIN_LENGTH}}}", partner.oin):
                raise ValidationError(self.env._("%s is not an OIN, which has 20 digits.", partner.oin))

    # === BUSINESS

    @api.model
    def _commercial_fields(self):
        # EXTENDS 'base': addresses and contacts carry the number of their organisation
        return super()._commercial_fields() + ["oin"]

    def _get_dutch_registration(self):
        """The number and the scheme by which electronic invoices name this organisation as a legal entity.

        :return: ``(scheme, number)``, both ``False`` when there is no such number
        """
        self.ensure_one()
        partner = self.commercial_partner_id
        if partner.oin:
            return OIN, partner.oin
        if partner.peppol_eas in (KVK, OIN) and partner.peppol_endpoint:
            return partner.peppol_eas, partner.peppol_endpoint
        digits = re.sub(r"[\s.-]", "", partner.company_registry or "")
        scheme = digits.isdecimal() and REGISTRATION_SCHEMES.get(len(digits))
        return (scheme, digits) if scheme else (False, False)

    def _get_missing_reference_problem(self, reference):
        """A public body books no invoice without the reference it gave for it.

        :param str reference: of the customer, as it stands on the order or the invoice
        :return: a sentence, or an empty string
        """
        self.ensure_one()
        partner = self.commercial_partner_id
        if reference.strip() or (partner.buyer_reference or "").strip() or partner._get_dutch_registration()[0] != OIN:
            return ""
        return self.env._(
            "%s is a public body and wants its own reference on an invoice: fill in the Customer Reference of the "
            "order or the invoice, or the Reference for e-Invoices of the customer.",
            partner.display_name,
        )
