"""One request to PAYT, until it has an answer or an error that says what to do."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

import requests

from .auth import PaytAuth
from .backoff import Backoff
from .connection import checked_base_url, checked_upload_url, no_answer
from .errors import (
    PaytError,
    PaytForbidden,
    PaytNotFound,
    PaytRejected,
    PaytTemporary,
    PaytThrottled,
    PaytUnknownOutcome,
)
from .operations import Operation
from .redaction import redacted, unlogged
from .throttle import LocalThrottle, Throttle
from .wire import UPLOAD_TIMEOUT

MISSING_PERMISSION = "Missing permission:"


class Transport:
    """A ``requests`` session with time-outs, the throttle, back-off and typed errors. Close it after a batch.

    Not for several threads at once (``requests`` isn't); the throttle may be shared.
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: PaytAuth,
        throttle: Throttle | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = checked_base_url(base_url)
        self.auth = auth
        self.throttle = throttle or LocalThrottle()
        self.backoff = backoff or Backoff()
        self.clock_difference: timedelta | None = None  # PAYT's clock minus ours, as of the last answer
        self.requests_sent = 0
        self._sleep = sleep
        self._session = requests.Session()
        self._session.verify = True
        self._session.headers["Accept"] = "application/json"

    def close(self) -> None:
        self._session.close()

    # === REQUESTS TO THE API

    def call(
        self,
        operation: Operation,
        *,
        path: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Any:
        """Send a request and return what the JSON of the answer holds; None for an empty answer.

        Numbers with a fraction come back as ``Decimal``.

        :raise PaytError: one of its kinds, after the attempts that are allowed and make sense
        """
        url = self.base_url + operation.path.format(**{name: quote(v, safe="") for name, v in (path or {}).items()})
        # Commas stay as they are: between the items of a list they must (style: form, explode: false), and in a text
        # they may. A comma within an item is refused by the caller.
        prepare = {"params": urlencode(query, safe=",", quote_via=quote) if query else None}
        if body is not None and operation.form:
            prepare["data"] = body
        elif body is not None:
            prepare["data"] = json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
            prepare["headers"] = {"Content-Type": "application/json"}

        def send() -> requests.Response:
            return self._session.request(
                operation.method, url, auth=self.auth, timeout=operation.timeout, allow_redirects=False, **prepare
            )

        return self._persist(lambda: self._answer(send, str(operation)), operation.repeatable)

    # === UPLOADS

    def upload(self, url: str, content: bytes, content_type: str) -> None:
        """Put a file where PAYT asked for it. Repeating that is harmless.

        The token is not sent along: the address may be another host's and carries its own permission.

        :raise PaytError: one of its kinds
        """
        url = checked_upload_url(url, self.base_url)
        headers = {"Content-Type": content_type}

        def send() -> requests.Response:
            return self._session.put(
                url, data=content, headers=headers, auth=_no_auth, timeout=UPLOAD_TIMEOUT, allow_redirects=False
            )

        with unlogged():
            self._persist(lambda: self._answer(send, "the upload of a file", parse=False), repeatable=True)

    # === TRYING AGAIN

    def _persist(self, attempt: Callable[[], Any], repeatable: bool) -> Any:
        tries = 0
        renewed = False
        while True:
            self.throttle.wait()
            self.requests_sent += 1
            try:
                return attempt()
            except PaytForbidden as error:
                # a token may lapse at any moment, once; PAYT did nothing
                if error.status != 401 or renewed or not self.auth.renewed():
                    raise
                renewed = True
            except PaytTemporary as error:
                tries += 1
                if error.maybe_processed and not repeatable:
                    raise PaytUnknownOutcome(
                        f"{error} It may have been done: look at PAYT before sending it again.", status=error.status
                    ) from None
                pause = self.backoff.pause(tries, error.retry_after)
                if pause is None:
                    raise
                if isinstance(error, PaytThrottled):
                    self.throttle.hold(pause)
                self._sleep(pause)

    # === ANSWERS

    def _answer(self, send: Callable[[], requests.Response], what: str, parse: bool = True) -> Any:
        try:
            response = send()
        except requests.RequestException as error:
            raise no_answer(error, what) from None
        self._note_clock(response)
        if not 200 <= response.status_code < 300:
            raise self._error(response, what)
        if not parse or not response.content:
            return None
        try:
            return json.loads(response.content, parse_float=Decimal)
        except ValueError:
            raise PaytTemporary(f"PAYT's answer to {what} can't be read.", status=response.status_code) from None

    def _error(self, response: requests.Response, what: str) -> PaytError:
        status = response.status_code
        code, message = self._reason(response)
        text = f"PAYT answered {what} with {status}" + (f": {message}" if message else ".")
        if status == 429:
            return PaytThrottled(text, retry_after=_retry_after(response))
        if status >= 500 or status == 408:
            return PaytTemporary(text, status=status, code=code, retry_after=_retry_after(response))
        if status in (401, 403):
            _, found, permission = message.partition(MISSING_PERMISSION)
            return PaytForbidden(text, status=status, code=code, missing_permission=permission.strip() if found else "")
        if status == 404:
            return PaytNotFound(text, status=status, code=code)
        if 400 <= status < 500:
            return PaytRejected(text, status=status, code=code)
        return PaytError(
            text, status=status, code=code
        )  # a redirect, which is not followed: it could lead the token away

    def _reason(self, response: requests.Response) -> tuple[str, str]:
        """PAYT's code and words, without anything secret."""
        try:
            answer = response.json()
        except ValueError:
            return "", ""
        if not isinstance(answer, dict):
            return "", ""
        code = answer.get("code")
        message = answer.get("message") or answer.get("errors") or answer.get("error") or ""
        return (str(code) if code else ""), redacted(message, self.auth.secrets)

    def _note_clock(self, response: requests.Response) -> None:
        try:
            theirs = parsedate_to_datetime(response.headers["Date"])
        except (KeyError, ValueError, TypeError):
            return
        if theirs.tzinfo:
            self.clock_difference = theirs - datetime.now(UTC)


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Given as ``auth`` so that ``requests`` doesn't look for one in a ``.netrc``."""
    request.headers.pop("Authorization", None)
    return request


def _retry_after(response: requests.Response) -> float | None:
    """Seconds from the header, which holds seconds or a date (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError):
        return None
    return max(0.0, (moment - datetime.now(UTC)).total_seconds()) if moment.tzinfo else None
