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

# === WHAT GOES OUT (what PAYT is told about: delivery/resources.py)

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
    "payments",
    "psp_transactions",
    "payment_plans",
    "notifications",
    "notes",
    "messages",
)
# What is done without where PAYT doesn't give the permission: it was asked for later than the others
OPTIONAL_RESOURCES = frozenset({"messages"})
READ_RANKS = {resource: rank for rank, resource in enumerate(READ_RESOURCES)}
# What is big and that we have ourselves
NOT_READ = {"invoices": {"invoice_lines", "document_url", "ubl_document_url"}}
# Marked as deprecated in PAYT's description
DEPRECATED = {"credit_case_id", "payment_plan_id", "first_reminder_at", "first_summons_at"}

PAGES_PER_JOB = 10  # of 500 records: a reading job ends well within a minute
APPLIED_PER_JOB = 200

# === WEBHOOKS

MAX_WEBHOOK_BYTES = 256 * 1024
# PAYT names what an event is about in the singular
EVENT_RESOURCES = {resource.removesuffix("s"): resource for resource in READ_RESOURCES}
# How often PAYT is asked, by 404, to tell again of an invoice that isn't in Odoo. Not ten times: then it would switch
# the webhook off, and an administration may have invoices that never were in Odoo.
TIMES_ASKED_AGAIN = 3
EVENTS_PER_JOB = 500
WEBHOOK_RETENTION_DAYS = 90

# === WHAT PAYT DID

# PAYT's moments of an invoice, in the order in which they come: the property, the kind of event, and what the invoice
# then is (``payt_state``), if that changes. A credit case has some of them too.
INVOICE_STEPS = (
    ("sent_at", "sent", "sent"),
    ("pre_reminder_at", "pre_reminder", "reminded"),
    ("reminder_1_at", "reminder_1", "reminded"),
    ("reminder_2_at", "reminder_2", "reminded"),
    ("reminder_3_at", "reminder_3", "reminded"),
    ("reminder_4_at", "reminder_4", "reminded"),
    ("final_reminder_at", "final_reminder", "final_notice"),
    ("end_of_service_announcement_at", "end_of_service_announcement", None),
    ("end_of_service_at", "end_of_service", None),
    ("collectable_at", "collectable", "collection"),
    ("debt_collection_at", "debt_collection", "collection"),
    ("pre_summons_at", "pre_summons", "collection"),
    ("summons_1_at", "summons_1", "collection"),
    ("summons_2_at", "summons_2", "collection"),
    ("summons_3_at", "summons_3", "collection"),
    ("summons_4_at", "summons_4", "collection"),
    ("notice_of_default_at", "notice_of_default", "collection"),
    ("pre_judicial_at", "pre_judicial", "collection"),
    ("bailiff_at", "bailiff", "bailiff"),
)
# What may happen again and again, each time with a moment of its own: the property, the kind, and the steps whose
# moment it shows too (``latest_reminder_at`` is that of the last reminder, unless there were more than four).
REPEATED_STEPS = (
    ("paused_at", "paused", ()),
    (
        "latest_reminder_at",
        "reminder_more",
        ("reminder_1_at", "reminder_2_at", "reminder_3_at", "reminder_4_at", "final_reminder_at"),
    ),
    (
        "latest_summons_at",
        "summons_more",
        ("summons_1_at", "summons_2_at", "summons_3_at", "summons_4_at", "notice_of_default_at"),
    ),
)
CREDIT_CASE_STEPS = (
    ("started_at", "debt_collection"),
    ("pre_summons_at", "pre_summons"),
    ("summons_1_at", "summons_1"),
    ("summons_2_at", "summons_2"),
    ("summons_3_at", "summons_3"),
    ("summons_4_at", "summons_4"),
    ("notice_of_default_at", "notice_of_default"),
    ("pre_judicial_at", "pre_judicial"),
    ("forwarded_to_bailiff_at", "bailiff"),
    ("deactivated_at", "case_closed"),
)
# Only these are worth a message in the conversation on the invoice; the timeline has them all
NOTABLE_STEPS = frozenset({"final_reminder", "debt_collection", "bailiff"})
# From harmless to worst: what a customer's worst invoice is
SEVERITY = ("pushed", "sent", "reminded", "final_notice", "collection", "bailiff")

# Events that change no record we could read: the event, and the kind of signal it is kept as
SIGNAL_EVENTS = {
    "credit_limit_exceeded": "credit_limit_exceeded",
    "creditworthiness_changed": "creditworthiness_changed",
    "label_added": "label_added",
    "label_removed": "label_removed",
    "invoice_letter_returned": "letter_returned",
    "case_letter_returned": "letter_returned",
    "bundled_reminder_letter_returned": "letter_returned",
    "invoice_sms_failed": "sms_failed",
}
# Those that somebody has to do something about
ACTIVITY_SIGNALS = frozenset({"comment", "mail_bounced", "letter_returned"})
# Those that are worth a message in a conversation
NOTIFIED_SIGNALS = ACTIVITY_SIGNALS | {"email_provided", "sms_failed"}
# === PROOF OF COMPLETENESS

COMPARED_PER_STEP = 500
STEPS_PER_JOB = 10  # of so many invoices: a comparing job ends well within a minute

NOT_THERE = (False, "none")  # states of an invoice that wasn't handed over to PAYT
DELETED_DAYS = 90  # PAYT lists what was deleted for so long
