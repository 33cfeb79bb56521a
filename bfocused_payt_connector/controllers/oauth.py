import logging
import time

from werkzeug.exceptions import Forbidden, NotFound

from odoo import http
from odoo.http import request

from ..models.connection.payt_backend_client import CALLBACK_PATH
from ..payt_api import PaytError, PaytForbidden, auth

_logger = logging.getLogger(__name__)

SESSION_KEY = "payt_authorization"


class PaytOAuth(http.Controller):
    """An administrator goes to PAYT, agrees there that we get in, and comes back with a code."""

    @http.route("/payt/oauth/start/<int:backend_id>", type="http", auth="user", methods=["GET"], readonly=False)
    def start(self, backend_id):
        backend = self._get_backend(backend_id)
        try:
            remembered, url = backend._prepare_authorization()
        except PaytForbidden as error:
            return self._refuse(str(error))
        request.session[SESSION_KEY] = remembered
        return request.redirect(url, code=303, local=False)

    @http.route(CALLBACK_PATH, type="http", auth="user", methods=["GET"], readonly=False)
    def callback(self, state=None, code=None, error=None, **_unused):
        """The person comes back. Whatever it leads to, what the session remembered is good for one answer."""
        remembered = request.session.pop(SESSION_KEY, None) or {}
        try:
            auth.check_state(remembered.get("state"), state)
        except PaytForbidden as refusal:
            _logger.warning("PAYT authorization with a state that isn't this session's, by user %s", request.env.uid)
            return self._refuse(str(refusal))
        if remembered["until"] < time.time():
            return self._refuse(request.env._("It took too long. Start again."))
        if error or not code:
            return self._refuse(request.env._("Nobody agreed at PAYT."))
        backend = self._get_backend(remembered["backend_id"])
        try:
            backend._accept_authorization(code)
        except PaytError as failure:
            return self._refuse(str(failure))
        return request.redirect(f"/odoo/action-bfocused_payt_connector.payt_backend_action/{backend.id}")

    def _get_backend(self, backend_id):
        """The connection, for system administrators who may see it."""
        if not request.env.user.has_group("base.group_system"):
            raise Forbidden()
        backend = request.env["payt.backend"].browse(backend_id).exists()
        if not backend:
            raise NotFound()
        backend.check_access("write")
        return backend

    def _refuse(self, message):
        """A page with the reason. A response, not an exception: the session has to forget what it remembered."""
        return request.render("bfocused_payt_connector.oauth_refused", {"message": message}, status=403)
