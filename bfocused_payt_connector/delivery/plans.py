"""Payment plans: making one is no upsert and its steps are made once, so PAYT is read before each of them."""

from collections.abc import Callable
from dataclasses import dataclass

from ..payt_api import PaytRejected


class NewPlans:
    """Plans are made one by one, after looking which ones PAYT has: an answer may have been lost."""

    def send(self, sender, client, parcels):
        """Make those that PAYT doesn't have."""
        for parcel in parcels:
            number = parcel.record._get_payt_debtor_number()
            known = client.read_by("payment_plans", "debtor_numbers", [number]) if number else []
            plan = parcel.record._find_payt_plan(list(known))
            if not plan:
                try:
                    plan = client.create_payment_plan(parcel.payload)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, plan)


@dataclass(frozen=True)
class PlanStep:
    """A step of plans that PAYT has.

    :param operation: method of the client that makes it
    :param done: field of PAYT's plan that says that it was made
    """

    operation: Callable
    done: str

    def send(self, sender, client, parcels):
        """Move plans along, unless they are there already."""
        keys = sorted(parcel.key for parcel in parcels)
        known = {str(plan.get("id")): plan for plan in client.read_by("payment_plans", "ids", keys)}
        for parcel in parcels:
            plan = known.get(parcel.key) or {}
            if not plan.get(self.done):
                try:
                    plan = self.operation(client, parcel.key)
                except PaytRejected as error:
                    sender.refuse(parcel, [str(error)])
                    continue
            sender.take(parcel, plan)
