"""Reading from PAYT: lists page by page, records by our numbers, administrations."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from . import operations as op
from .errors import PaytForbidden, PaytTemporary
from .paging import Page, read_page
from .transport import Transport
from .values import moment
from .wire import MAX_FILTER_CHARACTERS, MAX_FILTER_VALUES, MAX_PER_PAGE

# what every record must carry for us to know it and to move the mark; ``fields`` returns exactly what it names
ALWAYS_READ = ("id", "updated_at")


class Reading:
    """The reading half of the client."""

    _transport: Transport
    _given_administration_id: str

    @property
    def administration_id(self) -> str:
        """As text, which the contract asks for.

        :raise PaytForbidden: when none was given
        """
        if not self._given_administration_id:
            raise PaytForbidden("No PAYT administration is chosen.")
        return self._given_administration_id

    def administrations(self) -> list[dict[str, Any]]:
        """All administrations this token may see."""
        return [record for page in self._pages(op.ADMINISTRATIONS, {}, MAX_PER_PAGE) for record in page]

    def administration(self) -> dict[str, Any]:
        """Ours. The cheapest question there is, for a test of the connection."""
        answer = self._transport.call(op.ADMINISTRATION, path={"administration_id": self.administration_id})
        if not isinstance(answer, Mapping):
            raise PaytTemporary("PAYT's answer isn't the administration that was asked for.", maybe_processed=False)
        return dict(answer)

    def iter_pages(
        self,
        resource: str,
        *,
        updated_after: datetime | str = "",
        fields: Iterable[Any] = (),
        cursor: str = "",
        per_page: int = MAX_PER_PAGE,
        **filters: Any,
    ) -> Iterator[Page]:
        """Read a list page by page; only one page is held.

        :param resource: a name in ``operations.LISTINGS``: ``invoices``, ``payments``, ``credit_cases``...
        :param updated_after: only what changed after it, a UTC moment or a mark kept from :class:`~.paging.SyncMark`
        :param fields: only these, among them those given on request only; ``id`` and ``updated_at`` always come along
        :param cursor: go on after a page of an earlier reading with the same filters
        :param filters: as the contract names them. Lists are joined, and must fit into one request (see ``read_by``).
        :raise ValueError: for a filter the contract doesn't know
        """
        listing = op.LISTINGS[resource]
        query = self._filters(listing, filters)
        if updated_after:
            if not listing.incremental:
                raise ValueError(f"{resource} can't be read by date")
            query["updated_after"] = updated_after if isinstance(updated_after, str) else moment(updated_after)
        if names := list(fields):
            if not listing.selectable:
                raise ValueError(f"{resource} has no choice of fields")
            only = [name for name in ALWAYS_READ if name not in names] + names
            query["fields"] = json.dumps({"only": only}, separators=(",", ":"))
        query["administration_id"] = self.administration_id
        return self._pages(listing.operation, query, per_page, cursor)

    def iter_deleted(
        self,
        resource: str,
        *,
        deleted_after: datetime | str,
        deleted_before: datetime | str = "",
        cursor: str = "",
        per_page: int = MAX_PER_PAGE,
    ) -> Iterator[Page]:
        """What was deleted at PAYT: invoices, credit cases, payments, plans or mandates of the last 90 days."""
        if resource not in op.WITH_DELETED:
            raise ValueError(f"PAYT doesn't list deleted {resource}")
        query = {"administration_id": self.administration_id, "deleted_after": _moment(deleted_after)}
        if deleted_before:
            query["deleted_before"] = _moment(deleted_before)
        return self._pages(op.LISTINGS[resource].deleted, query, per_page, cursor)

    def read_by(
        self, resource: str, name: str, values: Iterable[str], *, fields: Iterable[Any] = (), **filters: Any
    ) -> Iterator[dict[str, Any]]:
        """Records by our identifiers, in as few requests as fit; never one by one.

        :param name: the filter: ``invoice_numbers``, ``debtor_numbers``, ``ids``...
        :param filters: others, the same for all (see :meth:`iter_pages`)
        """
        names = list(fields)
        for part in self._filter_parts([str(value) for value in values]):
            for page in self.iter_pages(resource, fields=names, **{name: part}, **filters):
                yield from page

    # === PARTS

    def _pages(
        self, operation: op.Operation, query: Mapping[str, Any], per_page: int, cursor: str = ""
    ) -> Iterator[Page]:
        if not 1 <= per_page <= MAX_PER_PAGE:
            raise ValueError(f"a page has 1 to {MAX_PER_PAGE} records")
        seen = {cursor}
        while True:
            asked = {**query, "per_page": per_page, **({"cursor": cursor} if cursor else {})}
            page = read_page(self._transport.call(operation, query=asked))
            if not page.records:
                return
            yield page
            # A short page is no proof of the end, and the last one carries a cursor too: only an empty one is the end.
            cursor = page.cursor
            if not cursor:
                return
            if cursor in seen:
                raise PaytTemporary(f"PAYT's pages of {operation} go in a circle.", maybe_processed=False)
            seen.add(cursor)

    def _filters(self, listing: op.Listing, filters: Mapping[str, Any]) -> dict[str, Any]:
        query: dict[str, Any] = {}
        for name, value in filters.items():
            if name in listing.lists:
                query[name] = value if isinstance(value, str) else self._joined_values(value)
            elif name in listing.others:
                query[name] = str(value).lower() if isinstance(value, bool) else value
            else:
                raise ValueError(f"PAYT's list of {listing.name} has no filter {name}")
        return query

    def _joined_values(self, values: Iterable[Any]) -> str:
        texts = [str(value) for value in values]
        if any("," in text for text in texts):
            raise ValueError("a comma can't be part of an identifier in a filter")
        return ",".join(texts)

    def _filter_parts(self, values: list[str]) -> Iterator[str]:
        """Comma-separated lists that fit into an address."""
        part: list[str] = []
        length = 0
        for value in values:
            size = len(quote(self._joined_values([value]), safe="")) + len("%2C")
            if part and (len(part) == MAX_FILTER_VALUES or length + size > MAX_FILTER_CHARACTERS):
                yield ",".join(part)
                part, length = [], 0
            part.append(value)
            length += size
        if part:
            yield ",".join(part)


def _moment(value: datetime | str) -> str:
    return value if isinstance(value, str) else moment(value)
