"""The rooms of the add-on, in the order of their floors: a room uses only those before it.

connection  the connection to PAYT of a company: address, tokens, throttle
outbox      what PAYT still has to be told, written with the change itself
outgoing    what PAYT is told: customers, invoices, payments, mandates, arrangements
incoming    what PAYT says: webhooks, lists read, and its records as they are there
dunning     the state, the timeline, the credit cases and the signals of invoices and customers
clearing    the money PAYT collected, in the books
monitoring  the nightly comparison and the health page
"""

from . import (
    connection,
    outbox,
    outgoing,
    incoming,
    dunning,
    clearing,
    monitoring,
)
