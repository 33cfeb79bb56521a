"""The PAYT Customer API v1 in plain Python: no Odoo, no database, no global state.

Nothing in here imports from outside this folder, so it runs and is tested without Odoo. How the ORM side is meant to
use it stands in ``readme/PAYT_API.md`` of this add-on.
"""

from .auth import PaytAuth
from .backoff import NO_RETRY, Backoff
from .client import PaytClient
from .errors import (
    PaytError,
    PaytForbidden,
    PaytNotFound,
    PaytPayloadInvalid,
    PaytReauthorise,
    PaytRejected,
    PaytTemporary,
    PaytThrottled,
    PaytUnknownOutcome,
)
from .files import FileReport, PaytFile
from .results import BulkResult
from .throttle import LocalThrottle, ReservedThrottle, Throttle
