from . import billing_run, portal_usage
