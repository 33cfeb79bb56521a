"""The sandbox inside a test's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import play
from .server import SandboxServer
from .tokens import CLIENT_ID, CLIENT_SECRET, STATIC_TOKEN, ensure_static_token
from .world import World


class Sandbox:
    """A running sandbox, reached both over HTTP (``url``) and directly, which is quicker to write in a test."""

    client_id = CLIENT_ID
    client_secret = CLIENT_SECRET
    token = STATIC_TOKEN

    def __init__(self, path: Path | None = None, host: str = "127.0.0.1", port: int = 0) -> None:
        self.world = World(path)
        self.server = SandboxServer((host, port), self.world)
        ensure_static_token(self.world)
        self.world.store.commit()
        self.faults = self.server.faults
        self.traffic = self.server.traffic
        self.clock = self.world.clock
        # looking for the end more often than each half second makes a test of 50 sandboxes 20 seconds shorter
        self._thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, name="sandbox", daemon=True
        )

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def administration_id(self) -> str:
        return self.world.administration["id"]

    def start(self) -> None:
        self._thread.start()
        self.server.postman.start()

    def stop(self) -> None:
        self.server.postman.stop()
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()
        with self.world.lock:
            self.world.store.close()

    def check_contract(self) -> None:
        """:raise AssertionError: when a request or an answer of ours wasn't as ``openapi.json`` has it"""
        broken = [*self.traffic.ever_broken, *self.traffic.answers_broken]
        assert not broken, f"PAYT's contract was broken: {broken}"

    def fail(self, kind: str, **options: Any) -> None:
        """Order a failure (``faults.KINDS``)."""
        self.faults.add(kind=kind, **options)

    def play(self, do: str, **options: Any) -> Any:
        """Let PAYT, the debtor or the bank do something (``play.ACTIONS``)."""
        with self.world.lock:
            result = play.perform(self.world, {"do": do, **options})
            self.world.store.commit()
        return result

    def state(self) -> dict[str, list[dict[str, Any]]]:
        """Every record, as ``GET /_sandbox/state`` has it."""
        with self.world.lock:
            return self.server.control.state({})


@contextmanager
def running_sandbox(
    path: Path | None = None, *, may_break_contract: bool = False, **settings: Any
) -> Iterator[Sandbox]:
    """A sandbox for as long as the block lasts, on a free port.

    :param path: where to keep its state; None: nowhere
    :param may_break_contract: the test breaks it on purpose
    :param settings: as in ``world.DEFAULT_SETTINGS``
    :raise AssertionError: when a request broke PAYT's contract, whichever test this is
    """
    sandbox = Sandbox(path)
    for name, value in settings.items():
        sandbox.world.set(name, value)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()
    if not may_break_contract:
        sandbox.check_contract()
