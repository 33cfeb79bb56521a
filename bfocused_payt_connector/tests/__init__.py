from . import test_at_payt
from . import test_backend
from . import test_collection
from . import test_comparison, test_health
from . import test_browser
from . import test_browser_back
from . import test_debtors, test_invoices, test_mandates, test_payments, test_sending, test_follow_up, test_go_live
from . import test_dunning, test_signals
from . import test_emptied
from . import test_neutralize
from . import test_oauth
from . import test_outbox
from . import test_outbox_failures
from . import test_outbox_repeated
from . import test_outbox_resources
from . import test_payment_plans, test_pull_mandates
from . import test_lookup, test_money_back, test_money_books, test_money_parts, test_play, test_pull, test_pull_failures
from . import test_secrets
from . import test_throttle
from . import test_token
from . import test_views
from . import test_who_may
from . import test_webhook, test_webhook_events
from . import test_merged_customers, test_payments_list
