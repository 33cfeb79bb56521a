"""Reading lists: page by page, and which mark to keep for the next time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import PaytTemporary
from .values import moment

# PAYT's timestamps may have whole seconds only, and its clock isn't ours
OVERLAP = timedelta(seconds=5)


@dataclass(frozen=True)
class Page:
    """The records of one answer, as PAYT sent them.

    :ivar cursor: to read on from here in another run; "" on a page without one
    :ivar newest: the highest ``updated_at`` (or ``deleted_at``) on this page, as PAYT wrote it; "" without any
    """

    records: list[dict[str, Any]]
    cursor: str
    newest: str

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)


def read_page(answer: Any) -> Page:
    """Turn an answer into a page.

    :raise PaytTemporary: when it isn't a list of records
    """
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, list) or not all(isinstance(record, dict) for record in data):
        raise PaytTemporary("PAYT's answer isn't the list that was asked for.", maybe_processed=False)
    # the description has a text, the vendor's example a number; the last page still carries one
    cursor = (answer.get("pagination") or {}).get("cursor")
    marks = [record.get("updated_at") or record.get("deleted_at") or "" for record in data]
    return Page(data, "" if cursor is None else str(cursor), max(marks, key=_comparable, default=""))


class SyncMark:
    """The mark to store once all pages of a reading are stored.

    It is the newest ``updated_at`` seen, but never past the moment the reading began: pages are cut by record number,
    so a record that changes behind our back while we read on would be passed over. Storing twice is harmless, missing
    isn't, so it also stays a few seconds behind. Without any record the old mark stays (docs:
    api/pagination-and-syncing).

    :param previous: the mark this reading started from; "" for a first load
    :param started_at: when the reading began, on PAYT's clock (ours plus ``PaytClient.clock_difference``)
    """

    def __init__(self, previous: str, started_at: datetime) -> None:
        self.previous = previous
        self._limit = started_at.astimezone(UTC) if started_at.tzinfo else started_at.replace(tzinfo=UTC)
        self._newest = ""

    def resume(self, newest: str) -> None:
        """Go on with a reading of which the first pages were stored before."""
        self._newest = newest

    @property
    def newest(self) -> str:
        """The newest moment seen, as PAYT wrote it; "" while nothing was seen."""
        return self._newest

    def see(self, page: Page) -> None:
        """Take note of a page that is stored."""
        self._newest = max(self._newest, page.newest, key=_comparable)

    @property
    def value(self) -> str:
        """The next ``updated_after``, never before the one we had."""
        if not self._newest:
            return self.previous
        mark = moment(min(_parsed(self._newest), self._limit) - OVERLAP)
        return max(mark, self.previous, key=_comparable)


def _parsed(text: str) -> datetime:
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _comparable(text: str) -> datetime:
    """PAYT may write fractions of a second or an offset, so texts don't compare."""
    try:
        return _parsed(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
