"""What the sandbox remembers: records in memory, written behind to SQLite in one transaction per request."""

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (collection TEXT, id INTEGER, body TEXT, PRIMARY KEY (collection, id));
CREATE TABLE IF NOT EXISTS file (checksum TEXT PRIMARY KEY, content BLOB);
"""


class Collection:
    """Records of one kind by number, in the order they were made, and by their natural keys.

    Names that begin with ``_`` are the sandbox' own and never leave it.
    """

    def __init__(self, store: "Store", name: str, keys: tuple[str, ...]) -> None:
        self.name = name
        self._store = store
        self._records: dict[int, Record] = {}
        self._order: list[int] = []  # rising, as numbers are given out in order
        self._by_key: dict[str, dict[Any, int]] = {key: {} for key in keys}

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def after(self, number: int) -> Iterator[Record]:
        """Records made after that number, in order."""
        for position in range(bisect_right(self._order, number), len(self._order)):
            record = self._records.get(self._order[position])
            if record is not None:
                yield record

    def get(self, number: str | int | None) -> Record | None:
        text = str(number)
        return self._records.get(int(text)) if text.isdigit() else None

    def by(self, key: str, value: Any) -> Record | None:
        record = self.get(self._by_key[key].get(value))
        return record if record and record.get(key) == value else None

    def add(self, record: Record) -> Record:
        number = self._store.next_number()
        record["id"] = str(number)
        self._put(number, record)
        self._order.append(number)
        self.touch(record)
        return record

    def touch(self, record: Record) -> None:
        """The record changed: it gets a new ``updated_at`` and is written."""
        record["updated_at"] = self._store.stamp()
        self.save(record)

    def save(self, record: Record) -> None:
        number = int(record["id"])
        self._index(number, record)
        self._store.changed(self.name, number, record)

    def remove(self, record: Record) -> None:
        number = int(record["id"])
        del self._records[number]
        for key, index in self._by_key.items():
            if index.get(record.get(key)) == number:
                del index[record[key]]
        self._store.changed(self.name, number, None)

    def load(self, rows: Iterable[tuple[int, Record]]) -> None:
        for number, record in rows:
            self._put(number, record)
            self._order.append(number)

    def _put(self, number: int, record: Record) -> None:
        self._records[number] = record
        self._index(number, record)

    def _index(self, number: int, record: Record) -> None:
        for key, index in self._by_key.items():
            if record.get(key):
                index[record[key]] = number


# natural keys by which records are looked up
KEYS: dict[str, tuple[str, ...]] = {
    "administrations": (),
    "contacts": ("contact_identifier",),
    "debtors": ("debtor_number", "debtor_identifier"),
    "vat_rates": ("code",),
    "files": ("checksum", "_upload_key"),
    "invoices": ("invoice_number", "invoice_identifier"),
    "payments": ("_origin_identifier",),
    "credit_cases": ("credit_case_number",),
    "payment_plans": (),
    "psp_mandates": ("mandate_reference", "mandate_identifier"),
    "psp_transactions": (),
    "messages": (),
    "notes": (),
    "notifications": (),
    "deleted": (),
    "tokens": ("access_token", "refresh_token", "code"),
    "events": (),
    "settings": (),
}


class Store:
    """All collections.

    :param path: the SQLite file; None keeps it in memory
    :param stamp: gives the present moment for ``updated_at``
    """

    def __init__(self, path: Path | None, stamp: Callable[[], str]) -> None:
        self.stamp = stamp
        self._db = sqlite3.connect(str(path) if path else ":memory:", check_same_thread=False, isolation_level=None)
        # a crash of this process loses nothing; a crash of the machine may, which a sandbox can bear
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.executescript(SCHEMA)
        self._collections = {name: Collection(self, name, keys) for name, keys in KEYS.items()}
        self._changes: dict[tuple[str, int], Record | None] = {}
        self._last_number = 1000
        self._load()

    def __getattr__(self, name: str) -> Collection:
        try:
            return self.__dict__["_collections"][name]
        except KeyError:
            raise AttributeError(name) from None

    def next_number(self) -> int:
        self._last_number += 1
        return self._last_number

    def changed(self, collection: str, number: int, record: Record | None) -> None:
        self._changes[collection, number] = record

    def commit(self) -> None:
        """Write what changed since the last time."""
        if not self._changes:
            return
        self._db.execute("BEGIN")
        for (collection, number), record in self._changes.items():
            if record is None:
                self._db.execute("DELETE FROM record WHERE collection = ? AND id = ?", (collection, number))
            else:
                row = (collection, number, json.dumps(record))
                self._db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", row)
        self._db.execute("COMMIT")
        self._changes.clear()

    def put_file(self, checksum: str, content: bytes) -> None:
        self._db.execute("INSERT OR REPLACE INTO file VALUES (?, ?)", (checksum, content))

    def get_file(self, checksum: str) -> bytes | None:
        row = self._db.execute("SELECT content FROM file WHERE checksum = ?", (checksum,)).fetchone()
        return row and row[0]

    def close(self) -> None:
        self.commit()
        self._db.close()

    def _load(self) -> None:
        for name, collection in self._collections.items():
            rows = self._db.execute("SELECT id, body FROM record WHERE collection = ? ORDER BY id", (name,))
            collection.load((number, json.loads(body)) for number, body in rows)
        (highest,) = self._db.execute("SELECT max(id) FROM record").fetchone()
        self._last_number = max(self._last_number, highest or 0)
