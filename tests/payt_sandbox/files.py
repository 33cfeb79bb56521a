"""Documents: announced, uploaded by signed address within four hours, checked by size, type and SHA3-512."""

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import Any

from .clock import parsed, stamp
from .problems import Problem, not_found
from .store import Record
from .world import World


def announce(world: World, body: dict[str, Any]) -> Any:
    """``POST /v1/files``: the files that have to be uploaded, and where to."""
    missing = [
        _upload_address(world, given)
        for given in {given["checksum"]: given for given in body["files"]}.values()
        if not is_there(world, given["checksum"])
    ]
    if world.setting("single_answers") and len(missing) == 1:
        return missing[0]
    return missing


def is_there(world: World, checksum: str | None) -> bool:
    known = world.store.files.by("checksum", checksum)
    return bool(known and known["uploaded_at"])


def upload(world: World, key: str, content_type: str, content: bytes) -> None:
    """``PUT`` of the bytes.

    :raise Problem: 403 for an address that lapsed, 404 for one we never gave, 422 for other bytes than announced
    """
    record = world.store.files.by("_upload_key", key)
    if not record:
        raise not_found("No such upload")
    if parsed(record["expires_at"]) <= world.clock.now():
        raise Problem(403, "forbidden", "The address expired")
    found = (len(content), content_type.partition(";")[0].strip(), sha3(content))
    if found != (record["byte_size"], record["content_type"], record["checksum"]):
        raise Problem(422, "unprocessable_entity", "The file does not match its size, content type or checksum")
    world.store.put_file(record["checksum"], content)
    record["uploaded_at"] = world.clock.stamp()
    world.store.files.touch(record)


def sha3(content: bytes) -> str:
    return base64.b64encode(hashlib.sha3_512(content).digest()).decode()


def _upload_address(world: World, given: Record) -> dict[str, str]:
    record = world.store.files.by("checksum", given["checksum"]) or world.store.files.add(
        {"checksum": given["checksum"], "uploaded_at": None}
    )
    expires = world.clock.now() + timedelta(seconds=world.setting("upload_url_seconds"))
    record.update(
        byte_size=given["byte_size"],
        content_type=given["content_type"],
        expires_at=stamp(expires),
        _upload_key=secrets.token_urlsafe(32),
    )
    world.store.files.touch(record)
    url = f"{world.base_url}/file_storage/{record['_upload_key']}"
    return {"checksum": record["checksum"], "url": url, "expires_at": record["expires_at"]}
