"""The rooms of the add-on, in the order of their floors: a room uses only those before it.

settings      the company's settings of all rules except those of mandates
usage         calls: suppliers' files, numbers, tariffs and prices
mandate       SEPA mandates: asking for one, signing, proof, expiry, and what waits for one (R1)
collection    payment orders, reversed debits and payment arrangements (R7)
ledger        the charges: what was billed, for which days, on which invoice line
subscription  what was sold: subscriptions, lines, changes, pauses and indexations (R2)
source        what can be billed: periods of subscriptions, calls, hours and delivered products (R3)
deferral      small invoices that wait, and how they join one invoice later (R5)
sending       electronic invoices, Send & Print, and sending by jobs
run           the billing run: collect, group, decide, draft, post (R4)
explanation   why a line is on the invoice and how its amount came about (R9)
"""

from . import (
    settings,
    usage,
    mandate,
    collection,
    ledger,
    subscription,
    source,
    deferral,
    sending,
    run,
    explanation,
)
