"""How records are sent: many in a request, or one by one.

A write has ``send(sender, client, parcels)``, which tells the ``OutboxSender`` what became of each parcel, also when an
error ends it halfway.
"""

from dataclasses import dataclass

from ..payt_api import BulkResult, PaytError, PaytRejected
from ..payt_api.operations import Operation

NOT_FOUND = {"not_found"}


@dataclass(frozen=True)
class BulkWrite:
    """Many records in a request; PAYT answers by our key.

    :param operation: what is asked of PAYT
    :param is_unknown_fine: a record that PAYT doesn't know counts as taken
    """

    operation: Operation
    is_unknown_fine: bool = False

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
                self.settle(sender, by_key, error.partial)
            raise
        self.settle(sender, by_key, result)
        if result.remarks:
            sender.backend.remark = " ".join(result.remarks)[:500]

    def settle(self, sender, by_key, result):
        """Tell what became of the records, by key."""
        for key in result.taken:
            sender.take(by_key[key], {"warnings": result.warnings.get(key, [])})
        for key, reasons in result.refused.items():
            if self.is_unknown_fine and set(reasons) == NOT_FOUND:
                sender.take(by_key[key], {"not_found": True})
            else:
                sender.refuse(by_key[key], reasons)
        for key in result.unconfirmed:
            sender.postpone(by_key[key], sender.env._("PAYT didn't confirm this record."))


class Upsert(BulkWrite):
    """The payloads go; sending them again updates what the first time made."""

    def get_items(self, parcels):
        # OVERRIDE
        return [parcel.payload for parcel in parcels]


class ByNumber(BulkWrite):
    """Only the keys go. A revocation that is repeated finds nothing any more, which is as good."""

    def get_items(self, parcels):
        # OVERRIDE
        return [parcel.key for parcel in parcels]


@dataclass(frozen=True)
class Create:
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
            number = parcel.record._get_payt_debtor_number()
            known = client.read_by(self.listing, "debtor_numbers", [number]) if number else []
            made = getattr(parcel.record, self.find)(list(known))
            if not made:
                try:
                    made = client.write_one(self.operation, parcel.payload)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, made)


@dataclass(frozen=True)
class CreateMandates:
    """As ``Create``, with one look for all of them: their payloads have what it takes to know them.

    :param operation: what is asked of PAYT
    """

    operation: Operation

    def send(self, sender, client, parcels):
        """Make those that PAYT doesn't have."""
        numbers = {parcel.payload.get("debtor_code") for parcel in parcels} - {None, "", False}
        known = {
            mandate.get("mandate_reference"): mandate
            for mandate in client.read_by("psp_mandates", "debtor_numbers", sorted(numbers))
            if not mandate.get("deactivated_at")
        }
        for parcel in parcels:
            mandate = known.get(parcel.key)
            if not mandate:
                try:
                    mandate = client.write_one(self.operation, parcel.payload)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, mandate)


@dataclass(frozen=True)
class Step:
    """A step of records that PAYT has, made once; the key is PAYT's id.

    :param operation: what is asked of PAYT
    :param listing: PAYT's list of such records
    :param done: field of PAYT's record that says that it was made
    """

    operation: Operation
    listing: str
    done: str

    def send(self, sender, client, parcels):
        """Move records along, unless they are there already."""
        keys = sorted(parcel.key for parcel in parcels)
        known = {str(record.get("id")): record for record in client.read_by(self.listing, "ids", keys)}
        for parcel in parcels:
            record = known.get(parcel.key) or {}
            if not record.get(self.done):
                try:
                    record = client.write_one(self.operation, payt_id=parcel.key)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, record)
