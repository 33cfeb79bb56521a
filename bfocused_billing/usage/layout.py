"""How cells of a supplier's file are written, once for Python and once for SQL.

The two have to agree: SQL reads the good rows, and where it meets a row it can't read, Python says which and why.
"""

import re
from datetime import datetime
from typing import NamedTuple

from odoo.tools import SQL

LONGEST_DURATION = 8  # digits of a number of seconds
LONGEST_AMOUNT = 16  # characters

# name of the setting -> (name for Python, name for PostgreSQL)
ENCODINGS = {"utf-8": ("utf-8", "UTF8"), "latin-1": ("latin-1", "LATIN1"), "cp1252": ("cp1252", "WIN1252")}


class DateFormat(NamedTuple):
    """A way to write the moment at which a call started."""

    pattern: re.Pattern
    python: str  # for strptime, of the digits alone
    parts: tuple[int, ...]  # where year, month, day and time start in the cell, from 1
    like: str  # the form, for SQL: what has this form and isn't a moment, PostgreSQL refuses to cast


def _date_format(pattern, python, parts, like):
    return DateFormat(re.compile(pattern, re.ASCII), python, parts, like)


DATE_FORMATS = {
    "iso": _date_format(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", "%Y%m%d%H%M%S", (1, 6, 9, 12), "____-__-__ __:__:__"),
    "dmy": _date_format(r"\d\d([-/.])\d\d\1\d{4} \d\d:\d\d:\d\d", "%d%m%Y%H%M%S", (7, 4, 1, 12), "__-__-____ __:__:__"),
    "mdy": _date_format(r"\d\d([-/.])\d\d\1\d{4} \d\d:\d\d:\d\d", "%m%d%Y%H%M%S", (7, 1, 4, 12), "__-__-____ __:__:__"),
    "compact": _date_format(r"\d{14}", "%Y%m%d%H%M%S", (1, 5, 7, 9), "_" * 14),
}
DURATION_PATTERNS = {
    "seconds": re.compile(rf"\d{{1,{LONGEST_DURATION}}}", re.ASCII),
    "clock": re.compile(r"(\d{1,3}:)?\d{1,3}:\d\d", re.ASCII),
}
AMOUNT_PATTERNS = {"point": re.compile(r"-?\d+(\.\d*)?", re.ASCII), "comma": re.compile(r"-?\d+(,\d*)?", re.ASCII)}
PUNCTUATION = " -.()/"  # taken out of telephone numbers
SHORTEST_INTERNATIONAL = 8  # digits after the country code in a number that is taken for an international one


# === Python


def normalize_number(text, country_code, is_e164=False):
    """A telephone number in international form; an extension or account code only loses its spaces and capitals.

    :param country_code: digits, for example ``31``
    :param is_e164: whether numbers stand in international form without ``+`` or ``00``
    """
    text = (text or "").lower().translate({ord(character): None for character in PUNCTUATION})
    if text.startswith("00"):
        return f"+{text[2:]}"
    if text.startswith("0") and len(text) >= 9:
        return f"+{country_code}{text[1:]}"
    if is_e164 and len(text) >= 8 and text.isascii() and text.isdigit():
        return f"+{text}"
    return text


def add_plus(text, country_code):
    """A normalized number that somebody typed as 31201234567, as +31201234567."""
    rest = text.removeprefix(country_code)
    if rest != text and text.isascii() and text.isdigit() and len(rest) >= SHORTEST_INTERNATIONAL:
        return f"+{text}"
    return text


def normalize_class(text):
    """The code of a destination class, by how a supplier or a user writes it."""
    return (text or "").strip().lower()


def is_moment(text, date_format):
    date_format = DATE_FORMATS[date_format]
    if not date_format.pattern.fullmatch(text):
        return False
    try:
        datetime.strptime(re.sub(r"\D", "", text), date_format.python)
    except ValueError:
        return False
    return True


def is_duration(text, unit):
    return bool(DURATION_PATTERNS[unit].fullmatch(text))


def is_amount(text, mark):
    return len(text) <= LONGEST_AMOUNT and bool(AMOUNT_PATTERNS[mark].fullmatch(text))


# === SQL


def _without_digits(cell):
    return SQL("translate(%s, '0123456789', '')", cell)


def number_sql(cell, country_code, is_e164):
    """The same as :func:`normalize_number`, of a cell whose punctuation and capitals :func:`bare_sql` took out."""
    e164 = SQL("FALSE")
    if is_e164:
        e164 = SQL("length(%s) >= 8 AND %s = ''", cell, _without_digits(cell))
    return SQL(
        "CASE WHEN starts_with(%(cell)s, '00') THEN '+' || substr(%(cell)s, 3)"
        " WHEN starts_with(%(cell)s, '0') AND length(%(cell)s) >= 9 THEN %(country)s || substr(%(cell)s, 2)"
        " WHEN %(e164)s THEN '+' || %(cell)s ELSE %(cell)s END",
        cell=cell,
        country=f"+{country_code}",
        e164=e164,
    )


def dial_sql(cell, country_code):
    """A dialled number by which its rate is found: short numbers such as 0900-1234 begin as their prefix does."""
    return SQL(
        "CASE WHEN starts_with(%s, '0') THEN %s || substr(%s, 2) ELSE %s END", cell, f"+{country_code}", cell, cell
    )


def bare_sql(cell):
    return SQL(
        "CASE WHEN %s ~ '^[+0-9]*$' THEN %s ELSE lower(translate(%s, %s, '')) END", cell, cell, cell, PUNCTUATION
    )


def moment_sql(cell, date_format):
    """Timestamp as written, in the time zone of the file; NULL where it isn't one by its form."""
    date_format = DATE_FORMATS[date_format]
    year, month, day, clock = date_format.parts
    written = cell
    if year != 1:
        written = SQL(
            "substr(%(cell)s, %(year)s, 4) || '-' || substr(%(cell)s, %(month)s, 2) || '-' ||"
            " substr(%(cell)s, %(day)s, 2) || substr(%(cell)s, 11)",
            cell=cell,
            year=year,
            month=month,
            day=day,
        )
    elif clock == 9:
        written = SQL("left(%(cell)s, 8) || ' ' || substr(%(cell)s, %(clock)s)", cell=cell, clock=clock)
    return SQL(
        "CASE WHEN %s LIKE %s THEN (%s)::timestamp END",
        cell,
        date_format.like,
        written,
    )


def duration_sql(cell, unit):
    """Integer, in seconds; NULL where it isn't one by its form."""
    if unit == "seconds":
        return SQL(
            "CASE WHEN octet_length(%s) <= %s AND %s ~ '^[0-9]+$' THEN %s::int END", cell, LONGEST_DURATION, cell, cell
        )
    return SQL(
        "CASE WHEN length(%(cell)s) > 10 THEN NULL"
        " WHEN %(marks)s = '::' THEN split_part(%(cell)s, ':', 1)::int * 3600"
        " + split_part(%(cell)s, ':', 2)::int * 60 + split_part(%(cell)s, ':', 3)::int"
        " WHEN %(marks)s = ':' THEN split_part(%(cell)s, ':', 1)::int * 60 + split_part(%(cell)s, ':', 2)::int END",
        cell=cell,
        marks=_without_digits(cell),
    )


def amount_sql(cell, mark):
    """Numeric; NULL where it isn't one by its form."""
    written = SQL("replace(%s, ',', '.')", cell) if mark == "comma" else cell
    return SQL(
        "CASE WHEN octet_length(%s) <= %s AND %s ~ %s THEN (%s)::numeric END",
        cell,
        LONGEST_AMOUNT,
        cell,
        f"^{AMOUNT_PATTERNS[mark].pattern}$".replace(r"\d", "[0-9]"),
        written,
    )
