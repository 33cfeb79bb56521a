"""What all tests share: hypothesis without chance, and the names of a worker's own database."""

import os

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, and no deadline: a shared machine is slow now and then, which is no failure.
settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
# For finding new examples by hand: HYPOTHESIS_PROFILE=search bin/test ...
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.fixture(scope="session", autouse=True)
def worker_database(load_registry):
    """With ``-n`` each pytest worker has its own copy of the test database: name it to tests that start processes."""
    from odoo.tests.common import get_db_name

    os.environ["BFOCUSED_TEST_DB"] = get_db_name()
