from . import billing_import, billing_import_line, sale_advance_payment_inv, validate_account_move
