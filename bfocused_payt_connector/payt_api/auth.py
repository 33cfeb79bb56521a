"""Getting and showing the token.

The three ways of PAYT (docs: authentication): a static token; ``client_credentials``, one token that never lapses and
that PAYT only takes from allowed addresses; and the authorization code with an access token of two hours and a refresh
token of 90 days, replaced at each use.

The functions here make exactly one request and keep nothing. Who calls :func:`refresh` holds the lock on the token's
row and stores the answer in the same transaction, before it is used: PAYT has then forgotten the old refresh token.
"""

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urljoin

import requests
from requests.auth import AuthBase

from .connection import checked_base_url, no_answer
from .errors import PaytError, PaytForbidden, PaytReauthorise, PaytTemporary, PaytThrottled, PaytUnknownOutcome
from .redaction import redacted
from .wire import AUTHORIZE_PATH, TOKEN_PATH, TOKEN_TIMEOUT

# RFC 6749, 5.2: it is about the client, not about what it brings
UNKNOWN_CLIENT = ("invalid_client", "unauthorized_client")


class PaytAuth(AuthBase):
    """Puts the token on a request; no call site touches the header.

    :param get_token: returns the token in use now; asked anew for each request
    :param renew: called once when PAYT answers 401, with the token it refused. Returns a newer token, got or found
        (another worker may have renewed it already), or None where there is none. Without it a 401 is final.
    """

    def __init__(self, get_token: Callable[[], str], renew: Callable[[str], str | None] | None = None) -> None:
        self._get_token = get_token
        self._renew = renew
        self._last = ""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        token = self._get_token()
        if not token:
            raise PaytForbidden("No PAYT token: authorise the connection first.")
        if not token.isascii() or not token.isprintable() or " " in token:
            raise PaytForbidden("The PAYT token holds characters a token can't have.")
        self._last = token
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    def renewed(self) -> bool:
        """After a 401: whether there is another token to try with."""
        if not self._renew:
            return False
        token = self._renew(self._last)
        return bool(token) and token != self._last

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not show up in a text."""
        return (self._last,)

    def __repr__(self) -> str:
        return "<PaytAuth>"


@dataclass(frozen=True)
class TokenSet:
    """An answer of the token endpoint. The tokens stay out of ``repr``."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)  # "" with client_credentials
    expires_at: datetime | None  # UTC; None: never
    scopes: frozenset[str]


def new_state() -> str:
    """A value for ``state`` that nobody can guess; keep it with the user's session until they return."""
    return secrets.token_urlsafe(32)


def check_state(expected: str | None, given: str | None) -> None:
    """Make sure that it is our own user who comes back from PAYT.

    :raise PaytForbidden: when the state is missing or not ours
    """
    if not expected or not given or not hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace")):
        raise PaytForbidden("This authorisation was not started here, or it was answered already. Start it again.")


def authorize_url(app_url: str, client_id: str, redirect_uri: str, state: str, scopes: Iterable[str] = ()) -> str:
    """Where to send the person who grants access (docs: authentication/authorization).

    :param app_url: the web application's host, not the API's
    """
    query = {"client_id": client_id, "redirect_uri": redirect_uri, "response_type": "code", "state": state}
    if scopes := sorted(scopes):
        query["scope"] = " ".join(scopes)
    return f"{urljoin(checked_base_url(app_url), AUTHORIZE_PATH)}?{urlencode(query)}"


def exchange_code(base_url: str, client_id: str, client_secret: str, code: str, redirect_uri: str) -> TokenSet:
    """Turn the code (good for 10 minutes, once) into tokens. For errors see :func:`refresh`."""
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    return _ask(base_url, client_id, client_secret, grant, secret=code, once=True)


def client_credentials(base_url: str, client_id: str, client_secret: str) -> TokenSet:
    """Get the token that never lapses.

    :raise PaytForbidden: wrong id or secret, or an address that isn't allowed
    :raise PaytTemporary: may be tried again
    """
    return _ask(base_url, client_id, client_secret, {"grant_type": "client_credentials"}, secret="", once=False)


def check_client(base_url: str, client_id: str, client_secret: str) -> None:
    """Whether PAYT knows this client, without getting a token or using one up: the code we bring is a made-up one.

    PAYT refuses it in any case. A client it doesn't know, it refuses for that.

    :raise PaytForbidden: wrong id or secret
    :raise PaytTemporary: may be tried again
    """
    code = f"test-{secrets.token_urlsafe(16)}"
    grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": "https://localhost/"}
    try:
        _ask(base_url, client_id, client_secret, grant, secret=code, once=False)
    except PaytForbidden as error:
        if error.status in (401, 403) or error.code in UNKNOWN_CLIENT:
            raise


def refresh(base_url: str, client_id: str, client_secret: str, refresh_token: str) -> TokenSet:
    """Rotate the tokens. Never call it twice with the same refresh token, and never from two workers.

    :raise PaytReauthorise: PAYT refuses the refresh token: a person has to grant access again
    :raise PaytUnknownOutcome: the answer was lost; PAYT may have rotated. A person has to be told at once.
    :raise PaytTemporary: PAYT certainly did nothing; may be tried again
    :raise PaytForbidden: the client's id or secret is wrong
    """
    grant = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    return _ask(base_url, client_id, client_secret, grant, secret=refresh_token, once=True)


def _ask(base_url: str, client_id: str, client_secret: str, grant: dict, *, secret: str, once: bool) -> TokenSet:
    started = datetime.now(UTC)
    hidden = (client_secret, secret)
    try:
        # not through a session: no cookie and no .netrc may get in
        response = requests.post(
            urljoin(checked_base_url(base_url), TOKEN_PATH),
            json=grant,
            auth=(client_id, client_secret),
            timeout=TOKEN_TIMEOUT,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise _lost(no_answer(error, "the token request"), once) from None
    if 200 <= response.status_code < 300:
        try:
            return _token_set(response.json(), started)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _lost(PaytTemporary("PAYT's answer to the token request can't be read."), once) from None
    raise _refused(response, once, hidden)


def _lost(error: PaytError, once: bool) -> PaytError:
    if once and isinstance(error, PaytTemporary) and error.maybe_processed:
        return PaytUnknownOutcome(f"{error} PAYT may have handed out new tokens that never got here.")
    return error


def _refused(response: requests.Response, once: bool, hidden: tuple[str, ...]) -> PaytError:
    status = response.status_code
    if status == 429:
        return PaytThrottled("PAYT gets too many requests.")
    if status >= 500:
        return _lost(PaytTemporary(f"PAYT answered the token request with {status}.", status=status), once)
    try:
        answer = response.json()
        code = str(answer.get("error") or answer.get("code") or "")
        reason = redacted(answer.get("error_description") or answer.get("message") or code, hidden)
    except (ValueError, AttributeError):
        code = reason = ""
    kind = PaytReauthorise if code == "invalid_grant" else PaytForbidden
    return kind(f"PAYT refuses to give a token ({status}): {reason or 'no reason given'}", status=status, code=code)


def _token_set(answer: dict, started: datetime) -> TokenSet:
    lifetime = answer.get("expires_in")
    return TokenSet(
        access_token=_text(answer["access_token"]),
        refresh_token=_text(answer.get("refresh_token") or ""),
        # counted from before the request left, on our clock: never later than PAYT means
        expires_at=None if lifetime is None else started + timedelta(seconds=int(lifetime)),
        scopes=frozenset(str(answer.get("scope") or "").split()),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a token is a text")
    return value
