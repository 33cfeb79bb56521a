"""What became of each record of a bulk write, by our own key."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .redaction import redacted


@dataclass
class BulkResult:
    """Every key that went in comes back in exactly one of ``taken``, ``refused`` and ``unconfirmed``.

    ``success: true`` with errors is normal at PAYT: the records named there were skipped, all others processed.
    """

    taken: list[str] = field(default_factory=list)
    refused: dict[str, list[str]] = field(default_factory=dict)  # key: PAYT's words
    # PAYT counted fewer records than it should, without saying which: send them again (upserts) or look them up
    unconfirmed: list[str] = field(default_factory=list)
    warnings: dict[str, list[str]] = field(default_factory=dict)  # taken, but not everything of it
    remarks: list[str] = field(default_factory=list)  # errors and warnings that name no record of ours

    def add(self, other: "BulkResult") -> None:
        """Add what happened to another part of the same write."""
        self.taken += other.taken
        self.refused |= other.refused
        self.unconfirmed += other.unconfirmed
        self.warnings |= other.warnings
        self.remarks += other.remarks

    def refuse(self, key: str, reasons: Iterable[str]) -> None:
        self.refused.setdefault(key, []).extend(reasons)


def read_answer(answer: Any, keys: Sequence[str], secrets: Iterable[str] = ()) -> BulkResult:
    """Sort the records by PAYT's answer.

    ``errors`` comes in two shapes (docs: api/responses): ``{key: [reasons]}`` and ``{failure: [keys]}``. A name that is
    one of our keys is a key, whatever else it could mean. Nothing in the answer means that all went well.

    :param answer: the parsed JSON; None where PAYT sent nothing (``POST /v1/contacts`` has no documented answer)
    :param keys: what we sent, in our words
    """
    result = BulkResult()
    if not isinstance(answer, Mapping):
        result.taken = list(keys)
        return result
    known = frozenset(keys)
    secrets = tuple(secrets)
    for name, value in _entries(answer.get("errors")):
        for key, reasons in _by_key(name, value, known, secrets):
            if key is None:
                result.remarks += reasons
            else:
                result.refuse(key, reasons)
    for name, value in _entries(answer.get("warnings")):
        for key, reasons in _by_key(name, value, known, secrets):
            if key is None:
                result.remarks += reasons
            else:
                result.warnings.setdefault(key, []).extend(reasons)
    processed = [key for key in keys if key not in result.refused]
    if answer.get("success") is False or _counted_less(answer.get("count"), len(processed)):
        result.unconfirmed = processed
    else:
        result.taken = processed
    return result


def _counted_less(count: Any, expected: int) -> bool:
    return isinstance(count, int) and not isinstance(count, bool) and count < expected


def _entries(errors: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(errors, Mapping):
        return errors.items()
    # not in the contract: an empty object becomes an empty list in some serializers
    return [("", errors)] if errors else []


def _by_key(
    name: str, value: Any, known: frozenset[str], secrets: tuple[str, ...]
) -> Iterable[tuple[str | None, list[str]]]:
    if name in known:
        yield name, _words(value, secrets)
        return
    items = value if isinstance(value, list) else [value]
    ours = [str(item) for item in items if isinstance(item, str | int) and str(item) in known]
    for key in ours:
        yield key, [redacted(name, secrets)]
    rest = [item for item in items if not (isinstance(item, str | int) and str(item) in known)]
    if rest:
        words = _words(rest, secrets)
        yield None, [f"{redacted(name, secrets)}: {word}" if name else word for word in words]


def _words(value: Any, secrets: tuple[str, ...]) -> list[str]:
    """Reasons as a flat list of texts, whether PAYT sends a text, a list or ``{field: [reasons]}``."""
    if isinstance(value, Mapping):
        return [f"{name}: {word}" for name, inner in value.items() for word in _words(inner, secrets)]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner, secrets)]
    return [redacted(value, secrets)]
