from . import billing_run, mandate_form, portal_arrangement, portal_mandate, portal_order, portal_usage
