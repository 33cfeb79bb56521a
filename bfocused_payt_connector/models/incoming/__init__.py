from . import (
    payt_mirror,
    payt_mirror_apply,
    payt_sync_mark,
    payt_backend_pull,
    payt_webhook_tally,
    payt_webhook_event,
    payt_webhook_event_work,
    payt_backend_webhook,
    payt_mirror_of_invoices,
)
