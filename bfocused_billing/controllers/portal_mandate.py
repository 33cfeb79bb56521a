from odoo import http
from odoo.exceptions import UserError
from odoo.http import content_disposition, request

from odoo.addons.portal.controllers.portal import CustomerPortal

MAX_SIGNATURE_BODY = 2 * 1024 * 1024  # bytes
# Requests this browser session got to from their quotation, and those it signed.
FORM_SESSION_KEY = "bfocused_mandate_request_ids"
SIGNED_SESSION_KEY = "bfocused_mandate_signed_ids"
OWN_PREFIX = "request-"
# The form is in the language of the request, not in that of an address or browser, so no language in its address.
RPC_ROUTE = {"type": "jsonrpc", "auth": "public", "website": True, "multilang": False}
FORM_ROUTE = {**RPC_ROUTE, "type": "http", "sitemap": False}


def remember(session_key, mandate_request):
    """Keep with the browser session that it got to a request, or signed it."""
    others = [number for number in request.session.get(session_key, []) if number != mandate_request.id]
    request.session[session_key] = [*others, mandate_request.id]


def is_customer(customer):
    """Whether the user is logged in for ``customer``, a commercial entity."""
    user = request.env.user
    return not user._is_public() and user.partner_id.commercial_partner_id == customer


class MandatePortal(CustomerPortal):
    """The mandate form: for whoever has the link of the e-mail, and for customers who are logged in.

    The key in the address is the secret of the link, or ``request-<id>``: for a request of the user's own company, or
    one that this browser session got to from a quotation.
    """

    # === PAGES

    @http.route("/mandate/<string:key>", methods=["GET", "POST"], **FORM_ROUTE)
    def mandate_details(self, key, **values):
        """Where the money comes from: bank account, holder and signatory."""
        mandate_request = self._find_mandate_request(key)
        if not mandate_request:
            return self._render_closed(key)
        error = self._get_wait_message(mandate_request)
        if request.httprequest.method == "POST" and not error:
            error = self._set_details(mandate_request, values)
            if not error:
                return request.redirect(f"/mandate/{key}/sign")
        return self._render("bfocused_billing.portal_mandate_details", mandate_request, key, error=error, values=values)

    @http.route("/mandate/<string:key>/sign", methods=["GET"], **FORM_ROUTE)
    def mandate_sign(self, key, changed=None):
        """What is signed, and the place to do so; with a warning when it was changed under the signer."""
        mandate_request = self._find_mandate_request(key)
        if not mandate_request:
            return self._render_closed(key)
        if not mandate_request._has_details():
            return request.redirect(f"/mandate/{key}")
        error = request.env._("The form was changed; read it again.") if changed else None
        return self._render("bfocused_billing.portal_mandate_sign", mandate_request, key, error=error)

    @http.route("/mandate/<string:key>/iban", **RPC_ROUTE)
    def mandate_check_iban(self, key, iban=""):
        """Whether an IBAN is right, while it is typed; with the name of its bank."""
        mandate_request = self._find_mandate_request(key)
        if not mandate_request:
            return {"error": self._get_closed_message()}
        error = self._get_wait_message(mandate_request)
        if error:
            return {"error": error}
        try:
            return mandate_request._read_iban(iban)
        except UserError as problem:
            self._count_refused()
            return {"error": str(problem)}

    @http.route("/mandate/<string:key>/accept/<string:shown>", max_content_length=MAX_SIGNATURE_BODY, **RPC_ROUTE)
    def mandate_accept(self, key, shown, name=None, signature=None):
        """Sign what was shown. Odoo's signature form calls this, and goes where it is told."""
        mandate_request = self._find_mandate_request(key)
        if not mandate_request:
            return {"error": self._get_closed_message()}
        try:
            with request.env.cr.savepoint():
                mandate_request._set_signatory(name)
                mandate_request._sign(signature, self._get_evidence(), shown)
        except UserError as problem:
            answer = {"error": str(problem)}
            if mandate_request._has_details() and shown != mandate_request._get_shown_digest():
                answer.update(force_refresh=True, redirect_url=f"/mandate/{key}/sign?changed=1")
            return answer
        remember(SIGNED_SESSION_KEY, mandate_request)
        return {"force_refresh": True, "redirect_url": f"/mandate/{OWN_PREFIX}{mandate_request.id}/done"}

    @http.route("/mandate/<string:key>/done", methods=["GET"], **FORM_ROUTE)
    def mandate_done(self, key):
        """Thank you, with the document, for whoever signed it just now or is logged in for this customer."""
        mandate_request = self._find_mandate_request(key, is_signed=True)
        if not mandate_request:
            return self._render_closed(key)
        return self._render("bfocused_billing.portal_mandate_done", mandate_request, key)

    @http.route("/mandate/<string:key>/pdf", methods=["GET"], **FORM_ROUTE)
    def mandate_pdf(self, key):
        """The signed document."""
        mandate_request = self._find_mandate_request(key, is_signed=True)
        if not mandate_request:
            return self._render_closed(key)
        headers = [
            ("Content-Type", "application/pdf"),
            ("Content-Disposition", content_disposition(mandate_request.pdf_name)),
            ("X-Content-Type-Options", "nosniff"),
        ]
        return request.make_response(mandate_request._get_pdf_content(), headers)

    # === LOGGED IN

    @http.route("/my/mandates", type="http", auth="user", website=True, methods=["GET"])
    def my_mandates(self):
        """The customer's mandates."""
        values = self._prepare_portal_layout_values()
        values.update(page_name="mandate", mandates=self._get_own_mandates())
        return request.render("bfocused_billing.portal_my_mandates", values)

    @http.route("/my/mandates/new", type="http", auth="user", website=True, methods=["POST"])
    def my_mandate_new(self):
        """A first mandate, or one for another bank account."""
        partner, company = request.env.user.partner_id, self._get_billing_company()
        if not company or company._get_creditor_problem():
            return request.redirect("/my/mandates")
        own = request.env["bfocused.mandate.request"].sudo()._get_or_create_for(partner, company)
        return request.redirect(f"/mandate/{OWN_PREFIX}{own.id}")

    def _prepare_home_portal_values(self, counters):
        # EXTENDS 'portal'
        values = super()._prepare_home_portal_values(counters)
        if "mandate_count" in counters:
            values["mandate_count"] = len(self._get_own_mandates())
        return values

    def _get_billing_company(self):
        company = request.env.company.sudo()
        return company if company.use_billing else company.browse()

    def _get_own_mandates(self):
        """The mandates of the user's company; of no other."""
        partner = request.env.user.partner_id.commercial_partner_id
        domain = [
            ("partner_id", "=", partner.id),
            ("company_id.use_billing", "=", True),
            ("company_id", "in", request.env.user.sudo().company_ids.ids),
        ]
        return request.env["account.banking.mandate"].sudo().search(domain)

    # === HELPERS

    def _find_mandate_request(self, key, is_signed=False):
        """The request an address leads to, or none; a wrong key counts as a refused try."""
        requests = request.env["bfocused.mandate.request"].sudo()
        if not key.startswith(OWN_PREFIX):
            if is_signed or self._get_wait():
                return requests
            found = requests._find_by_token(key)
            if not found:
                self._count_refused()
            return self._in_company(found)
        number = key.removeprefix(OWN_PREFIX)
        own = requests.browse(int(number)).exists() if number.isdecimal() and len(number) < 10 else requests
        states = ("signed", "done") if is_signed else ("open",)
        if not own or own.state not in states or not self._is_own(own):
            return requests
        return self._in_company(own)

    def _in_company(self, mandate_request):
        """The request in its company and the language it is signed in."""
        if not mandate_request:
            return mandate_request
        lang = mandate_request.lang or request.env.lang
        self._set_lang(lang)
        return mandate_request.with_company(mandate_request.company_id).with_context(lang=lang)

    def _set_lang(self, lang):
        """Show the page in a language, and let Odoo's own scripts on it ask for their texts in the same."""
        request.update_context(lang=lang)
        request.lang = request.env["res.lang"]._get_data(code=lang)
        request.future_response.set_cookie("frontend_lang", lang, samesite="Lax")

    def _is_own(self, mandate_request):
        """Whether the session may see a request: the customer's user, who signed it, or who came from its quotation."""
        key = SIGNED_SESSION_KEY if mandate_request.signed_at else FORM_SESSION_KEY
        may_remember = mandate_request.signed_at or mandate_request.is_from_quotation
        if may_remember and mandate_request.id in request.session.get(key, []):
            return True
        return is_customer(mandate_request.partner_id)

    def _get_evidence(self):
        http_request = request.httprequest
        return {"ip": http_request.remote_addr, "user_agent": http_request.user_agent.string}

    def _set_details(self, mandate_request, values):
        """Keep what was filled in.

        :return: what is wrong with it, as a sentence, or ``None``
        """
        try:
            mandate_request._read_iban(values.get("iban"))
        except UserError as problem:
            self._count_refused()
            return str(problem)
        try:
            mandate_request._set_details(values)
        except UserError as problem:
            return str(problem)
        return None

    def _count_refused(self):
        request.env["bfocused.mandate.attempt"]._add(request.httprequest.remote_addr)

    def _get_wait(self, company=None):
        company = company or request.env.company.sudo()
        return request.env["bfocused.mandate.attempt"]._get_wait(request.httprequest.remote_addr, company)

    def _get_wait_message(self, mandate_request=None):
        """What an address reads that has to wait; ``None`` when it needn't."""
        minutes = self._get_wait(mandate_request and mandate_request.company_id)
        if not minutes:
            return None
        return request.env._("Too many tries that were not right. Try again in %s minutes.", minutes)

    def _get_closed_message(self):
        return self._get_wait_message() or request.env._("This link can't be used any more. Ask us for a new one.")

    def _render(self, template, mandate_request, key, **values):
        values = {"mandate_request": mandate_request, "key": key, "page_name": "mandate", **values}
        response = request.render(template, values)
        response.headers["Referrer-Policy"] = "no-referrer"  # the address holds the secret
        response.headers["Cache-Control"] = "no-store"
        return response

    def _render_closed(self, key):
        """One answer for a used, expired, foreign and made-up link: nobody learns which of them it was."""
        response = request.render("bfocused_billing.portal_mandate_closed", {"message": self._get_wait_message()})
        response.status_code = 404
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
