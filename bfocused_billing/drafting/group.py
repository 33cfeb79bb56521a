"""What one billing run puts together for one customer. Plain holders, no model."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from ..periods import Part
from .terms import InvoiceTerms


class Due(NamedTuple):
    """One period of one subscription line that may be billed, or credited, now."""

    line: Any  # sale.subscription.line
    part: Part
    amount: Decimal  # what these days cost, or give back; never negative for a positive price
    billing_round: int = 0  # how many times these days were billed, and credited, before
    credited: Any = None  # bfocused.billing.charge of which this gives days back

    @property
    def is_credit(self):
        return self.credited is not None

    @property
    def gives_back(self):
        """Whether the customer pays less by it: a credit of a charge, or a charge of a negative line."""
        return self.amount >= 0 if self.is_credit else self.amount < 0


class Sold(NamedTuple):
    """What of one order line may be billed now; negative where it gives back, such as a down payment."""

    quantity: float  # in the order line's unit
    period_start: date
    period_end: date
    billing_round: int = 0  # how many times something of this line was billed before


class Item(NamedTuple):
    """One line of an invoice to be."""

    source: Any  # the record that is billed; see ``_prepare_charge`` of its model
    values: dict  # of the account.move.line
    due: Due | None = None  # of a subscription line
    sold: Sold | None = None  # of an order line


@dataclass
class BillingGroup:
    """The charges of one customer that go on one invoice, and the deferred drafts they may join."""

    terms: InvoiceTerms
    partner: Any  # res.partner, the invoice address
    hold_reason: str = ""
    items: list[Item] = field(default_factory=list)
    waiting: Any = None  # account.move, deferred drafts
    joined: Any = None  # those of them that go on this invoice, once that is decided
    is_completed: bool = False  # with what else waits for the customer it comes to the minimum
    amount_untaxed: float = 0.0  # of the items, in the group's currency
    amount_total: float = 0.0
    invoice_date: date | None = None
    deferred_until: date | None = None
    collection_date: date | None = None  # invoiced now, collected from this day on
    move: Any = None  # account.move, once it is drafted
    error: Exception | None = None  # what went wrong while it was put together
    aside: "BillingGroup | None" = None  # of the same part: what is given back although this is held

    @property
    def is_credit_only(self):
        """Whether all of it is given back, so that it takes nothing to collect it with."""
        return bool(self.items) and all(item.due and item.due.gives_back for item in self.items)

    def get_documents(self):
        """The subscriptions and orders that are billed, each once."""
        documents = (item.source._get_billing_document() for item in self.items)
        return list(dict.fromkeys(document for document in documents if document))

    def split(self, drafts):
        """The parts of this group that could be billed apart: each agreement's, what has none, each waiting draft.

        :param drafts: ``account.move`` records, the waiting drafts that were to go on the invoice
        :rtype: list of BillingGroup
        """
        items = {}
        for item in self.items:
            items.setdefault(item.source._get_billing_document() or item.source._name, []).append(item)
        parts = [replace(self, items=of_one, waiting=None, joined=None) for of_one in items.values()]
        return parts + [replace(self, items=[], waiting=move, joined=None) for move in drafts]

    def join(self, parts):
        """This group with some of its parts only.

        :param parts: list of BillingGroup, from :meth:`split`
        """
        drafts = [part.waiting for part in parts if part.waiting]
        return replace(
            self,
            items=[item for part in parts for item in part.items],
            waiting=drafts[0].union(*drafts[1:]) if drafts else None,
            joined=None,
        )
