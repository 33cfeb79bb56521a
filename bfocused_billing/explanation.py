"""The parts of which the explanation of an invoice line consists. Plain holders, no model."""

from decimal import Decimal
from typing import NamedTuple

from odoo.tools import float_repr, format_date, formatLang

from .periods import Period

AMOUNT = "amount"  # adds up to the line
TERMS = "terms"  # what it is for
HISTORY = "history"  # what happened before
WAITING = "waiting"  # why it wasn't invoiced earlier

PRICE_DIGITS = 6  # the most decimals that are shown of a price or a number


class Component(NamedTuple):
    """A part of the explanation, in the reader's language."""

    kind: str  # what it is, for whoever tells them apart: cycle, discount, days, rounding, tax, manual...
    label: str
    amount: Decimal | None = None  # in the line's currency and with its sign; those of a line add up to it
    section: str = AMOUNT
    note: str = ""  # for colleagues, in the language in which it was written; not for the customer
    opens: tuple | None = None  # model and domain of the records behind it


def records_behind(records):
    """What a component opens: some records, or ``None`` where there are none."""
    return (records._name, [("id", "in", records.ids)]) if records else None


def as_decimal(amount, digits):
    """A float as the exact number that is shown."""
    return Decimal(float_repr(amount, digits))


def format_day(env, day):
    return format_date(env, day, date_format="d MMMM y")


def format_period(env, start, end):
    """For example "1 January 2026 to 31 March 2026 (90 days)"."""
    return env._(
        "%(start)s to %(end)s (%(days)s days)",
        start=format_day(env, start),
        end=format_day(env, end),
        days=Period(start, end).days,
    )


def format_number(env, number):
    """A number in the reader's language with as many decimals as it has, six at most."""
    decimals = len(float_repr(number, PRICE_DIGITS).rstrip("0").partition(".")[2])
    return formatLang(env, number, digits=decimals)


def format_amount(env, amount, currency):
    """An amount in the reader's language, with more decimals than the currency has where it needs them."""
    decimals = max(-amount.normalize().as_tuple().exponent, 0)
    if decimals <= currency.decimal_places:
        return currency.format(float(amount))
    number = formatLang(env, float(amount), digits=decimals)
    return f"{currency.symbol} {number}" if currency.position == "before" else f"{number} {currency.symbol}"


def format_price(env, price, currency):
    """A price per unit, which may have more decimals than an amount."""
    return format_amount(env, as_decimal(price, PRICE_DIGITS), currency)
