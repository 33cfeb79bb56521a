"""Keeps the code a person brings back from PAYT out of Odoo's log of requests, which has each address with its query.

The code is good once and for ten minutes, and used up by the time the line is written; but not where the exchange
failed, and logs go to places that have no business with it.
"""

import logging
import re

from ..models.payt_backend_client import CALLBACK_PATH

QUERY = re.compile(re.escape(CALLBACK_PATH) + r"\?[^\s\"]*")


class WithoutQuery(logging.Filter):
    """Masks the query of the callback's address; other lines stay as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if CALLBACK_PATH in message:
            record.msg, record.args = QUERY.sub(f"{CALLBACK_PATH}?***", message), ()
        return True


# the logger itself, not a handler: whoever configures logging gets lines without it
logging.getLogger("werkzeug").addFilter(WithoutQuery())
