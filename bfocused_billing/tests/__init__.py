from . import (
    test_billing_run,
    test_catalogue,
    test_changes,
    test_deferral,
    test_import,
    test_ledger,
    test_periods,
    test_security,
    test_subscription,
    test_usage_billing,
    test_usage_import,
    test_usage_rating,
)
