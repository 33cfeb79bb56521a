"""Keeps secrets that stand in addresses out of Odoo's log of requests, which has each address with its query.

- The code a person brings back from PAYT. It is good once and for ten minutes, and used up by the time the line is
  written; but not where the exchange failed, and logs go to places that have no business with it.
- The key in the address PAYT sends webhooks to.
"""

import logging
import re

from ..models.connection.payt_backend_client import CALLBACK_PATH

SECRET = re.compile(rf"({re.escape(CALLBACK_PATH)}\?|/payt/webhook/)[^\s\"]+")


class WithoutSecrets(logging.Filter):
    """Masks what follows such an address; other lines stay as they are."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if SECRET.search(message):
            record.msg, record.args = SECRET.sub(r"\1***", message), ()
        return True


# the logger itself, not a handler: whoever configures logging gets lines without them
logging.getLogger("werkzeug").addFilter(WithoutSecrets())
