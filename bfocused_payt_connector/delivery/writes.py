"""How records are sent: many in a request, or one by one.

A write has ``send(sender, client, parcels)``, which tells the ``OutboxSender`` what became of each parcel, also when an
error ends it halfway.
"""

from collections.abc import Callable
from dataclasses import dataclass

from odoo.tools import partition

from ..payt_api import BulkResult, PaytError, PaytForbidden, PaytNotFound, PaytRejected
from ..payt_api.operations import Operation

NOT_FOUND = {"not_found"}
MONEY = {
    *("amount_total", "amount_open", "book_amount_total", "book_amount_open", "currency_code"),
    *("payments", "invoice_lines"),
}


class Write:
    """A way of sending.

    :cvar is_update: what is sent again replaces what PAYT has, so that it has to say what is empty now
    """

    is_update = False


@dataclass(frozen=True)
class Look:
    """How PAYT's own records tell that what it refuses is so already, as after an answer that was lost.

    :param listing: PAYT's list of the records
    :param filter: of the list, by which PAYT is asked
    :param key: property of PAYT's record that holds our key
    :param is_done: ``(records)`` of one key, as PAYT lists them: whether they are as they shall be
    :param asked: property of our payload with the value of the filter; "": our key is
    :param fields: of PAYT's record; none: all
    """

    listing: str
    filter: str
    key: str
    is_done: Callable
    asked: str = ""
    fields: tuple[str, ...] = ()

    def find_done(self, client, parcels):
        """The keys of the parcels that are done at PAYT."""
        asked = {p.key: p.payload.get(self.asked) if self.asked else p.key for p in parcels}
        asked = {key: value for key, value in asked.items() if value and "," not in value}
        found = {key: [] for key in asked}
        if asked:
            for record in client.read_by(self.listing, self.filter, sorted(set(asked.values())), fields=self.fields):
                found.get(record.get(self.key), []).append(record)
        return {key for key, records in found.items() if self.is_done(records)}


@dataclass(frozen=True)
class BulkWrite(Write):
    """Many records in a request; PAYT answers by our key.

    :param operation: what is asked of PAYT
    :param is_unknown_fine: a record that PAYT doesn't know counts as taken
    :param look: how to find out that what PAYT refuses is so already, where PAYT may refuse that
    """

    operation: Operation
    is_unknown_fine: bool = False
    look: Look | None = None

    def get_items(self, parcels):
        """What goes: payloads or keys."""
        raise NotImplementedError

    def send(self, sender, client, parcels):
        """Send them; what PAYT took before an error is written down before it is raised."""
        by_key = {parcel.key: parcel for parcel in parcels}
        try:
            result = client.write_many(self.operation, self.get_items(parcels))
        except PaytError as error:
            if isinstance(error.partial, BulkResult):
                self.settle(sender, client, by_key, error.partial)
            raise
        self.settle(sender, client, by_key, result)
        if result.remarks:
            sender.backend.remark = " ".join(result.remarks)[:500]

    def settle(self, sender, client, by_key, result):
        """Tell what became of the records, by key."""
        for key in result.taken:
            sender.take(by_key[key], {"warnings": result.warnings.get(key, [])})
        refused = dict(result.refused)
        for key in [key for key, reasons in refused.items() if self.is_unknown_fine and set(reasons) == NOT_FOUND]:
            sender.take(by_key[key], {"not_found": True})
            del refused[key]
        self.settle_refused(sender, client, {key: by_key[key] for key in refused}, refused)
        for key in result.unconfirmed:
            sender.postpone(by_key[key], sender.env._("PAYT didn't confirm this record."))

    def settle_refused(self, sender, client, by_key, refused):
        """Tell what became of records that PAYT refused: maybe it did what we want before, and its answer was lost.

        :param refused: dict of key to PAYT's messages
        """
        done, outcome = frozenset(), sender.refuse
        if self.look and refused:
            try:
                done = self.look.find_done(client, list(by_key.values()))
            except PaytForbidden:
                done = frozenset()  # we may not look: PAYT's refusal stands
            except PaytError:
                outcome = lambda parcel, reasons: sender.postpone(parcel, " ".join(reasons))  # noqa: E731
        for key, reasons in refused.items():
            if key in done:
                sender.take(by_key[key], {"warnings": []})
            else:
                outcome(by_key[key], reasons)


class Upsert(BulkWrite):
    """The payloads go; sending them again updates what the first time made."""

    is_update = True

    def get_items(self, parcels):
        # OVERRIDE
        return [parcel.payload for parcel in parcels]


@dataclass(frozen=True)
class UpdateInvoices(Upsert):
    """What isn't money of the payloads goes; PAYT leaves the rest as it is."""

    def get_items(self, parcels):
        # OVERRIDE
        return [{name: parcel.payload[name] for name in parcel.payload if name not in MONEY} for parcel in parcels]

    def settle_refused(self, sender, client, by_key, refused):
        # EXTENDS: an invoice that PAYT doesn't have any more goes whole the next time
        for key in [key for key, reasons in refused.items() if set(reasons) == NOT_FOUND]:
            by_key[key].record._note_payt_money(None)
            sender.postpone(by_key.pop(key), sender.env._("PAYT doesn't have this invoice."))
            del refused[key]
        return super().settle_refused(sender, client, by_key, refused)


