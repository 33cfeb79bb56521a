"""Deferral of small invoices (R5): what waits for the quarter turn, until when, and what goes together."""

from . import (
    account_move,
    account_move_line,
    account_move_merge,
    res_partner,
)
