"""What can be billed: the protocol of a source, and today's sources that keep it."""

from . import (
    account_move,
    billing_scope_mixin,
    billing_source_mixin,
    billing_charge,
    res_partner,
    sale_order,
    sale_order_line,
    sale_subscription,
    sale_subscription_line,
)