@dataclass(frozen=True)
class UpsertInvoices(Upsert):
    """Invoices go whole, or without their money where PAYT was told before of all that we booked.

    Whole ones have the whole list of payments. So PAYT is asked first what it has on them: what it collected since it
    was read last would be missing in that list, and in what is open.

    :param update: operation that changes only what is given
    """

    update: Operation | None = None

    def send(self, sender, client, parcels):
        # EXTENDS
        told, whole = partition(
            lambda parcel: sender.is_certain(parcel) and parcel.record._is_payt_money_told(parcel.payload), parcels
        )
        if told:
            UpdateInvoices(self.update).send(sender, client, told)
        whole = self._leave_unread(sender, whole)
        return super().send(sender, client, whole) if whole else None

    def settle(self, sender, client, by_key, result):
        # EXTENDS
        settled = super().settle(sender, client, by_key, result)
        for key in result.taken:
            by_key[key].record._note_payt_money(by_key[key].payload)
        return settled

    def _leave_unread(self, sender, parcels):
        """:return: the parcels of which PAYT has no payment that isn't followed yet"""
        known = {parcel.key: parcel.record for parcel in parcels if parcel.record._may_payt_have_collected()}
        if not known:
            return parcels
        sender.backend._read_payments_of(known, unread=[key for key in known if not known[key].payt_invoice_id])
        left, unread = partition(
            lambda parcel: parcel.key not in known or not parcel.record._has_payt_unfollowed_payments(), parcels
        )
        for parcel in unread:
            sender.postpone(parcel, sender.env._("PAYT collected something that is followed first."))
        return left


class ByNumber(BulkWrite):
    """Only the keys go. A revocation that is repeated finds nothing any more, which is as good."""

    def get_items(self, parcels):
        # OVERRIDE
        return [parcel.key for parcel in parcels]


@dataclass(frozen=True)
class Create(Write):
    """Records are made one by one, after looking which ones PAYT has: making one twice is no upsert, and an answer may
    have been lost.

    :param operation: what is asked of PAYT
    :param listing: PAYT's list of such records, which knows our debtor numbers
    :param find: method of the model, as ``_get_payt_debtor_number`` is, by which PAYT is asked. ``(records)`` gives the
        one of PAYT's records, those of the same debtor, that was made for it; ``None``: there is none
    """

    operation: Operation
    listing: str
    find: str

    def send(self, sender, client, parcels):
        """Make those that PAYT doesn't have."""
        for parcel in parcels:
            made = self.find_made(client, parcel)
            if not made:
                try:
                    made = client.write_one(self.operation, parcel.payload)
                except PaytRejected as error:
                    made = self.find_made(client, parcel)
                    if not made:
                        sender.refuse(parcel, [str(error)])
                        continue
            sender.take(parcel, made)

    def find_made(self, client, parcel):
        """PAYT's record that was made for this one, if any."""
        number = parcel.record._get_payt_debtor_number()
        known = client.read_by(self.listing, "debtor_numbers", [number]) if number else []
        return getattr(parcel.record, self.find)(list(known))


@dataclass(frozen=True)
class CreateMandates(Write):
    """As ``Create``, with one look for all of them: their payloads have what it takes to know them.

    :param operation: what is asked of PAYT
    """

    operation: Operation

    def send(self, sender, client, parcels):
        """Make those that PAYT doesn't have."""
        known = self.find_made(client, parcels)
        for parcel in parcels:
            mandate = known.get(parcel.key)
            if not mandate:
                try:
                    mandate = client.write_one(self.operation, parcel.payload)
                except PaytRejected as error:
                    mandate = self.find_made(client, [parcel]).get(parcel.key)
                    if not mandate:
                        sender.refuse(parcel, [str(error)])
                        continue
            sender.take(parcel, mandate)

    def find_made(self, client, parcels):
        """Active mandates of these debtors at PAYT, by reference."""
        numbers = {parcel.payload.get("debtor_code") for parcel in parcels} - {None, "", False}
        return {
            mandate.get("mandate_reference"): mandate
            for mandate in client.read_by("psp_mandates", "debtor_numbers", sorted(numbers))
            if not mandate.get("deactivated_at")
        }


@dataclass(frozen=True)
class Step(Write):
    """A step of records that PAYT has, made once; the key is PAYT's id.

    :param operation: what is asked of PAYT
    :param listing: PAYT's list of such records
    :param is_done: ``(record)`` of PAYT's: whether the step was made
    :param is_gone_fine: a record that PAYT doesn't have any more needs no step
    """

    operation: Operation
    listing: str
    is_done: Callable
    is_gone_fine: bool = False

    def send(self, sender, client, parcels):
        """Move records along, unless they are there already."""
        known = self.read_known(client, parcels)
        for parcel in parcels:
            record = known.get(parcel.key)
            if not record or not self.is_done(record):
                try:
                    record = client.write_one(self.operation, payt_id=parcel.key)
                except PaytRejected as error:
                    record = self.read_known(client, [parcel]).get(parcel.key)
                    is_gone = not record and isinstance(error, PaytNotFound) and self.is_gone_fine
                    if not is_gone and not (record and self.is_done(record)):
                        sender.refuse(parcel, [str(error)])
                        continue
            sender.take(parcel, record or {})

    def read_known(self, client, parcels):
        """These records as PAYT has them, by id."""
        keys = sorted(parcel.key for parcel in parcels)
        return {str(record.get("id")): record for record in client.read_by(self.listing, "ids", keys)}
