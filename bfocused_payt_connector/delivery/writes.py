"""How records are sent: many in a request, or one by one.

A write has ``send(sender, client, parcels)``, which tells the ``OutboxSender`` what became of each parcel, also when an
error ends it halfway.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ..payt_api import BulkResult, PaytError, PaytRejected

NOT_FOUND = {"not_found"}


@dataclass(frozen=True)
class BulkWrite:
    """Many records in a request; PAYT answers by our key.

    :param operation: method of the client
    :param is_unknown_fine: a record that PAYT doesn't know counts as taken
    """

    operation: Callable
    is_unknown_fine: bool = False

    def get_records(self, parcels):
        """What the client's method gets."""
        raise NotImplementedError

    def send(self, sender, client, parcels):
        """Send them; what PAYT took before an error is written down before it is raised."""
        by_key = {parcel.key: parcel for parcel in parcels}
        try:
            result = self.operation(client, self.get_records(parcels))
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

    def get_records(self, parcels):
        # OVERRIDE
        return [parcel.payload for parcel in parcels]


class ByNumber(BulkWrite):
    """Only the keys go. A revocation that is repeated finds nothing any more, which is as good."""

    def get_records(self, parcels):
        # OVERRIDE
        return [parcel.key for parcel in parcels]


class NewMandates:
    """Mandates are made one by one, after looking which ones PAYT has: making one twice is no upsert."""

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
                    mandate = client.create_psp_mandate(parcel.payload)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, mandate)
