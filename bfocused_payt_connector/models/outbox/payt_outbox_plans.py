from odoo import models

from ...const import PLAN_STEPS
from ...payt_api import PaytRejected


class PaytOutbox(models.Model):
    """Payment plans: making one is no upsert and its steps are made once, so PAYT is read before each of them."""

    _inherit = "payt.outbox"

    def _send(self, client, backend, resource, parcels):
        # EXTENDS 'bfocused_payt_connector'
        if resource == "payment_plan":
            return self._send_plans(client, backend, parcels)
        if resource in PLAN_STEPS:
            return self._send_plan_steps(client, backend, resource, parcels)
        return super()._send(client, backend, resource, parcels)

    def _send_plans(self, client, backend, parcels):
        """Make plans one by one, after looking which ones PAYT has: an answer may have been lost."""
        for parcel in parcels:
            number = parcel.record._get_payt_debtor_number()
            known = client.read_by("payment_plans", "debtor_numbers", [number]) if number else []
            plan = parcel.record._find_payt_plan(list(known))
            if not plan:
                try:
                    plan = client.create_payment_plan(parcel.payload)
                except PaytRejected as error:
                    self._refuse(backend, "payment_plan", parcel, [str(error)])
                    continue
            self._take(backend, "payment_plan", parcel, plan)

    def _send_plan_steps(self, client, backend, resource, parcels):
        """Move plans along, unless they are there already."""
        method, moment = PLAN_STEPS[resource]
        keys = sorted(parcel.key for parcel in parcels)
        known = {str(plan.get("id")): plan for plan in client.read_by("payment_plans", "ids", keys)}
        for parcel in parcels:
            plan = known.get(parcel.key) or {}
            if not plan.get(moment):
                try:
                    plan = getattr(client, method)(parcel.key)
                except PaytRejected as error:
                    self._refuse(backend, resource, parcel, [str(error)])
                    continue
            self._take(backend, resource, parcel, plan)
