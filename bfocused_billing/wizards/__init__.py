from . import billing_import, billing_import_line
