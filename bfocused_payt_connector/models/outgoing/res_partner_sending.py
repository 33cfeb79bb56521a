from odoo import api, fields, models


class ResPartner(models.Model):
    """By PAYT as a way of sending invoices."""

    _inherit = "res.partner"

    invoice_sending_method = fields.Selection(selection_add=[("payt", "by PAYT")])
    payt_sending_methods = fields.Json(compute="_compute_payt_sending_methods")

    @api.depends_context("company")
    def _compute_payt_sending_methods(self):
        """The ways of sending that the current company can use."""
        methods = list(dict(self._fields["invoice_sending_method"].selection))
        if not self.env.company._get_payt_backend():
            methods.remove("payt")
        self.payt_sending_methods = methods

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
            recipient.email_normalized
            or self.commercial_partner_id._get_payt_peppol_identifier()
            or (recipient.street and recipient.zip and recipient.city)
        )
