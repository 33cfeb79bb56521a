"""What PAYT does about invoices that aren't paid: timelines, credit cases, signals, and stopping the follow-up."""

from . import (
    account_move,
    payment_arrangement,
    payt_backend,
    payt_credit_case,
    payt_event,
    payt_signal,
    res_partner,
)
