"""What all tests share: a database of the worker's own, hypothesis without chance, and the order of two workers."""

import os
import threading

import freezegun
import pytest
from billing_env import databases, postgres
from hypothesis import HealthCheck, settings

from tests import garbage

# The same examples in every run, and no deadline: a shared machine is slow now and then, which is no failure.
settings.register_profile(
    "fixed", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
)
# For finding new examples by hand: HYPOTHESIS_PROFILE=search bin/test ...
settings.register_profile("search", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

# pytest measures tests with the clock that a test has stopped: without this, --durations tells of years
freezegun.configure(extend_ignore_list=["_pytest.timing", "_pytest.runner"])

# With two workers these begin first, the slowest at the top, so that both end at the same time.
SLOWEST = (
    "tests/test_lifecycle.py",
    "tests/test_struck_down.py",
    "tests/test_payt_back_struck_down.py",
    "bfocused_payt_connector/tests/test_play.py",
    "tests/test_two_processes.py",
    "bfocused_billing/tests/test_year.py",
    "tests/test_payt_struck_down.py",
    "bfocused_billing/tests/test_broken_customers.py",
    "tests/test_payt_processes.py",
    "bfocused_billing/tests/test_bulk_equality.py",
    "tests/test_payt_failures.py",
    "tests/test_payt_log.py",
    "tests/test_payt_webhooks_together.py",
)


@pytest.fixture(scope="session", autouse=True)
def load_registry():
    """Instead of pytest-odoo's: with ``-n`` its workers share one folder of files, of which each collects as garbage
    what the others have not committed yet. Here each has a copy of the template with files of its own."""
    import odoo  # noqa: PLC0415  tests of payt_api do without
    import odoo.modules.registry  # noqa: PLC0415

    threading.current_thread().testing = True
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        with databases.temporary_copy(cluster, os.environ["BFOCUSED_TEST_TEMPLATE"], "test") as name:
            odoo.tools.config["db_name"] = [name]
            odoo.tools.config["dbfilter"] = f"^{name}$"
            os.environ["BFOCUSED_TEST_DB"] = name  # for tests that start processes
            odoo.modules.registry.Registry(name)
            garbage.collect_seldom()
            yield
            odoo.sql_db.close_db(name)


def pytest_collection_modifyitems(items):
    """Put the slowest files first; within each the order stays."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        places = {name: place for place, name in enumerate(SLOWEST)}
        items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))
