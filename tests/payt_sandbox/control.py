"""``/_sandbox/…``: what a test or a demo tells the sandbox. No token, no limit; JSON in, JSON out. See README.md."""

import json
from collections.abc import Callable
from typing import Any

from . import play, tokens
from .clock import parsed
from .faults import KINDS, Faults
from .problems import Problem, invalid, not_found
from .traffic import Traffic
from .webhooks import MODES, Postman
from .world import DEFAULT_SETTINGS, World

DUMPED = (
    *("administrations", "vat_rates", "contacts", "debtors", "files", "invoices", "payments"),
    *("credit_cases", "payment_plans", "psp_mandates", "psp_transactions", "messages", "notes", "notifications"),
    "deleted",
)
SECRET_NAMES = {"_upload_key"}


class Control:
    """The sandbox' strings."""

    def __init__(self, world: World, faults: Faults, traffic: Traffic, postman: Postman) -> None:
        self._world = world
        self._faults = faults
        self._traffic = traffic
        self._postman = postman
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "state"): self.state,
            ("POST", "play"): lambda body: play.perform(world, body),
            ("GET", "faults"): lambda body: {"waiting": faults.as_json(), "happened": faults.happened, "kinds": KINDS},
            ("POST", "faults"): self.add_fault,
            ("DELETE", "faults"): lambda body: faults.clear(),
            ("GET", "traffic"): lambda body: traffic.as_json(),
            ("DELETE", "traffic"): lambda body: traffic.reset(),
            ("GET", "clock"): lambda body: {"now": world.clock.stamp()},
            ("POST", "clock"): self.set_clock,
            ("GET", "settings"): lambda body: {name: world.setting(name) for name in DEFAULT_SETTINGS},
            ("POST", "settings"): self.set_settings,
            ("GET", "webhook"): lambda body: world.webhook | {"events": self._events()},
            ("POST", "webhook"): self.set_webhook,
            ("POST", "tokens"): self.make_token,
            ("POST", "tokens/expire"): lambda body: tokens.expire_all(world, body.get("refresh_too", False)),
            ("POST", "tokens/revoke"): self.revoke_token,
        }

    def answer(self, method: str, path: str, content: bytes) -> Any:
        """:raise Problem: 404 for an unknown path, 422 for a body that isn't right"""
        try:
            body = json.loads(content or b"{}")
        except ValueError:
            raise invalid("The body is not JSON") from None
        if (method, path) == ("POST", "webhook/flush"):
            return self._postman.flush()  # not under the lock: it waits for the other side
        route = self._routes.get((method, path))
        if not route:
            raise not_found(f"{method} /_sandbox/{path} is nothing")
        with self._world.lock:
            try:
                result = route(body)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise invalid(f"{type(error).__name__}: {error}") from None
            self._world.store.commit()
        return {"ok": True} if result is None else result

    # === STATE

    def state(self, body: dict[str, Any]) -> dict[str, Any]:
        """Every record, with the sandbox' own names too (they begin with ``_``), but no secret."""
        return {
            name: [
                {key: value for key, value in record.items() if key not in SECRET_NAMES}
                for record in getattr(self._world.store, name)
            ]
            for name in DUMPED
        }

    def _events(self) -> list[dict[str, Any]]:
        return [
            {"id": e["event"]["id"], "name": e["event"]["event_name"], "state": e["state"], "answers": e["answers"]}
            for e in self._world.store.events
        ]

    # === ORDERS

    def add_fault(self, body: dict[str, Any]) -> None:
        self._faults.add(**body)

    def set_clock(self, body: dict[str, Any]) -> dict[str, str]:
        if "advance" in body:
            self._world.clock.advance(float(body["advance"]))
        else:
            self._world.clock.set(parsed(body["now"]), frozen=body.get("frozen", False))
        return {"now": self._world.clock.stamp()}

    def set_settings(self, body: dict[str, Any]) -> None:
        for name, value in body.items():
            self._world.set(name, value)

    def set_webhook(self, body: dict[str, Any]) -> None:
        unknown = body.keys() - {"url", "secrets", "enabled", "mode"} or body.get("mode", {}).keys() - MODES.keys()
        if unknown:
            raise invalid(f"Unknown: {', '.join(sorted(unknown))}")
        self._world.webhook.update({"enabled": True, **body})
        self._world.save_webhook()

    def make_token(self, body: dict[str, Any]) -> dict[str, Any]:
        """A token with these scopes (all, without), and a refresh token unless it is static."""
        scopes = body.get("scopes", tokens.ALL_SCOPES)
        unknown = set(scopes) - set(tokens.ALL_SCOPES)
        if unknown:
            raise Problem(422, "unprocessable_entity", f"Unknown scopes: {', '.join(sorted(unknown))}")
        return tokens.hand_out(self._world, scopes, refreshable=not body.get("static", False))

    def revoke_token(self, body: dict[str, Any]) -> None:
        token = self._world.store.tokens.by("access_token", body["access_token"])
        if not token:
            raise not_found("No such token")
        token["_revoked"] = True
        self._world.store.tokens.save(token)
