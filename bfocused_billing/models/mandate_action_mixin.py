from odoo import models


class MandateActionMixin(models.AbstractModel):
    """The buttons beside "no valid mandate", the same on quotations and subscriptions."""

    _name = "bfocused.mandate.action.mixin"
    _description = "Mandate: buttons"

    def _get_mandate_payer(self):
        """Whose mandate it takes; ``res.partner``, maybe a contact of the customer."""
        self.ensure_one()
        return self.partner_invoice_id or self.partner_id

    def _prepare_mandate_request(self):
        """What a request made from here says of it."""
        return {}

    def action_send_mandate_request(self):
        """Mail the customer a link to the mandate form."""
        self.ensure_one()
        self.check_access("write")
        requests = self.env["bfocused.mandate.request"]
        request = requests._get_or_create_for(
            self._get_mandate_payer(), self.company_id, **self._prepare_mandate_request()
        )
        request._send()
        return request._notify_sent()

    def action_register_paper_form(self):
        """Open the form for a mandate that was signed on paper."""
        self.ensure_one()
        payer = self._get_mandate_payer().commercial_partner_id
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Register paper form"),
            "res_model": "bfocused.mandate.paper",
            "view_mode": "form",
            "target": "new",
            "context": {"default_partner_id": payer.id, "default_company_id": self.company_id.id},
        }
