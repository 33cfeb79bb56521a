from . import (
    test_billing_run,
    test_catalogue,
    test_deferral,
    test_deferral_manual,
    test_import,
    test_ledger,
    test_periods,
    test_security,
    test_subscription,
)
