from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import request

from odoo.addons.sale.controllers.portal import CustomerPortal as SalePortal

from .portal_mandate import OWN_PREFIX, SESSION_KEY


class OrderPortal(SalePortal):
    """Accepting a quotation with subscriptions leads through the mandate form."""

    @http.route()
    def portal_quote_accept(self, order_id, access_token=None, name=None, signature=None):
        # EXTENDS 'sale': the acceptance is kept, and the customer goes on to the mandate
        result = super().portal_quote_accept(order_id, access_token, name, signature)
        access_token = access_token or request.httprequest.args.get("access_token")
        if result.get("force_refresh"):
            order = self._document_check_access("sale.order", order_id, access_token=access_token)
            if order.awaits_mandate:
                result["redirect_url"] = order.get_portal_url(suffix="/mandate")
        return result

    @http.route(
        "/my/orders/<int:order_id>/mandate", type="http", auth="public", website=True, methods=["GET"], sitemap=False
    )
    def portal_order_mandate(self, order_id, access_token=None, **values):
        """From a quotation to its mandate form, which this browser session may fill in from now on."""
        try:
            order = self._document_check_access("sale.order", order_id, access_token=access_token)
        except (AccessError, MissingError):
            return request.redirect("/my")
        company = order.company_id
        if order.state not in ("draft", "sent") or not order.mandate_problem or company._get_creditor_problem():
            return request.redirect(order.get_portal_url())
        mandate_request = (
            request.env["bfocused.mandate.request"]
            .sudo()
            ._get_or_create_for(order.partner_invoice_id or order.partner_id, company, order_id=order.id)
        )
        ids = request.session.get(SESSION_KEY, [])
        request.session[SESSION_KEY] = [*(number for number in ids if number != mandate_request.id), mandate_request.id]
        return request.redirect(f"/mandate/{OWN_PREFIX}{mandate_request.id}")
