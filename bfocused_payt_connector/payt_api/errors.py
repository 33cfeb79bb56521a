"""What can go wrong at PAYT, sorted once, where the answer comes in. The one question is: try again?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .files import FileReport
    from .results import BulkResult


class PaytError(Exception):
    """Anything PAYT or the way there did to us.

    The text is safe to show and to log: it never holds a token, a secret, an address with a signature in it or a full
    IBAN. Nothing is chained to it, because the texts of ``requests`` hold whole addresses.
    """

    retryable = False

    def __init__(self, message: str, *, status: int | None = None, code: str = "") -> None:
        super().__init__(message)
        self.status = status  # of HTTP, where there was an answer
        self.code = code  # PAYT's own, where it gave one
        self.partial: BulkResult | FileReport | None = None  # what a bulk write had done before


class PaytTemporary(PaytError):
    """Time-out, connection, 5xx, an answer that can't be read: may be tried again later."""

    retryable = True

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        maybe_processed: bool = True,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.maybe_processed = maybe_processed  # False: PAYT certainly did nothing
        self.retry_after = retry_after  # seconds PAYT asked us to wait, where it did


class PaytThrottled(PaytTemporary):
    """429: more than 10 requests in a second. Nothing was processed; everyone with this token has to wait."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, status=429, maybe_processed=False, retry_after=retry_after)


class PaytUnknownOutcome(PaytError):
    """A request that must not be repeated blindly (a new mandate, a payment plan) and whose answer was lost.

    Read at PAYT whether it was done before sending it again.
    """


class PaytRejected(PaytError):
    """4xx: our data. Nothing was processed. Write it on the record, don't repeat it unchanged."""


class PaytNotFound(PaytRejected):
    """404: PAYT doesn't know what the path names."""


class PaytPayloadInvalid(PaytRejected):
    """Refused by ourselves before anything was sent: PAYT's contract doesn't allow it.

    :ivar problems: what is wrong, one line each, with the field's name but not its value
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class PaytForbidden(PaytError):
    """401, 403 or a certificate that isn't right: our settings. Stop this account and tell a person.

    :ivar missing_permission: the scope PAYT misses (``invoices:write``), where it says so
    """

    def __init__(
        self, message: str, *, status: int | None = None, code: str = "", missing_permission: str = ""
    ) -> None:
        super().__init__(message, status=status, code=code)
        self.missing_permission = missing_permission


class PaytReauthorise(PaytForbidden):
    """The refresh token is refused, or its rotation was lost on the way: a person has to grant access again."""
