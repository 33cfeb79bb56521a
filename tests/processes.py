"""Real Odoo processes on a database of their own, for tests of what only shows between processes."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

from billing_env import databases, odoo_config, postgres
from billing_env.paths import INSIDE_ODOO, VENV_PYTHON

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).parent / "scripts"


@contextmanager
def sample_database(purpose):
    """A database with the add-ons and ``data/`` loaded, nothing billed yet.

    :return: the Cluster and the database's name
    """
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        with databases.temporary_copy(cluster, os.environ["BFOCUSED_TEST_TEMPLATE"], purpose) as name:
            run_script(cluster, name, "load_sample.py")
            yield cluster, name


def start(cluster, *command):
    """Start a Python program in Odoo's environment, in which it can import ``session``."""
    env = {**os.environ, **odoo_config.environment(cluster.server), "BFOCUSED_DATA": str(CHECKOUT / "data")}
    env["PYTHONPATH"] = str(INSIDE_ODOO)
    return subprocess.Popen(
        [VENV_PYTHON, *command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def check(process):
    """Wait for a process and see that it ended well.

    :return: what it wrote to standard error
    """
    _out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err[-3000:]
    return err


def run_script(cluster, database, name, *arguments):
    """Run one of ``scripts/`` with ``env``, to its end."""
    return check(start(cluster, INSIDE_ODOO / "run_script.py", database, SCRIPTS / name, *arguments))


def run_odoo(cluster, *arguments):
    """Run Odoo's own command line, to its end."""
    return check(start(cluster, "-m", "odoo", *arguments))
