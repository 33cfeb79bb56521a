"""The embedded PAYT: ``tests/payt_sandbox`` as a process beside Odoo; one per database, its state in ``.cache``."""

import json
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import databases, processes
from .errors import BillingEnvError
from .paths import CACHE, CHECKOUT, VENV_PYTHON

STATES = CACHE / "payt"
PREFERRED_PORT = 8070
# the connection of a database that is to a sandbox of ours, not to one of PAYT's own environments
CONNECTION = "environment = 'other' AND base_url LIKE 'http://127.0.0.1:%'"


@contextmanager
def fresh(database: str) -> Iterator[dict[str, Any]]:
    """An empty sandbox; once the block ended well it is the database's own.

    :return: its ``url``, ``administration_id`` and ``token``.
    """
    STATES.mkdir(parents=True, exist_ok=True)
    state = _state_file(database)
    building = state.with_suffix(".new")
    building.unlink(missing_ok=True)
    with _running(building, PREFERRED_PORT) as ready:
        yield ready
    building.replace(state)


@contextmanager
def beside(cluster: databases.Cluster, database: str, odoo_port: int) -> Iterator[str | None]:
    """The sandbox of a database, where it has one, for as long as the block lasts; it tells Odoo what happens there.

    :param odoo_port: where Odoo listens, or is about to.
    :return: the address of its page.
    """
    known = _get_known_address(cluster, database)
    if not known:
        yield None
        return
    with _running(_state_file(database), urlsplit(known).port or 0) as ready:
        if ready["url"] != known:
            url = databases.quoted(ready["url"])
            cluster.sql(f"UPDATE payt_backend SET base_url = {url} WHERE {CONNECTION}", database=database)
        found = cluster.sql(
            f"SELECT webhook_key, webhook_secret FROM payt_backend WHERE {CONNECTION}", database=database
        )
        for key, secret in found:
            threading.Thread(target=_announce, args=(ready["url"], odoo_port, key, secret), daemon=True).start()
        yield ready["url"]


def _announce(sandbox: str, odoo_port: int, key: str, secret: str) -> None:
    """Give the sandbox Odoo's webhook once Odoo listens: a webhook that fails ten times is switched off."""
    while True:
        time.sleep(1)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", odoo_port)) == 0:
                break
    hook = {"url": f"http://127.0.0.1:{odoo_port}/payt/webhook/{key}", "secrets": [secret], "enabled": True}
    request = urllib.request.Request(
        f"{sandbox}/_sandbox/webhook", json.dumps(hook).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=10).close()


def _state_file(database: str) -> Path:
    return STATES / f"{database}.sqlite"


def _get_known_address(cluster: databases.Cluster, database: str) -> str | None:
    """The address at which the database looks for its sandbox."""
    if not _state_file(database).exists():
        return None
    [[installed]] = cluster.sql("SELECT count(*) FROM pg_class WHERE relname = 'payt_backend'", database=database)
    if installed == "0":
        return None
    found = cluster.sql(f"SELECT base_url FROM payt_backend WHERE {CONNECTION} LIMIT 1", database=database)
    return found[0][0] if found else None


@contextmanager
def _running(state: Path, port: int) -> Iterator[dict[str, Any]]:
    """The sandbox as a process, on this port or on a free one where something else listens there."""
    command = [VENV_PYTHON, "-m", "tests.payt_sandbox", "--port", str(_usable(port)), "--state", state]
    process = processes.start_in_background(command, cwd=CHECKOUT)
    try:
        line = process.stdout.readline()
        if not line:
            raise BillingEnvError("the PAYT sandbox did not start, see above.")
        yield json.loads(line)
    finally:
        processes.stop(process)


def _usable(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return 0
    return port
