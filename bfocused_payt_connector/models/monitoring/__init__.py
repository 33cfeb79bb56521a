"""Whether all goes well: the test and the health of a connection, and the nightly comparison with PAYT."""

from . import (
    payt_backend,
    payt_comparison,
    payt_difference,
    payt_health_check,
    payt_sync_mark,
)
