from . import (
    test_billing_run,
    test_bulk_equality,
    test_catalogue,
    test_deferral,
    test_import,
    test_ledger,
    test_periods,
    test_security,
    test_subscription,
)
