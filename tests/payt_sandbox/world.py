"""One sandbox: its records, clock, settings, and what happens in it."""

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

from .clock import Clock
from .contract import published
from .store import Record, Store

DEFAULT_SETTINGS: dict[str, Any] = {
    # empty properties are null, as in the vendor's examples, instead of absent, as the description has it
    "nulls": False,
    # one record in, one object out: what the description shows for psp_mandates and files; otherwise a list
    "single_answers": False,
    # send what PAYT has to send as soon as it comes in; otherwise POST /_sandbox/play {"do": "send_all"}
    "send_at_once": False,
    "requests_per_second": 10,
    "access_token_seconds": 7200,
    "refresh_token_seconds": 90 * 24 * 3600,
    "upload_url_seconds": 4 * 3600,
    # how a plan is over: "deactivated" has a moment, "inactive" has none, "active" stays active
    "plan_finishes": "deactivated",
    # the reference of a revoked mandate may be used again, as for another debtor
    "revoked_references_are_free": False,
    # what is so already (blocked, resumed, revoked, decided) is refused, instead of taken once more
    "repeats_are_errors": False,
    # what an upsert leaves out PAYT empties, instead of keeping it
    "omitted_is_emptied": False,
    # a list of payments is the whole one: what PAYT collected and isn't in it is deleted; otherwise it is that of the
    # bookkeeping's own, and PAYT's stay beside it
    "payments_are_whole": False,
    # PAYT's own payments in such a list are recognised by PAYT's number; otherwise they are new ones
    "knows_own_payments": True,
    # a debtor's comment stands in: "notes", "messages" or "both"
    "comments_in": "notes",
    # 40 EUR at least, 15 % of what is open: the bottom of the Dutch scale (Besluit BIK)
    "collection_costs_minimum": "40.00",
    "collection_costs_rate": "0.15",
}

DEFAULT_ADMINISTRATION = {
    "name": "B/Focused ICT Services",
    "status": "active",
    "email_address": "administratie@example.com",
    "contact_name": "Administratie",
    "commercial_registration_number": "12345678",
    "country_code": "NL",
    "city": "Amsterdam",
    "house_number": "1",
    "internal_name": "bfocused",
    "street_name": "Voorbeeldstraat",
    "postal_code": "1000 AA",
    "timezone": "Europe/Amsterdam",
    "currency_code": "EUR",
    "administration_url": "https://demo.paytsoftware.com/",
}

ZERO = Decimal("0.00")


class World:
    """Everything a request can touch. Hold ``lock`` while doing so."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.clock = Clock()
        self.contract = published()
        self.store = Store(path, self.clock.stamp)
        self.base_url = ""  # set once the server knows its port
        self._settings = next(iter(self.store.settings), None) or self.store.settings.add({})
        if not len(self.store.administrations):
            self.store.administrations.add(dict(DEFAULT_ADMINISTRATION))
        self.store.commit()

    @property
    def administration(self) -> Record:
        """The one administration; there are more at PAYT, but each is on its own anyway."""
        return next(iter(self.store.administrations))

    def setting(self, name: str) -> Any:
        return self._settings.get(name, DEFAULT_SETTINGS[name])

    def set(self, name: str, value: Any) -> None:
        if name not in DEFAULT_SETTINGS:
            raise KeyError(name)
        self._settings[name] = value
        self.store.settings.save(self._settings)

    @property
    def webhook(self) -> Record:
        """Where events go: url, secrets, whether it is switched on, and how delivery misbehaves."""
        return self._settings.setdefault("_webhook", {"url": "", "secrets": [], "enabled": False, "mode": {}})

    def save_webhook(self) -> None:
        self.store.settings.save(self._settings)

    # === EVENTS

    def emit(self, name: str, resource_type: str, record: Record, **context: Any) -> None:
        """Something happened: keep it for the webhook. What is sent is decided now, not at delivery."""
        if not self.webhook["enabled"]:
            return
        from .webhooks import event_of  # it needs World for its types

        self.store.events.add(event_of(self, name, resource_type, record, context))


def amount(text: Any) -> Decimal:
    """Money as a number."""
    return Decimal(str(text or "0")).quantize(Decimal("0.01"))


def text(value: Decimal) -> str:
    """Money as PAYT writes it."""
    return f"{value.quantize(Decimal('0.01')) + 0:f}"
