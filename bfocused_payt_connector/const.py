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

# what goes out, in the order that works: each may refer to what stands before it
RESOURCES = (
    "vat_rate",
    "contact",
    "debtor",
    "invoice",
    "psp_mandate",
    "psp_mandate_revocation",
    "invoice_block",
    "invoice_resume",
)
RANKS = {resource: rank for rank, resource in enumerate(RESOURCES)}

# The client's method for each bulk write: by payload, or by number alone. A mandate is made one by one.
WRITES_BY_PAYLOAD = {
    "vat_rate": "upsert_vat_rates",
    "contact": "upsert_contacts",
    "debtor": "upsert_debtors",
    "invoice": "upsert_invoices",
}
WRITES_BY_NUMBER = {
    "psp_mandate_revocation": "revoke_psp_mandates",
    "invoice_block": "block_invoices",
    "invoice_resume": "resume_invoices",
}
# Saying these again with the same payload is never superfluous: something else may have undone it in between.
ALWAYS_SENT = frozenset(WRITES_BY_NUMBER)

# Records per job. A job has to end well within Odoo's limit of 120 seconds for a request, and each record of these
# costs a request of its own: an invoice two uploads, a mandate one.
BATCH_SIZES = {"invoice": 250, "psp_mandate": 100}

# Pauses of the outbox, in seconds: they grow from the first to the longest and end after so many tries (about a day)
FIRST_PAUSE = 30
LONGEST_PAUSE = 3600
MAX_TRIES = 30
# A later resource waits for an earlier one that is being tried again, but not longer than for so many tries
TRIES_TO_WAIT_FOR = 3

# === WHAT COMES BACK

# What is read, in the order in which it is worked off: each may refer to what stands before it
READ_RESOURCES = (
    "debtors",
    "psp_mandates",
    "invoices",
    "credit_cases",
    "psp_transactions",
    "payments",
    "payment_plans",
    "notifications",
    "notes",
)
READ_RANKS = {resource: rank for rank, resource in enumerate(READ_RESOURCES)}
# What is big and that we have ourselves
NOT_READ = {"invoices": {"invoice_lines", "document_url", "ubl_document_url"}}
# Marked as deprecated in PAYT's description
DEPRECATED = {"credit_case_id", "payment_plan_id", "first_reminder_at", "first_summons_at"}

PAGES_PER_JOB = 10  # of 500 records: a reading job ends well within a minute
APPLIED_PER_JOB = 200

# === PROOF OF COMPLETENESS

COMPARED_PER_STEP = 500
STEPS_PER_JOB = 10  # of so many invoices: a comparing job ends well within a minute
