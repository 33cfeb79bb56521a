from . import (
    account_analytic_distribution_model,
    account_move,
    account_move_line,
    billing_charge,
)
