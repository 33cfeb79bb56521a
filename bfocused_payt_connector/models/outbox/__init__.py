"""The outbox: what has to reach PAYT, and the job that empties it."""

from . import (
    payt_backend,
    payt_outbox,
    payt_outbox_attempt,
    payt_record_mixin,
)
