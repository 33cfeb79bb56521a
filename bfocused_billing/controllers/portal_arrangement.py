from odoo import http
from odoo.exceptions import AccessError, MissingError, UserError
from odoo.http import request

from odoo.addons.portal.controllers.portal import CustomerPortal


class PortalArrangement(CustomerPortal):
    """Customers see their payment arrangements, and ask for one."""

    @http.route("/my/arrangements", type="http", auth="user", website=True, methods=["GET"])
    def my_arrangements(self):
        """The customer's arrangements."""
        values = self._prepare_portal_layout_values()
        own = request.env["bfocused.payment.arrangement"].search(self._get_arrangements_domain())
        values.update(page_name="arrangement", arrangements=own)
        return request.render("bfocused_billing.portal_my_arrangements", values)

    @http.route("/my/arrangements/<int:arrangement_id>", type="http", auth="user", website=True, methods=["GET"])
    def my_arrangement(self, arrangement_id):
        """One arrangement with its instalments."""
        domain = [("id", "=", arrangement_id), *self._get_arrangements_domain()]
        arrangement = request.env["bfocused.payment.arrangement"].search(domain)
        if not arrangement:
            return request.redirect("/my/arrangements")
        values = self._prepare_portal_layout_values()
        values.update(page_name="arrangement", arrangement=arrangement)
        return request.render("bfocused_billing.portal_arrangement", values)

    @http.route("/my/invoices/<int:invoice_id>/arrangement", type="http", auth="user", website=True, methods=["POST"])
    def my_invoice_arrangement(self, invoice_id, count="", reason="", **kw):
        """Ask to pay an invoice in instalments."""
        try:
            invoice = self._document_check_access("account.move", invoice_id)
        except (AccessError, MissingError):
            return request.redirect("/my")
        try:
            arrangement = invoice.sudo()._ask_for_arrangement(request.env.user, count, reason)
        except UserError:  # paid meanwhile, or not what the form offers
            return request.redirect(f"/my/invoices/{invoice_id}")
        return request.redirect(f"/my/arrangements/{arrangement.id}")

    def _get_arrangements_domain(self):
        """A record rule protects; this is for staff who look at their own pages."""
        return [("partner_id", "=", request.env.user.partner_id.commercial_partner_id.id)]
