"""What PAYT says: read from its lists or told by webhook, kept as it is, and then followed."""

from . import (
    payt_backend,
    payt_mirror,
    payt_sync_mark,
    payt_webhook_event,
    payt_webhook_tally,
)
