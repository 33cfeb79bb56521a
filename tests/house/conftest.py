"""The rules of the house are read off the source: no database is opened for them."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def load_registry() -> None:
    """Instead of pytest-odoo's."""


@pytest.fixture(scope="session", autouse=True)
def load_http() -> None:
    """Instead of pytest-odoo's."""
