"""Real Odoo processes on a database of their own, for tests of what only shows between processes.

They are forked from a server that has Odoo loaded, as starting Odoo takes some seconds each time; each has its own
connections, and can be killed without harm to the others. ``start_anew`` starts from nothing.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cache
from multiprocessing import forkserver
from pathlib import Path

from billing_env import databases, odoo_config, postgres
from billing_env.paths import INSIDE_ODOO, VENV_PYTHON

CHECKOUT = Path(__file__).resolve().parents[1]
SCRIPTS = Path(__file__).parent / "scripts"
RUN_SCRIPT = INSIDE_ODOO / "run_script.py"

kept = ExitStack()  # what tests share; ``conftest`` closes it after the last one


@contextmanager
def database(purpose):
    """A database with the add-ons and nothing else.

    :return: the Cluster and the database's name
    """
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        with databases.temporary_copy(cluster, os.environ["BFOCUSED_TEST_TEMPLATE"], purpose) as name:
            yield cluster, name


@contextmanager
def sample_database(purpose):
    """A database with the add-ons and ``data/`` loaded, nothing billed yet.

    :return: the Cluster and the database's name
    """
    cluster, loaded = _load_sample()
    with databases.temporary_copy(cluster, loaded, purpose) as name:
        yield cluster, name


@cache
def _load_sample():
    """Load the sample data once for all tests of this process."""
    cluster, name = kept.enter_context(database("sample"))
    run_script(cluster, name, "load_sample.py")
    return cluster, name


# === PROCESSES


class ForkedProcess:
    """A process of the fork server, with what tests use of ``subprocess.Popen``."""

    def __init__(self, environment, script, database, arguments):
        self._server = multiprocessing.get_context("forkserver")
        forkserver.set_forkserver_preload(["tests.loaded_odoo"])
        handle, self._told = tempfile.mkstemp(prefix="bfb-told-")
        os.close(handle)
        arguments = (environment, self._told, str(script), database, list(map(str, arguments)))
        self._process = self._server.Process(target=_run_forked, args=arguments, daemon=True)
        self._process.start()

    @property
    def returncode(self):
        return self._process.exitcode

    poll = returncode.fget

    def kill(self):
        self._process.kill()

    def communicate(self, timeout=None):
        """Wait for its end.

        :return: nothing, and what it wrote to standard error
        """
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._told, timeout)
        told = Path(self._told)
        text = told.read_text(errors="replace") if told.exists() else ""
        told.unlink(missing_ok=True)
        return "", text


def _run_forked(*arguments):
    """In the child: what it was forked from says nothing when an import fails."""
    assert "tests.loaded_odoo" in sys.modules, "the fork server could not import tests.loaded_odoo"
    sys.modules["tests.loaded_odoo"].run(*arguments)


def get_environment(cluster):
    """That of Odoo, in which a program can import ``session``."""
    env = {**os.environ, **odoo_config.environment(cluster.server), "BFOCUSED_DATA": str(CHECKOUT / "data")}
    env["PYTHONPATH"] = str(INSIDE_ODOO)
    return env


def start(cluster, script, database, *arguments):
    """Start a Python program on a database in a process that has Odoo loaded."""
    return ForkedProcess(get_environment(cluster), script, database, arguments)


def start_anew(cluster, *command):
    """Start a Python program from nothing: after an update, what was loaded before is of yesterday."""
    return subprocess.Popen(
        [VENV_PYTHON, *command],
        env=get_environment(cluster),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
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
    return check(start(cluster, RUN_SCRIPT, database, SCRIPTS / name, *arguments))


def run_script_anew(cluster, database, name, *arguments):
    """The same, in a process that loads Odoo itself."""
    return check(start_anew(cluster, RUN_SCRIPT, database, SCRIPTS / name, *arguments))


def run_odoo(cluster, *arguments):
    """Run Odoo's own command line, to its end."""
    return check(start_anew(cluster, "-m", "odoo", *arguments))
