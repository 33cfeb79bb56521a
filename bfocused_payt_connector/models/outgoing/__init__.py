"""What goes to PAYT: customers, VAT rates, mandates, payment plans and invoices with their payments."""

from . import (
    payt_invoice_hooks,
    payt_plan_hooks,
    account_banking_mandate,
    account_move,
    account_move_line,
    account_move_payments,
    account_move_send,
    account_partial_reconcile,
    account_tax,
    payment_arrangement,
    payment_arrangement_term,
    payt_backend,
    res_partner,
    res_partner_bank,
)
