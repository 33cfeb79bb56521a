"""Banking days of TARGET, on which SEPA debits are settled, and the day on which an invoice can be collected.

Plain Python, no ORM. TARGET is closed on Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and
26 December (European Central Bank, "TARGET closing days"; the calendar itself is the library ``holidays``').
"""

from datetime import date, timedelta
from functools import cache

from holidays.financial.european_central_bank import EuropeanCentralBank

ONE_DAY = timedelta(days=1)


@cache
def _get_closing_days() -> EuropeanCentralBank:
    return EuropeanCentralBank(expand=True)  # years are added as they are asked for


def is_banking_day(day: date) -> bool:
    """Whether TARGET is open on ``day``."""
    return day.weekday() < 5 and day not in _get_closing_days()


def on_or_after(day: date) -> date:
    """The first banking day from ``day`` on, itself included."""
    while not is_banking_day(day):
        day += ONE_DAY
    return day


def add_banking_days(day: date, number: int) -> date:
    """The banking day that lies ``number`` banking days after ``day``; the first one from ``day`` on for 0."""
    day = on_or_after(day) if not number else day
    for _ in range(number):
        day = on_or_after(day + ONE_DAY)
    return day


def get_collection_day(earliest: date, due: date | None, invoiced: date | None, notice_days: int) -> date:
    """The banking day on which an invoice is collected.

    It is the later of the due date and the day on which the customer was told long enough (pre-notification: by SEPA's
    rulebook 14 calendar days before the due date unless agreed otherwise), and not before ``earliest``.

    :param earliest: the first day for which the bank still takes a file
    :param invoiced: the day on which the customer was told, that of the invoice
    :param notice_days: calendar days between telling and collecting
    """
    told = invoiced + timedelta(days=notice_days) if invoiced else None
    return on_or_after(max(filter(None, (earliest, due, told))))
