from . import (
    payt_backend,
    payt_record_mixin,
    payt_outbox,
    payt_outbox_sending,
    payt_outbox_plans,
    payt_outbox_attempt,
)
