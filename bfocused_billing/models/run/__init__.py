"""Billing runs: what is due collected, grouped, drafted, posted and told, customer by customer."""

from . import (
    account_move,
    billing_collect_mixin,
    billing_invoice_mixin,
    billing_run,
    billing_run_chunk,
    billing_run_interim,
    billing_run_line,
    billing_run_review,
    res_partner,
    sale_order,
    sale_subscription,
    usage_record,
)
