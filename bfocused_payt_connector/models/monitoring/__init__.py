from . import (
    payt_backend_check,
    payt_backend_compare,
    payt_backend_compare_causes,
    payt_sync_mark_health,
    payt_backend_health,
    payt_comparison,
    payt_difference,
    payt_difference_mending,
    payt_health_check,
)
