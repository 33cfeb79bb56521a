"""What the add-on knows about PAYT: hosts, headers and limits of the interface, and what its events are about."""

from .payt_api.wire import (  # noqa: F401  (the add-on's one place to look them up)
    ADMINISTRATION_HEADER,
    DELIVERY_HEADER,
    DEMO,
    MAX_PER_PAGE,
    MAX_RECORDS_PER_WRITE,
    PRODUCTION,
    REQUESTS_PER_SECOND,
    SIGNATURE_HEADER,
    WEBHOOK_SOURCE_ADDRESS,
)

# the permissions to ask for when a person grants access: what the operations in payt_api/operations.py need
SCOPES = (
    "administrations:read",
    "contacts:read",
    "contacts:write",
    "credit_cases:read",
    "debtors:read",
    "debtors:write",
    "files:write",
    "invoices:read",
    "invoices:write",
    "notes:read",
    "notifications:read",
    "payment_conditions:write",
    "payment_plans:read",
    "payment_plans:write",
    "payments:read",
    "psp_mandates:read",
    "psp_mandates:write",
    "psp_transactions:read",
    "vat_rates:read",
    "vat_rates:write",
)
