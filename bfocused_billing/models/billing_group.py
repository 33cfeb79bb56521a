"""What one billing run puts together for one customer. Plain holders, no model."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

from ..periods import Part


class GroupKey(NamedTuple):
    """What has to be the same for charges to share an invoice; database ids, ``False`` where there is none."""

    partner_id: int
    currency_id: int
    payment_mode_id: int
    mandate_id: int
    fiscal_position_id: int
    journal_id: int


class Due(NamedTuple):
    """One period of one subscription line that may be billed now."""

    line: Any  # sale.subscription.line
    part: Part

    def is_in(self, line_id, start, end):
        """Whether days of this period are among those from ``start`` to ``end`` of the line with that id."""
        period = self.part.period
        return self.line.id == line_id and period.start <= end and start <= period.end


@dataclass
class BillingGroup:
    """The charges of one customer that go on one invoice, and the deferred draft they may join."""

    key: GroupKey
    partner: Any  # res.partner, the invoice address
    hold_reason: str = ""
    dues: list[Due] = field(default_factory=list)
    waiting: Any = None  # account.move, a deferred draft
    amount_untaxed: float = 0.0  # of the dues, in the group's currency
    amount_total: float = 0.0
    deferred_until: date | None = None
    move: Any = None  # account.move, once it is drafted
    error: Exception | None = None  # what went wrong while it was put together
