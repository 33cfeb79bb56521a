"""Events told to the bookkeeping, signed as PAYT signs them, and as badly delivered as one asks for."""

import hashlib
import hmac
import json
import random
import threading
import time
import uuid
from typing import Any

import requests

from .store import Record
from .world import World

ATTEMPTS = 10
TIMEOUT_SECONDS = 10
# PAYT's intervals grow over hours; these are for a test to live through
FIRST_INTERVAL_SECONDS = 0.05
MODES: dict[str, Any] = {
    "duplicate": 0.0,  # the chance that a delivery is sent once more
    "drop": 0.0,  # the chance that an event is never told
    "wrong_signature": 0.0,  # the chance that a delivery is signed with another secret
    "shuffle": False,  # the order of what is waiting
    "delay": 0.0,  # seconds before each delivery, at most
    "secret": 0,  # which of the secrets signs
    "seed": 0,
    "manual": False,  # only POST /_sandbox/webhook/flush delivers
}


def event_of(world: World, name: str, resource_type: str, record: Record, extra: dict[str, Any]) -> Record:
    """The event as it is now. Ids are numbers here, and a debtor's number is its ``debtor_code``."""
    debtor = record if resource_type == "debtor" else world.store.debtors.get(record.get("debtor_id")) or {}
    administration = world.administration
    context = {
        "resource_type": resource_type,
        "id": int(record["id"]),
        **_details(world, resource_type, record),
        **extra,
        "administration": {"id": int(administration["id"]), "name": administration["name"], "origin_id": None},
    }
    if debtor:
        context["debtor"] = {
            "id": int(debtor["id"]),
            "name": debtor["name"],
            "company_name": debtor["name"],
            "debtor_code": debtor["debtor_number"],
        }
    event = {"id": str(uuid.uuid4()), "event_name": name, "event_time": world.clock.stamp(), "context": context}
    return {"event": event, "state": "waiting", "attempts": 0, "answers": []}


def _details(world: World, resource_type: str, record: Record) -> dict[str, Any]:
    if resource_type == "invoice":
        return {
            "invoice_number": record["invoice_number"],
            "invoice_date": record["invoice_date"],
            "due_date": record["due_date"],
            "amount_total": record["total_amount"],
            "amount_open": record["open_amount"],
            "currency_code": record["currency_code"],
            "order_number": record.get("order_number"),
        }
    if resource_type == "credit_case":
        invoices = (world.store.invoices.get(number) for number in record["_invoice_ids"])
        return {
            "credit_case_number": record["credit_case_number"],
            "interest": record["interest_costs"],
            "collection_costs": record["debt_collection_costs"],
            "open_interest_and_collection_costs": record["open_interest_and_collection_costs"],
            "link": f"{world.base_url}/#credit_cases-{record['id']}",
            "public_link": f"{world.base_url}/#credit_cases-{record['id']}",
            "invoices": [{"id": int(i["id"]), "invoice_number": i["invoice_number"]} for i in invoices if i],
        }
    return {}


class Postman:
    """Delivers events in a thread of its own; ``flush`` does it while you wait."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stop = threading.Event()
        self._delivering = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sandbox webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS + 1)

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if not self._mode()["manual"]:
                self.flush()

    def flush(self) -> dict[str, int]:
        """Deliver all that is waiting, each with its attempts. Returns how each ended, counted."""
        counts: dict[str, int] = {}
        with self._delivering:
            hook, mode = self._world.webhook, self._mode()
            if not hook["enabled"] or not hook["url"]:
                return counts
            chance = random.Random(f"{mode['seed']}/{len(self._world.store.events)}")
            with self._world.lock:
                waiting = [event for event in self._world.store.events if event["state"] == "waiting"]
            if mode["shuffle"]:
                chance.shuffle(waiting)
            for event in waiting:
                if self._stop.is_set() or not hook["enabled"]:
                    break
                state = self._deliver(hook, mode, event, chance)
                counts[state] = counts.get(state, 0) + 1
        return counts

    def _mode(self) -> dict[str, Any]:
        return MODES | self._world.webhook["mode"]

    def _deliver(self, hook: Record, mode: dict[str, Any], event: Record, chance: random.Random) -> str:
        if chance.random() < mode["drop"]:
            return self._note(event, "dropped")
        state = self._try(hook, mode, event, chance)
        if state == "delivered" and chance.random() < mode["duplicate"]:
            self._send(hook, mode, event, wrong=False)
        return state

    def _try(self, hook: Record, mode: dict[str, Any], event: Record, chance: random.Random) -> str:
        """Up to ten attempts; after the last PAYT switches the webhook off."""
        for attempt in range(ATTEMPTS):
            if mode["delay"]:
                time.sleep(chance.random() * mode["delay"])
            wrong = chance.random() < mode["wrong_signature"]
            status = self._send(hook, mode, event, wrong)
            event["attempts"] += 1
            event["answers"].append(status)
            if status == 200:  # only 200, not 201 or 204
                return self._note(event, "delivered")
            if self._stop.wait(FIRST_INTERVAL_SECONDS * 2 ** min(attempt, 5)):
                return "waiting"
        hook["enabled"] = False
        self._world.save_webhook()
        return self._note(event, "failed")

    def _send(self, hook: Record, mode: dict[str, Any], event: Record, wrong: bool) -> int:
        body = json.dumps({"event": event["event"]}).encode()
        secrets = hook["secrets"] or [""]
        secret = "somebody else's" if wrong else secrets[mode["secret"] % len(secrets)]
        headers = {
            "Content-Type": "application/json",
            "X-PAYT-DELIVERY": str(uuid.uuid4()),
            "X-PAYT-ADMINISTRATION-IDENTIFIER": self._world.administration["id"],
            "X-PAYT-SIGNATURE": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }
        try:
            answer = requests.post(
                hook["url"], data=body, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.RequestException:
            return 0
        return answer.status_code

    def _note(self, event: Record, state: str) -> str:
        with self._world.lock:
            event["state"] = state
            self._world.store.events.save(event)
            self._world.store.commit()
        return state
