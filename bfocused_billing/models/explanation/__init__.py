from . import (
    billing_charge_explain,
    billing_charge_explain_sale,
    billing_charge_explain_usage,
    sale_subscription_line_explain,
    account_move_line_explain,
)
