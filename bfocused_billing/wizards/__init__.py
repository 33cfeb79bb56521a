from . import (
    account_move_reversal,
    account_payment_line_create,
    billing_explanation,
    billing_explanation_line,
    billing_import,
    billing_import_line,
    sale_advance_payment_inv,
    subscription_change,
    subscription_pause,
    usage_assign,
    usage_import,
    validate_account_move,
)
