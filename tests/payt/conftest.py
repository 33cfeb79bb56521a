"""A sandbox per test, and a client for it that doesn't wait."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from payt_api import Backoff, LocalThrottle, PaytAuth, PaytClient

from tests.payt_sandbox import Sandbox, running_sandbox

# These tests have nothing to do with Odoo: no database is opened for them.


@pytest.fixture(scope="session", autouse=True)
def load_registry() -> None:
    """Instead of pytest-odoo's."""


@pytest.fixture(scope="session", autouse=True)
def load_http() -> None:
    """Instead of pytest-odoo's."""


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    """An empty PAYT without a limit of requests; the test fails when a request or an answer breaks its contract.

    A test that sends what the contract refuses is marked ``breaks_contract``.
    """
    on_purpose = request.node.get_closest_marker("breaks_contract") is not None
    with running_sandbox(requests_per_second=100_000, may_break_contract=on_purpose) as running:
        yield running
        assert running.traffic.answers_broken == []


@pytest.fixture
def make_client(sandbox) -> Iterator[Callable[..., PaytClient]]:
    """Clients of the sandbox: the pauses of the throttle and the back-off are left out, not the tries."""
    made = []

    def make(**options: Any) -> PaytClient:
        values = {
            "auth": PaytAuth(lambda: sandbox.token),
            "administration_id": sandbox.administration_id,
            "throttle": LocalThrottle(interval=0, sleep=lambda seconds: None),
            "backoff": Backoff(attempts=3),
            "sleep": lambda seconds: None,
        }
        made.append(PaytClient(sandbox.url, **{**values, **options}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client) -> PaytClient:
    return make_client()
