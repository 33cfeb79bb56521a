"""How PAYT wants money, dates, moments and numbers written. Everything else is refused, not bent."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

MONEY = re.compile(r"-?(0|[1-9]\d*)\.\d\d")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")

CENT = Decimal("0.01")
# Odoo keeps amounts as floats, rounded to the currency: what differs more than this is no rounded amount
FLOAT_ERROR = Decimal("0.000001")


def money(amount: Decimal | int | float | str) -> str:
    """An amount in its currency, as text with exactly two decimals: ``"-121.00"``.

    :raise ValueError: when it isn't a whole number of cents. Rounding is the books' business, not the wire's.
    """
    value = _decimal(amount)
    rounded = value.quantize(CENT)
    allowed = FLOAT_ERROR if isinstance(amount, float) else 0
    if abs(value - rounded) > allowed:
        raise ValueError("an amount with more than two decimals")
    return f"{rounded + 0:f}"  # + 0: no "-0.00"


def number(value: Decimal | int | float | str) -> str:
    """A quantity or a percentage as text, with as many decimals as it has: ``"21"``, ``"0.125"``.

    :raise ValueError: when it isn't a number
    """
    decimal = _decimal(value)
    text = f"{decimal:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def day(value: date | str) -> str:
    """A calendar day, ``YYYY-MM-DD``.

    :raise ValueError: for a moment (whose day depends on the time zone) and for text that isn't a day
    """
    if isinstance(value, datetime):
        raise ValueError("a moment where a day is asked for")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and DAY.fullmatch(value):
        return date.fromisoformat(value).isoformat()
    raise ValueError("not a day (YYYY-MM-DD)")


def moment(value: datetime | str) -> str:
    """A moment in UTC to the second, ``YYYY-MM-DDThh:mm:ssZ``. Without a time zone it is UTC, as Odoo means it.

    :raise ValueError: for text that isn't such a moment
    """
    if isinstance(value, str):
        if not MOMENT.fullmatch(value):
            raise ValueError("not a moment (YYYY-MM-DDThh:mm:ssZ)")
        value = datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    if not isinstance(value, datetime):
        raise ValueError("not a moment")
    value = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return value.replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def _decimal(value: Decimal | int | float | str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float | str):
        raise ValueError("not a number")
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise ValueError("not a number")
    try:
        decimal = Decimal(repr(value) if isinstance(value, float) else value)
        if not decimal.is_finite() or abs(decimal) >= Decimal(10) ** 15:
            raise ValueError("not a number PAYT can hold")
    except InvalidOperation:
        raise ValueError("not a number") from None
    return decimal
