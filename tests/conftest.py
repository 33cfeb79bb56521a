"""What the tests that start processes share is given up after the last one."""

import pytest

from tests import processes


@pytest.fixture(scope="session", autouse=True)
def shared_by_processes():
    yield
    processes.kept.close()
