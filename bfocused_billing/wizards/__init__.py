from . import (
    account_move_reversal,
    billing_explanation,
    billing_explanation_line,
    billing_import,
    billing_import_line,
    sale_advance_payment_inv,
    subscription_change,
    usage_assign,
    usage_import,
)
