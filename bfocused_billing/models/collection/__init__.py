"""Collecting by direct debit: payment orders, reversed debits and payment arrangements."""

from . import (
    account_move,
    account_move_line,
    account_payment_line,
    account_payment_mode,
    account_payment_order,
    payment_arrangement,
    payment_arrangement_term,
    payment_return,
    payment_return_line,
    payment_return_policy,
    payment_reversal,
    res_partner,
)
