import time
from datetime import UTC, timedelta

from psycopg2.errors import SerializationFailure

from odoo import fields, models

from ...payt_api import PaytReauthorise, PaytTemporary, PaytUnknownOutcome, auth

# Renewed so long before the end, so that a batch doesn't start with a token that ends in the middle of it
MARGIN = timedelta(minutes=5)
# docs: authentication/tokens. PAYT doesn't say when in its answer.
REFRESH_TOKEN_LIFETIME = timedelta(days=90)
# Seconds between the tries to get hold of the row while another worker renews: longer than its request may take
PAUSES = (0, 0.2, 0.5, 1, 2, 4, 8, 16, 16)

TOKEN_FIELDS = ("access_token", "refresh_token", "expires_at", "renew_at", "refresh_expires_at", "scopes")


class PaytToken(models.Model):
    """The tokens that change, in a row of their own that nothing else writes.

    PAYT forgets a refresh token when it is used. So one worker at a time renews, in a transaction of its own that ends
    before the new token is used, whatever becomes of the work it is for.
    """

    _name = "payt.token"
    _inherit = ["payt.secret.mixin"]
    _description = "PAYT Token"

    backend_id = fields.Many2one("payt.backend", required=True, ondelete="cascade", readonly=True)
    access_token = fields.Char(groups="base.group_system", copy=False, exportable=False, readonly=True)
    refresh_token = fields.Char(groups="base.group_system", copy=False, exportable=False, readonly=True)
    expires_at = fields.Datetime(copy=False, readonly=True)
    renew_at = fields.Datetime(copy=False, readonly=True)
    refresh_expires_at = fields.Datetime(copy=False, readonly=True)
    scopes = fields.Char(copy=False, readonly=True)

    _backend_uniq = models.Constraint("UNIQUE(backend_id)", "A connection has one token.")

    # === BUSINESS

    def _obtain(self, refused=""):
        """A token that can be used, renewed where needed.

        :param refused: a token that PAYT didn't take
        :return: the access token, and the moment from which on it should be renewed (False: never)
        :raise PaytError: one of its kinds. The backend is paused where a person has to do something.
        """
        self.ensure_one()
        for pause in PAUSES:
            time.sleep(pause)
            try:
                found = self._obtain_once(refused)
            except SerializationFailure:
                continue  # it changed a moment ago
            except (PaytReauthorise, PaytUnknownOutcome) as error:
                self.backend_id._stop(self.env._("PAYT has to be given access again. %s", error))
                raise
            if found:
                return found
        raise PaytTemporary("Another worker is renewing the PAYT token.", maybe_processed=False)

    def _obtain_once(self, refused):
        """One try in its own transaction; None while another worker has the row."""
        with self.env.registry.cursor() as cr:
            token = self.with_env(self.env(cr=cr, su=True))
            # The lock comes first: it decides as of when the row is read.
            is_ours = bool(token.try_lock_for_update(allow_referencing=True))
            if not token._is_usable(refused):
                if not is_ours:
                    return None
                token._renew()
            return token.access_token, token.renew_at

    def _is_usable(self, refused):
        is_fresh = not self.renew_at or self.renew_at > fields.Datetime.now()
        return bool(self.access_token and self.access_token != refused and is_fresh)

    def _renew(self):
        """Ask PAYT for a new token and store it. The row is locked, and the transaction ends right after."""
        backend = self.backend_id
        client = (backend.base_url, backend.client_id or "", backend.client_secret or "")
        if backend.auth_method == "client_credentials":
            self._accept(auth.client_credentials(*client))
        elif self.refresh_token:
            self._accept(auth.refresh(*client, self.refresh_token))
        else:
            raise PaytReauthorise(self.env._("Nobody granted access to PAYT yet."))

    def _accept(self, token_set):
        """Store what PAYT handed out."""
        now = fields.Datetime.now()
        end = token_set.expires_at and token_set.expires_at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        self.write(
            {
                "access_token": token_set.access_token,
                "refresh_token": token_set.refresh_token,
                "expires_at": end,
                "renew_at": end and end - min(MARGIN, (end - now) / 4),
                "refresh_expires_at": token_set.refresh_token and now + REFRESH_TOKEN_LIFETIME,
                "scopes": " ".join(sorted(token_set.scopes)),
            }
        )

    def _accept_in_own_transaction(self, token_set):
        """Store at once what PAYT handed out, whatever becomes of the request this is part of.

        :raise PaytTemporary: while another worker is renewing
        """
        for pause in PAUSES:
            time.sleep(pause)
            with self.env.registry.cursor() as cr:
                token = self.with_env(self.env(cr=cr, su=True)).try_lock_for_update(allow_referencing=True)
                if token:
                    token._accept(token_set)
                    break
        else:
            raise PaytTemporary("Another worker is renewing the PAYT token.", maybe_processed=False)
        self.invalidate_recordset()

    def _forget(self):
        """Empty the row: its tokens belong to another environment or client."""
        self.write(dict.fromkeys(TOKEN_FIELDS, False))


class TokenInUse:
    """The token as a client holds it: looked up once, then again when it ends or was refused.

    The transaction of whoever uses the client can't see that another worker renewed; this can.
    """

    def __init__(self, token):
        self._token = token
        self._value = ""
        self._renew_from = False

    def get(self):
        """The token to use now."""
        if not self._value or (self._renew_from and self._renew_from <= fields.Datetime.now()):
            self._value, self._renew_from = self._token._obtain()
        return self._value

    def renew(self, refused):
        """Another token than the one PAYT refused."""
        self._value, self._renew_from = self._token._obtain(refused)
        return self._value
