"""Makes a payload that the contract accepts out of what a record has, or says what is wrong with it.

    payload = guarded(DebtorPayload, {"debtor_number": "1001", "name": partner.name, "vat_number": partner.vat, ...})

- Empty fields are left out: ``None``, ``""``, and ``False`` (Odoo's empty) where the field isn't a yes-or-no.
  An empty list stays: it means "none", which is something else than "as it was". ``peppol_enabled`` keeps its null.
- ``EMPTIED`` stays, as an empty text: PAYT has something there, and shall not. Only where the contract allows it
  (:func:`get_emptiable`).
- ``Decimal``, ``date`` and ``datetime`` are written as :mod:`.values` says.
- Names the contract doesn't know, missing ones, wrong types and values are errors. Nothing is shortened or guessed.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from . import values
from .errors import PaytPayloadInvalid
from .kinds import Kind
from .wire import CHECKSUM_LENGTH

# Codes and the identifiers of other records: an empty text is none of them, so these are left out when they are empty
NEVER_EMPTY = frozenset(
    {
        *("id", "contact_identifier", "invoice_identifier", "debtor_identifier", "debtor_number", "invoice_number"),
        *("code", "language_code", "payment_condition"),
    }
)


class Emptied(str):
    """An empty text that is meant."""

    __slots__ = ()


EMPTIED = Emptied()

INT32_MAX = 2**31 - 1

WRITERS = {
    Kind.MONEY: values.money,
    Kind.NUMBER: values.number,
    Kind.DAY: values.day,
    Kind.MOMENT: values.moment,
}
PATTERNS = {
    Kind.CHECKSUM: re.compile(rf"[A-Za-z0-9+/]{{{CHECKSUM_LENGTH - 2}}}=="),
    Kind.COUNTRY: re.compile(r"[A-Z]{2}"),
    Kind.CURRENCY: re.compile(r"[A-Z]{3}"),
}


def guarded(payload_type: type, record: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the record that fits the payload type. Doing it twice changes nothing.

    :raise PaytPayloadInvalid: with all that is wrong, by name of the field, without its value
    """
    problems: list[str] = []
    payload = _object(payload_type, record, "", problems)
    if problems:
        raise PaytPayloadInvalid(problems)
    return payload


@cache
def get_emptiable(payload_type: type) -> dict[str, Any]:
    """The optional fields of a record that can be emptied at PAYT, and what says so: an empty text, or an empty list.

    The description knows no null, but for ``peppol_enabled``. Lists of records (payments, lines) are always whole.
    """
    empty: dict[str, Any] = {}
    for name, hint in _fields(payload_type).items():
        kind, plain = _kind(hint)
        if name in NEVER_EMPTY or name in payload_type.__required_keys__ or kind is not None:
            continue
        if plain is str:
            empty[name] = EMPTIED
        elif get_origin(plain) is list and get_args(plain) == (str,):
            empty[name] = []
    return empty


@cache
def _fields(payload_type: type) -> dict[str, Any]:
    """The type of each field, without ``NotRequired``, which ``__required_keys__`` tells too."""
    hints = get_type_hints(payload_type, include_extras=True)
    return {
        name: get_args(hint)[0] if get_origin(hint) in (NotRequired, Required) else hint for name, hint in hints.items()
    }


def _object(payload_type: type, record: Any, where: str, problems: list[str]) -> dict[str, Any]:
    if not isinstance(record, Mapping):
        problems.append(f"{where or 'the record'}: not an object")
        return {}
    fields = _fields(payload_type)
    payload = {}
    for name, value in record.items():
        if name not in fields:
            problems.append(f"{where}{name}: not in PAYT's contract")
        elif isinstance(value, Emptied) and name not in get_emptiable(payload_type):
            problems.append(f"{where}{name}: can't be emptied")
        elif isinstance(value, Emptied) or not _is_empty(value, fields[name]):
            payload[name] = _value(fields[name], value, f"{where}{name}", problems)
    missing = payload_type.__required_keys__ - payload.keys()
    problems += [f"{where}{name}: missing" for name in sorted(missing)]
    return payload


def _is_empty(value: Any, hint: Any) -> bool:
    kind, plain = _kind(hint)
    if value is None:
        return kind is not Kind.NULLABLE
    if value is False:
        return plain is not bool and bool not in get_args(plain)
    return value == "" and isinstance(value, str)


def _kind(hint: Any) -> tuple[Kind | None, Any]:
    if get_origin(hint) is Annotated:
        plain, kind = get_args(hint)
        return kind, plain
    return None, hint


def _value(hint: Any, value: Any, where: str, problems: list[str]) -> Any:
    kind, plain = _kind(hint)
    if is_typeddict(plain):
        return _object(plain, value, f"{where}.", problems)
    if get_origin(plain) is list:
        return _list(get_args(plain)[0], value, where, problems)
    try:
        return _scalar(kind, plain, value)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


def _list(item_hint: Any, value: Any, where: str, problems: list[str]) -> list:
    if not isinstance(value, list | tuple):
        problems.append(f"{where}: not a list")
        return []
    return [_value(item_hint, item, f"{where}[{position}]", problems) for position, item in enumerate(value)]


def _scalar(kind: Kind | None, plain: Any, value: Any) -> Any:
    if kind in WRITERS:
        return WRITERS[kind](value)
    if get_origin(plain) is Literal:
        if value not in get_args(plain):
            raise ValueError(f"none of {', '.join(get_args(plain))}")
        return value
    if get_origin(plain) is Union or plain is not bool and bool in get_args(plain):
        return _scalar(None, bool, value) if value is not None else None
    if plain is float:
        # a payment plan's amount: the one sum that is a JSON number
        return float(values.money(value)) if isinstance(value, Decimal | int | float) else _wrong("a number")
    if not isinstance(value, plain) or (plain is int and isinstance(value, bool)):
        _wrong({str: "a text", int: "a whole number", bool: "yes or no"}[plain])
    if plain is int and abs(value) > INT32_MAX:
        _wrong("a number of at most 32 bits")
    if kind in PATTERNS and not PATTERNS[kind].fullmatch(value):
        _wrong(f"a {kind.value}")
    if isinstance(value, str) and "\x00" in value:
        _wrong("a text without NUL characters")
    return value


def _wrong(wanted: str) -> None:
    raise ValueError(f"not {wanted}")
