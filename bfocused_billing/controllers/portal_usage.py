from odoo import http
from odoo.exceptions import AccessError, MissingError
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal


class PortalUsage(CustomerPortal):
    @http.route()
    def portal_my_invoice_detail(self, invoice_id, *args, **kw):
        # EXTENDS 'account': who only has the link of an invoice gets the invoice, not whom the customer called
        if not request.env["account.move"].browse(invoice_id).exists().has_access("read"):
            request.update_context(billing_leaves_out_calls=True)
        return super().portal_my_invoice_detail(invoice_id, *args, **kw)

    @http.route("/my/invoices/<int:invoice_id>/calls", type="http", auth="user", website=True)
    def portal_invoice_calls(self, invoice_id, report_type="pdf", **kw):
        """The calls on an invoice, for the customer's own users.

        Who was called is nobody else's business, so the link in a mail, which opens the invoice, is not enough.
        """
        try:
            invoice = self._document_check_access("account.move", invoice_id)
        except (AccessError, MissingError):
            return request.redirect("/my")
        if not invoice.has_usage or report_type not in ("pdf", "csv"):
            raise request.not_found()
        if report_type == "csv":
            content, content_type = invoice._get_usage_csv(), "text/csv; charset=utf-8"
        else:
            kept = invoice.usage_specification_id
            content, content_type = kept.raw if kept else invoice._get_usage_pdf(), "application/pdf"
        localized = invoice.with_context(lang=invoice.partner_id.lang)
        disposition = content_disposition(localized._get_usage_filename(report_type))
        return request.make_response(content, [("Content-Type", content_type), ("Content-Disposition", disposition)])
