"""What one billing run puts together for one customer. Plain holders, no model."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from ..periods import Part, Period


class GroupKey(NamedTuple):
    """What has to be the same for charges to share an invoice; database ids, ``False`` where there is none."""

    partner_id: int
    currency_id: int
    payment_mode_id: int
    mandate_id: int
    fiscal_position_id: int
    journal_id: int


class Due(NamedTuple):
    """One period of one subscription line that may be billed, or credited, now."""

    line: Any  # sale.subscription.line
    part: Part
    billing_round: int = 0  # how many times these days were billed, and credited, before
    credited: Any = None  # bfocused.billing.charge of which this gives days back

    @property
    def is_credit(self):
        return self.credited is not None

    @property
    def key(self):
        """What the ledger holds once."""
        return self.line.id, self.billing_round, self.is_credit, self.part.period.start

    def is_in(self, line_id, billing_round, is_credit, start, end):
        """Whether the ledger's days from ``start`` to ``end`` are among those of this one."""
        return self.key[:3] == (line_id, billing_round, is_credit) and self.part.period.overlaps(Period(start, end))


@dataclass
class BillingGroup:
    """The charges of one customer that go on one invoice, and the deferred drafts they may join."""

    key: GroupKey
    partner: Any  # res.partner, the invoice address
    hold_reason: str = ""
    dues: list[Due] = field(default_factory=list)
    usage_charges: Any = ()  # bfocused.billing.charge, open ones
    usage_lines: list[dict] = field(default_factory=list)  # values of their invoice lines, in the same order
    waiting: Any = None  # account.move, deferred drafts
    amount_untaxed: float = 0.0  # of the dues and the calls, in the group's currency
    amount_total: float = 0.0
    deferred_until: date | None = None
    collection_date: date | None = None  # invoiced now, collected from this day on
    move: Any = None  # account.move, once it is drafted
    error: Exception | None = None  # what went wrong while it was put together
