import hashlib
from datetime import UTC, datetime, timedelta

from odoo import models
from odoo.exceptions import UserError

from ...payt_api import PaytAuth, PaytClient, PaytForbidden, ReservedThrottle, auth
from ...payt_api.operations import SCOPES
from .payt_backend import ENVIRONMENTS
from .payt_token import TokenInUse

# how long a person may take to agree at PAYT before they have to start again
AUTHORIZATION_LIFETIME = timedelta(minutes=10)
CALLBACK_PATH = "/payt/oauth/callback"


class PaytBackend(models.Model):
    """The way to PAYT: the client, its token and the authorization by a person."""

    _inherit = "payt.backend"

    # === ACTIONS

    def action_authorize(self):
        """Send the administrator to PAYT, who is asked there to grant access."""
        self.ensure_one()
        self.check_access("write")
        if not self.client_id or not self.client_secret:
            raise UserError(self.env._("Fill in the client id and secret PAYT gave you first."))
        return {"type": "ir.actions.act_url", "url": f"/payt/oauth/start/{self.id}", "target": "self"}

    # === BUSINESS: CLIENT

    def _get_client(self, while_paused=False, administration_id=""):
        """The only door to PAYT: a client to be used for a batch and closed.

        Don't write on the backend before using it in the same transaction (see :meth:`_stop`).

        :param while_paused: for a person who looks what is wrong
        :param administration_id: another one than that of the settings
        :return: a ``PaytClient``
        :raise PaytForbidden: while the connection is paused
        """
        self.ensure_one()
        backend = self.sudo()
        if backend.paused and not while_paused:
            raise PaytForbidden(self.env._("The connection to PAYT is paused: %s", backend.paused_reason or ""))
        return PaytClient(
            backend.base_url,
            auth=backend._get_auth(),
            administration_id=administration_id or backend.administration_id or "",
            throttle=backend._get_throttle(),
        )

    def _get_auth(self):
        if self.auth_method == "static":
            token = self.access_token or ""
            return PaytAuth(lambda: token)
        in_use = TokenInUse(self.token_ids)
        return PaytAuth(in_use.get, in_use.renew)

    def _get_throttle(self):
        key, slots = self._get_throttle_key(), self.env["payt.throttle"]
        return ReservedThrottle(lambda: slots._reserve(key), lambda seconds: slots._hold(key, seconds))

    def _get_throttle_key(self):
        """Stands for the token: two companies may well use the same one."""
        if self.auth_method == "refresh_token":
            return f"backend {self.id}"
        whose = self.access_token if self.auth_method == "static" else self.client_id
        return hashlib.sha256(f"{self.base_url} {self.auth_method} {whose}".encode()).hexdigest()

    # === BUSINESS: AUTHORIZATION

    def _prepare_authorization(self):
        """What the session has to remember, and where the person is sent.

        :return: values for the session, and the address at PAYT
        """
        backend = self.sudo()
        state = auth.new_state()
        known = ENVIRONMENTS.get(backend.environment)
        url = auth.authorize_url(
            known.app if known else backend.base_url, backend.client_id or "", self._get_callback_url(), state, SCOPES
        )
        until = datetime.now(UTC) + AUTHORIZATION_LIFETIME
        return {"state": state, "backend_id": self.id, "until": until.timestamp()}, url

    def _accept_authorization(self, code):
        """Exchange the code a person brought from PAYT, and go on if that was what we waited for.

        :raise PaytError: when PAYT doesn't take the code
        """
        backend = self.sudo()
        token_set = auth.exchange_code(
            backend.base_url, backend.client_id or "", backend.client_secret or "", code, self._get_callback_url()
        )
        backend.token_ids._accept_in_own_transaction(token_set)
        if backend.is_stopped:
            backend._resume()

    def _get_callback_url(self):
        return f"{self.get_base_url()}{CALLBACK_PATH}"
