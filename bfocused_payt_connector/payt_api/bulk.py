"""Bulk writes: guarded, cut to size, and sorted by our key."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .errors import PaytError, PaytPayloadInvalid, PaytRejected
from .guard import guarded
from .results import BulkResult, read_answer
from .wire import MAX_RECORDS_PER_WRITE

# How many extra requests a write may spend on finding the records for which PAYT refuses all of it
ISOLATING_REQUESTS = 40

Send = Callable[[list[Any]], Any]


def in_parts(items: Sequence[Any], size: int = MAX_RECORDS_PER_WRITE) -> Iterable[Sequence[Any]]:
    """The items in as few parts as possible."""
    return (items[start : start + size] for start in range(0, len(items), size))


def guard_all(payload_type: type, records: Iterable[Mapping[str, Any]], key: str) -> tuple[dict[str, dict], BulkResult]:
    """Guard each record on its own, so that a bad one stops no other.

    :return: the payloads by key, and a result with the records we refuse ourselves
    :raise ValueError: for a record without its key and for two with the same: whose answer would it be?
    """
    payloads: dict[str, dict] = {}
    result = BulkResult()
    for record in records:
        name = record.get(key)
        if not isinstance(name, str) or not name:
            raise ValueError(f"a record without {key}")
        if name in payloads or name in result.refused:
            raise ValueError(f"two records with the same {key}")
        try:
            payloads[name] = guarded(payload_type, record)
        except PaytPayloadInvalid as error:
            result.refuse(name, error.problems)
    return payloads, result


class BulkWrite:
    """One bulk write, which may take several requests.

    A 422 means that PAYT processed nothing of a request, possibly for the sake of one record: the request is halved
    until the record is found, at the price of a few more requests. An error that isn't about the records is raised with
    ``partial`` telling what had been done before; what it doesn't name was not sent, or has to be sent again.

    :param send: sends a list of payloads and returns PAYT's answer
    :param get_secrets: what PAYT's words must not show, asked after each answer: the token is known by then
    """

    def __init__(self, send: Send, get_secrets: Callable[[], Iterable[str]] = tuple) -> None:
        self._send = send
        self._get_secrets = get_secrets
        self._to_spend = ISOLATING_REQUESTS
        self.result = BulkResult()

    def run(self, payloads: Mapping[str, Any]) -> BulkResult:
        try:
            for keys in in_parts(list(payloads)):
                self._part(payloads, keys)
        except PaytError as error:
            error.partial = self.result
            raise
        return self.result

    def _part(self, payloads: Mapping[str, Any], keys: Sequence[str]) -> None:
        try:
            answer = self._send([payloads[key] for key in keys])
        except PaytRejected as error:
            if error.status not in (400, 413, 422):
                raise
            self._isolate(payloads, keys, error)
        else:
            self.result.add(read_answer(answer, keys, self._get_secrets()))

    def _isolate(self, payloads: Mapping[str, Any], keys: Sequence[str], error: PaytRejected) -> None:
        if len(keys) == 1:
            self.result.refuse(keys[0], [str(error)])
        elif self._to_spend <= 0:
            # so many bad records are no bad records: something is wrong with all of them
            raise error
        else:
            self._to_spend -= 2
            half = len(keys) // 2
            self._part(payloads, keys[:half])
            self._part(payloads, keys[half:])
