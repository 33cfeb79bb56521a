from . import (
    account_move,
    sale_subscription_line_due,
    billing_charge_usage,
    sale_order_billing,
    sale_order_line_billing,
    billing_charge_sale,
    res_partner_sale,
)
