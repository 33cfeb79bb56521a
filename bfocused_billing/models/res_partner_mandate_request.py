from odoo import fields, models
from odoo.exceptions import UserError


class ResPartner(models.Model):
    _inherit = "res.partner"

    def _request_new_mandate(self, reason):
        """Mail the customer a link to the form; where that can't be done, a person is told to ask.

        :param reason: why, as a sentence
        """
        # EXTENDS 'bfocused_billing'
        company = self.env.company
        if company.mandate_auto_request:
            request = self.env["bfocused.mandate.request"]._get_or_create_for(self, company)
            if request.sent_at and request.expires_at > fields.Datetime.now():  # the customer has a link that works
                return None
            try:
                with self.env.cr.savepoint():
                    request._send()
                request.message_post(body=reason)
                return None
            except UserError as error:
                reason = f"{reason} {error}"
        return super()._request_new_mandate(reason)

    def action_send_mandate_request(self):
        """Mail this customer a link to the mandate form of the current company."""
        self.ensure_one()
        self.check_access("write")
        request = self.env["bfocused.mandate.request"]._get_or_create_for(self, self.env.company)
        request._send()
        return request._notify_sent()
