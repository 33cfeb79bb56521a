"""The ledger of charges, and the invoice lines it is about."""

from . import (
    account_analytic_distribution_model,
    account_move,
    account_move_line,
    billing_charge_hooks,
    billing_charge,
    res_partner,
)
