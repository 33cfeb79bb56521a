from odoo import http
from odoo.http import content_disposition, request


class MandateFormController(http.Controller):
    """The form on paper, for staff."""

    @http.route("/bfocused_billing/mandate_request/<int:request_id>/pdf", type="http", auth="user", readonly=True)
    def print_request(self, request_id):
        """The form of a request: filled in as far as it is known, or the document that was signed."""
        mandate_request = request.env["bfocused.mandate.request"].browse(request_id)
        if not mandate_request.exists() or not mandate_request.has_access("read"):
            raise request.not_found()
        own = mandate_request.sudo()
        content = own._get_pdf_content() if own.signed_at else own._render_pdf()
        return self._respond(content, own.pdf_name)

    @http.route(
        "/bfocused_billing/mandate_form/<int:company_id>/<string:scheme>", type="http", auth="user", readonly=True
    )
    def print_empty(self, company_id, scheme):
        """The empty form of a company, in the language of the user."""
        requests = request.env["bfocused.mandate.request"]
        company = request.env["res.company"].browse(company_id)
        if scheme not in ("CORE", "B2B") or company not in request.env.user.company_ids or not company.use_billing:
            raise request.not_found()
        if not requests.has_access("read"):
            raise request.not_found()
        requests = requests.sudo()
        content = requests._render_form(requests._prepare_empty_form(company.sudo(), scheme, request.env.lang))
        return self._respond(content, f"SEPA-{scheme}.pdf")

    def _respond(self, content, name):
        headers = [
            ("Content-Type", "application/pdf"),
            ("Content-Disposition", content_disposition(name, disposition_type="inline")),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return request.make_response(content, headers)
