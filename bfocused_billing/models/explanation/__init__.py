"""Why a line stands on an invoice: what each charge consists of, and why it wasn't invoiced earlier."""

from . import (
    account_move_line,
    billing_charge,
    sale_order_line,
    sale_subscription_line,
)
