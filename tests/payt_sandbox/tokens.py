"""Bearer tokens and OAuth: expiry, rotation, revocation, scopes."""

import base64
import binascii
import hmac
import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode

from .clock import parsed, stamp
from .problems import Problem, forbidden, unauthenticated
from .store import Record
from .world import World

ALL_SCOPES = [
    f"{resource}:{right}"
    for resource in (
        *("administrations", "companies", "contacts", "credit_cases", "debtors", "files", "invoices", "messages"),
        *("notes", "notifications", "order_lines", "orders", "payment_conditions", "payment_plans", "payments"),
        *("psp_mandates", "psp_transactions", "tasks", "vat_rates"),
    )
    for right in ("read", "write")
]
CLIENT_ID = "sandbox-client"
CLIENT_SECRET = "sandbox-client-secret"
STATIC_TOKEN = "sandbox-static-token"
CODE_SECONDS = 600


class OAuthProblem(Problem):
    """An answer of the token endpoint, in OAuth's shape (RFC 6749, 5.2)."""


def ensure_static_token(world: World) -> None:
    """The token that never lapses, for demos and most tests."""
    if not world.store.tokens.by("access_token", STATIC_TOKEN):
        world.store.tokens.add({"access_token": STATIC_TOKEN, "scopes": ALL_SCOPES, "expires_at": None})


def check_bearer(world: World, header: str | None, scope: str) -> Record:
    """The token of a request.

    :raise Problem: 401 without a good token, 403 without the permission
    """
    kind, _, value = (header or "").partition(" ")
    token = world.store.tokens.by("access_token", value) if kind == "Bearer" and value else None
    if not token or token.get("_revoked"):
        raise unauthenticated("The access token is invalid")
    if token["expires_at"] and parsed(token["expires_at"]) <= world.clock.now():
        raise unauthenticated("The access token expired")
    if scope not in token["scopes"]:
        raise forbidden(f"Missing permission: {scope}")
    return token


def token_endpoint(world: World, authorization: str | None, body: bytes) -> dict[str, Any]:
    """``POST /oauth/token``."""
    _check_client(authorization)
    try:
        grant = json.loads(body)
        kind = grant["grant_type"]
    except (ValueError, KeyError, TypeError):
        raise OAuthProblem(400, "invalid_request", "The request is missing a required parameter") from None
    if kind == "client_credentials":
        return hand_out(world, ALL_SCOPES, refreshable=False)
    if kind == "authorization_code":
        return _exchange(world, grant)
    if kind == "refresh_token":
        return _rotate(world, grant)
    raise OAuthProblem(400, "unsupported_grant_type", "The grant type is not supported")


def authorize_endpoint(world: World, query: str) -> str:
    """``GET /oauth/authorize``: the person always agrees. Returns where they are sent back to."""
    asked = dict(parse_qsl(query))
    if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code" or not asked.get("redirect_uri"):
        raise OAuthProblem(400, "invalid_request", "The request is missing a required parameter or is not ours")
    scopes = asked.get("scope", "").split() or ALL_SCOPES
    code = secrets.token_urlsafe(24)
    expires_at = stamp(world.clock.now() + timedelta(seconds=CODE_SECONDS))
    world.store.tokens.add(
        {"code": code, "scopes": scopes, "expires_at": expires_at, "redirect_uri": asked["redirect_uri"]}
    )
    answer = {"code": code, **({"state": asked["state"]} if "state" in asked else {})}
    return f"{asked['redirect_uri']}?{urlencode(answer)}"


def expire_all(world: World, refresh_too: bool = False) -> None:
    """Let every token that can lapse do so."""
    past = stamp(world.clock.now() - timedelta(seconds=1))
    for token in world.store.tokens:
        if token["expires_at"]:
            token["expires_at"] = past
            if refresh_too:
                token["refresh_expires_at"] = past
            world.store.tokens.save(token)


def _check_client(authorization: str | None) -> None:
    kind, _, value = (authorization or "").partition(" ")
    try:
        given = base64.b64decode(value, validate=True).decode() if kind == "Basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        given = ""
    if not hmac.compare_digest(given.encode(), f"{CLIENT_ID}:{CLIENT_SECRET}".encode()):
        raise OAuthProblem(401, "invalid_client", "Client authentication failed")


def hand_out(world: World, scopes: list[str], refreshable: bool) -> dict[str, Any]:
    now = world.clock.now()
    lifetime = world.setting("access_token_seconds") if refreshable else None
    token: Record = {
        "access_token": secrets.token_urlsafe(32),
        "scopes": scopes,
        "expires_at": stamp(now + timedelta(seconds=lifetime)) if refreshable else None,
    }
    answer = {"token_type": "Bearer", "scope": " ".join(scopes), "created_at": int(now.timestamp())}
    if refreshable:
        token["refresh_token"] = secrets.token_urlsafe(32)
        token["refresh_expires_at"] = stamp(now + timedelta(seconds=world.setting("refresh_token_seconds")))
        answer |= {"refresh_token": token["refresh_token"], "expires_in": lifetime}
    world.store.tokens.add(token)
    return {"access_token": token["access_token"], **answer}


def _exchange(world: World, grant: dict[str, Any]) -> dict[str, Any]:
    code = world.store.tokens.by("code", grant.get("code"))
    if not code or parsed(code["expires_at"]) <= world.clock.now() or code["redirect_uri"] != grant.get("redirect_uri"):
        raise OAuthProblem(400, "invalid_grant", "The authorization code is invalid, expired or used")
    world.store.tokens.remove(code)
    return hand_out(world, code["scopes"], refreshable=True)


def _rotate(world: World, grant: dict[str, Any]) -> dict[str, Any]:
    old = world.store.tokens.by("refresh_token", grant.get("refresh_token"))
    if not old or old.get("_revoked") or parsed(old["refresh_expires_at"]) <= world.clock.now():
        raise OAuthProblem(400, "invalid_grant", "The refresh token is invalid, expired or used")
    old["_revoked"] = True
    world.store.tokens.save(old)
    return hand_out(world, old["scopes"], refreshable=True)
