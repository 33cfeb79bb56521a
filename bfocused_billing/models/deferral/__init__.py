from . import (
    account_move_deferral,
    account_move_lawful_date,
    account_move_line_deferral,
    account_move_merge,
    res_partner,
    account_move_sale,
)
