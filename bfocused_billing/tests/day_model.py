"""What should have been billed, day by day: the rules told a second time, slowly and without the add-on's own code."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

DAY = timedelta(days=1)
CENT = Decimal("0.01")


def add_months(day, months):
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    raise AssertionError(day)


@dataclass
class Bill:
    """Days that were billed together, each with its share."""

    days: dict  # date to Decimal
    invoice: object = None
    round: int = 0  # how many times some of these days were billed before
    span: frozenset = frozenset()  # the days as they were billed, also those given back since
    sign: int = 1  # -1 where it is a discount
    is_final: bool = False  # given back by hand: whatever happens later, it isn't given back again


@dataclass
class Line:
    """An agreement on one price: served from ``start`` up to, not including, ``stop``."""

    customer: object
    cycle: str
    anchor: date
    start: date
    price: Decimal
    stop: date | None = None
    in_arrears: bool = False
    gaps: list = field(default_factory=list)  # (start, stop) of free pauses, shared by the lines of a subscription
    bills: list = field(default_factory=list)
    credits: list = field(default_factory=list)  # (Bill, days given back, invoice)
    undone: dict = field(default_factory=dict)  # invoice to what it billed and gave back before it went
    quantity: int = 1
    holds: list = field(default_factory=list)  # (start, stop) of pauses that are billed later, shared likewise

    def whole_of(self, day):
        """First and last day of the period of the cycle in which ``day`` lies."""
        if self.cycle == "month":
            first = day.replace(day=1)
            return first, add_months(first, 1) - DAY
        if self.cycle == "quarter":
            first = date(day.year, (day.month - 1) // 3 * 3 + 1, 1)
            return first, add_months(first, 3) - DAY
        years = day.year - self.anchor.year
        while add_months(self.anchor, 12 * years) > day:
            years -= 1
        while add_months(self.anchor, 12 * (years + 1)) <= day:
            years += 1
        return add_months(self.anchor, 12 * years), add_months(self.anchor, 12 * (years + 1)) - DAY

    def price_of(self, day):
        """The day's share: what the running total, in cents, grows by on it."""
        first, last = self.whole_of(day)
        number, days = (day - first).days, (last - first).days + 1

        def until(count):
            return (self.price * self.quantity * count / days).quantize(CENT, ROUND_HALF_UP)

        return until(number + 1) - until(number)

    def is_served(self, day):
        if any(start <= day < stop for start, stop in self.gaps):
            return False
        return self.start <= day and (self.stop is None or day < self.stop)

    def is_billed(self, day):
        return any(day in bill.days for bill in self.bills)

    # --- a run

    def run(self, day, invoice, *, gives_back_only=False):
        """Bill and give back what is due on ``day``; or only what the customer gets back of what was billed."""
        given_back = [(bill, days) for bill, days in self.get_given_back(day) if bill.sign > 0 or not gives_back_only]
        new = [] if gives_back_only else self.get_new(day)
        for bill, days in given_back:
            self.credits.append((bill, {other: bill.days.pop(other) for other in days}, invoice))
        for chunk in new:
            span = frozenset(chunk)
            before = [bill.round + 1 for bill in self.bills if bill.span & span]
            shares = {other: self.price_of(other) for other in chunk}
            sign = -1 if self.price < 0 else 1
            self.bills.append(Bill(shares, invoice, max(before, default=0), span, sign=sign))

    def get_given_back(self, day):
        """Days that were billed and aren't served any more, in chunks, each with its bill."""
        return [
            (bill, days)
            for bill in self.bills
            if not bill.is_final
            for days in chunks(day_ for day_ in bill.days if not self.is_served(day_))
            if days[0] <= day
        ]

    def needs_mandate(self, day):
        """Whether there is something to collect: days that cost something, or a discount that is taken back."""
        if self.price > 0 and self.get_new(day):
            return True
        return any(bill.sign < 0 for bill, _days in self.get_given_back(day))

    def get_new(self, day):
        """What is to be paid, in chunks of days."""
        return [chunk for chunk in self.get_unbilled(day) if self.get_due_date(chunk) <= day]

    def is_held(self, day):
        return any(start <= day < stop for start, stop in self.holds)

    def get_unbilled(self, day):
        """Days to bill in the periods that begin before ``day`` or soon after it, in chunks within one period."""
        horizon = add_months(day, 13)
        days = [
            self.start + number * DAY
            for number in range(max((horizon - self.start).days, 0))
            if self.is_served(self.start + number * DAY) and not self.is_billed(self.start + number * DAY)
        ]
        by_period = defaultdict(list)
        for other in days:
            by_period[self.whole_of(other)].append(other)
        for period_days in by_period.values():
            yield from chunks(period_days)

    def get_due_date(self, chunk):
        if self.in_arrears:
            return chunk[-1] + DAY
        return max(self.start, chunk[0].replace(day=1))

    # --- an invoice that goes

    def undo(self, invoice):
        """The invoice is cancelled, or credited to be billed again."""
        credits = [credit for credit in self.credits if credit[2] == invoice]
        for bill, days, _invoice in credits:
            bill.days.update(days)
        self.credits = [credit for credit in self.credits if credit[2] != invoice]
        self.undone[invoice] = [bill for bill in self.bills if bill.invoice == invoice], credits
        self.bills = [bill for bill in self.bills if bill.invoice != invoice]

    def can_undo(self, invoice):
        """Not when a part of it was given back elsewhere, nor when what it gave back was billed again elsewhere."""
        others = [bill for bill in self.bills if bill.invoice != invoice]
        if any(bill.invoice == invoice and other != invoice for bill, _days, other in self.credits):
            return False
        return not any(
            other.round > bill.round and other.span & days.keys()
            for bill, days, credited_on in self.credits
            if credited_on == invoice
            for other in others
        )

    def redo(self, invoice):
        """The invoice counts again."""
        bills, credits = self.undone.pop(invoice, ([], []))
        self.bills += bills
        for bill, days, _invoice in credits:
            for day in days:
                del bill.days[day]
            self.credits.append((bill, days, invoice))

    def can_redo(self, invoice):
        """Not when its days were billed meanwhile, nor when what it gives back isn't there to be given back."""
        bills, credits = self.undone.get(invoice, ([], []))
        for bill in bills:
            for other in self.bills:
                if bill.span & other.span and (other.round >= bill.round or bill.span & other.days.keys()):
                    return False
        alive = [*self.bills, *bills]
        return all(
            any(bill is other for other in alive) and days.keys() <= bill.days.keys() for bill, days, _ in credits
        )

    def settle_by_hand(self, invoice):
        """The invoice is credited for good; returns what that gives back and nothing here knows of."""
        for bill in self.bills:
            if bill.invoice == invoice:
                bill.is_final = True
        billed = sum((sum(bill.days.values()) for bill in self.bills if bill.invoice == invoice), Decimal(0))
        given_back = [  # of other invoices; what it gave back of itself isn't among its days any more
            sum(days.values())
            for bill, days, credited_on in self.credits
            if credited_on == invoice and bill.invoice != invoice
        ]
        return billed - sum(given_back, Decimal(0))

    # --- totals

    def get_amount(self):
        return sum((sum(bill.days.values()) for bill in self.bills), Decimal(0))

    def get_days(self):
        return sorted(day for bill in self.bills for day in bill.days)


def chunks(days):
    """Days that follow each other, as lists."""
    result = []
    for day in sorted(days):
        if result and result[-1][-1] + DAY == day:
            result[-1].append(day)
        else:
            result.append([day])
    return result
