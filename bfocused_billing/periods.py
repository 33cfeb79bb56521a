"""Billing periods: when a cycle turns, what a part of a period costs, when it is due.

Plain Python, no ORM. Dates are calendar days in the company's time zone; a period includes its first and its
last day. Amounts are ``Decimal``.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from dateutil.relativedelta import relativedelta

MONTHS_PER_CYCLE = {"month": 1, "quarter": 3, "year": 12}

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, order=True)
class Period:
    """The days from ``start`` up to and including ``end``.

    :raise ValueError: when the end lies before the start
    """

    start: date
    end: date

    def __post_init__(self):
        if self.end < self.start:
            raise ValueError(f"A period can't end ({self.end}) before it starts ({self.start}).")

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end

    @property
    def days(self) -> int:
        return (self.end - self.start).days + 1

    def overlaps(self, other: "Period") -> bool:
        return self.start <= other.end and other.start <= self.end

    def without(self, others: "Iterable[Period]") -> "Iterator[Period]":
        """The days of this period that lie in none of the ``others``, as periods, oldest first."""
        day = self.start
        for other in sorted(others):
            if not self.overlaps(other) or other.end < day:
                continue
            if day < other.start:
                yield Period(day, other.start - ONE_DAY)
            if other.end >= self.end:
                return
            day = other.end + ONE_DAY
        yield Period(day, self.end)


def common(some: Iterable[Period], others: Iterable[Period]) -> list[Period]:
    """The days that lie in one of ``some`` and in one of ``others``."""
    others = list(others)
    return [
        Period(max(one.start, other.start), min(one.end, other.end))
        for one in some
        for other in others
        if one.overlaps(other)
    ]


class Part(NamedTuple):
    """What is billed at once: ``period``, lying in the ``whole`` period of the cycle whose price is known."""

    period: Period
    whole: Period

    @property
    def is_whole(self) -> bool:
        return self.period == self.whole


@dataclass(frozen=True)
class Cycle:
    """How time is cut: every ``months`` months, on the calendar or on the anniversary of ``anchor``.

    On the calendar a quarter starts on 1 January, April, July and October, a year on 1 January. On the anniversary a
    period starts on the day of the month of ``anchor``, or on the month's last day where that month is too short;
    each boundary is counted from ``anchor``, so 31 January, 28 February, 31 March.

    :raise ValueError: when a calendar cycle doesn't fit a year a whole number of times
    """

    months: int
    anchor: date
    on_calendar: bool = True

    def __post_init__(self):
        if self.months < 1 or (self.on_calendar and 12 % self.months):
            raise ValueError(f"No cycle of {self.months} months can be aligned to the calendar year.")

    def boundary(self, number: int) -> date:
        """The first day of the ``number``-th period, counted from the one that holds the anchor."""
        first = self.anchor
        if self.on_calendar:
            first = date(first.year, (first.month - 1) // self.months * self.months + 1, 1)
        return first + relativedelta(months=number * self.months)

    def period_of(self, day: date) -> Period:
        """The whole period of this cycle in which ``day`` lies."""
        months = (day.year - self.anchor.year) * 12 + day.month - self.anchor.month
        number = months // self.months
        while self.boundary(number) > day:
            number -= 1
        while self.boundary(number + 1) <= day:
            number += 1
        return Period(self.boundary(number), self.boundary(number + 1) - ONE_DAY)

    def parts(self, start: date, stop: date | None = None, covered: Iterable[Period] = ()) -> Iterator[Part]:
        """Cut the days from ``start`` up to, not including, ``stop`` at the cycle's boundaries.

        :param stop: ``None`` goes on forever; read as far as needed
        :param covered: days left out, for instance because they are billed already
        """
        day = start
        ahead = sorted(covered)
        while stop is None or day < stop:
            ahead = [period for period in ahead if period.end >= day]
            if ahead and day in ahead[0]:
                day = ahead[0].end + ONE_DAY
                continue
            whole = self.period_of(day)
            ends = [whole.end]
            if ahead:
                ends.append(ahead[0].start - ONE_DAY)
            if stop is not None:
                ends.append(stop - ONE_DAY)
            part = Part(Period(day, min(ends)), whole)
            yield part
            day = part.period.end + ONE_DAY


def due_date(part: Part, start: date, in_arrears: bool = False) -> date:
    """The first day on which ``part`` may be billed.

    In advance that is the first of the month in which it begins, so that a year that turns on the 12th goes along
    with the month turn before it; but never before ``start``, the first day of the service. In arrears it is the day
    after the part's last.
    """
    if in_arrears:
        return part.period.end + ONE_DAY
    return max(start, part.period.start.replace(day=1))


def prorate(amount: Decimal, part: Part, rounding: Decimal) -> Decimal:
    """The share of ``amount``, the price of the whole period, that falls in the part, by day.

    It is the difference of two rounded running totals, so that the parts of a period add up to the rounded whole to
    the cent, whatever the cuts.

    :param rounding: the currency's smallest step, such as ``Decimal("0.01")``; halves are rounded away from zero
    """

    def until(day: date) -> Decimal:
        share = amount * (day - part.whole.start).days / part.whole.days
        return (share / rounding).quantize(Decimal(1), ROUND_HALF_UP) * rounding

    return until(part.period.end + ONE_DAY) - until(part.period.start)


def is_quarter_turn(day: date) -> bool:
    """Whether ``day`` lies in the first month of a calendar quarter, when the quarter's batch is billed."""
    return day.month in (1, 4, 7, 10)


def next_quarter(day: date) -> date:
    """The first day of the calendar quarter after the one of ``day``."""
    return Cycle(3, day).boundary(1)


def next_month_day(day: date, number: int) -> date:
    """The first day after ``day`` that is the ``number``-th of a month.

    :param number: 1 to 28, which every month has
    """
    this_month = day.replace(day=number)
    return this_month if this_month > day else this_month + relativedelta(months=1)


def last_invoice_day(supplied: date) -> date:
    """The last day on which Dutch VAT law allows the invoice of a supply.

    That is the 15th of the month after it (Wet op de omzetbelasting 1968, article 34g).

    :param supplied: day of the supply, or last day of the period of a continuing service
    """
    return supplied + relativedelta(months=1, day=15)


def month_before(day: date) -> Period:
    """The whole calendar month before that of ``day``."""
    last = day.replace(day=1) - ONE_DAY
    return Period(last.replace(day=1), last)
