from . import billing_import, billing_import_line, sale_advance_payment_inv, usage_assign, usage_import
