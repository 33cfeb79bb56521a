from . import test_debtors, test_invoices, test_mandates, test_payments, test_sending, test_follow_up, test_go_live
from . import test_who_may
