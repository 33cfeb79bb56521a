from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import request

from odoo.addons.sale.controllers.portal import CustomerPortal as SalePortal

from .portal_mandate import FORM_SESSION_KEY, OWN_PREFIX, is_customer, remember


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
        requests = request.env["bfocused.mandate.request"].sudo()
        payer = order._get_mandate_payer()
        if is_customer(payer.commercial_partner_id):
            mandate_request = requests._get_or_create_for(payer, company, order_id=order.id)
        else:
            mandate_request = requests._get_or_create_for_quotation(order)
            remember(FORM_SESSION_KEY, mandate_request)
        return request.redirect(f"/mandate/{OWN_PREFIX}{mandate_request.id}")
