"""Real Odoo processes on a database of their own, for tests of what only shows between processes.

They are forked from a server that has Odoo loaded, as starting Odoo takes some seconds each time; each has its own
connections, and can be killed without harm to the others. ``start_anew`` starts from nothing.
"""

import json
import os
import select
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from functools import cache
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


class ForkServer:
    """A process that has Odoo loaded and forks others on request; it ends with the tests."""

    def __init__(self, folder, environment):
        self._address = f"{folder}/fork"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(self._address)
            listener.listen()
            is_alive, self._alive = os.pipe()
            handed = (listener.fileno(), is_alive)
            command = [VENV_PYTHON, "-m", "tests.loaded_odoo", *map(str, handed)]
            devices = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
            subprocess.run(command, env=environment, cwd=CHECKOUT, pass_fds=handed, check=True, **devices)
            os.close(is_alive)

    def stop(self):
        os.close(self._alive)

    def request(self, told, **request):
        """:return: connection that tells the id of the process, and its exit code at the end"""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(self._address)
        socket.send_fds(connection, [json.dumps(request).encode()], [told])
        return connection


@cache
def _get_fork_server():
    cluster = databases.Cluster(kept.enter_context(postgres.running()))
    folder = kept.enter_context(tempfile.TemporaryDirectory(prefix="bfb-"))
    server = ForkServer(folder, get_environment(cluster))
    kept.callback(server.stop)
    return server


class ForkedProcess:
    """A process of the fork server, with what tests use of ``subprocess.Popen``."""

    def __init__(self, **request):
        self._told = tempfile.TemporaryFile()
        self._connection = _get_fork_server().request(self._told.fileno(), **request)
        self.pid = int(self._connection.recv(100))
        self.returncode = None

    def poll(self):
        self._wait(0)
        return self.returncode

    def kill(self):
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout=None):
        """Wait for its end.

        :return: nothing, and what it wrote to standard error
        """
        self._wait(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.pid, timeout)
        self._told.seek(0)
        return "", self._told.read().decode(errors="replace")

    def _wait(self, timeout):
        if self.returncode is None and select.select([self._connection], [], [], timeout)[0]:
            self.returncode = int(self._connection.recv(100))
            self._connection.close()


def get_environment(cluster):
    """That of Odoo, in which a program can import ``session``."""
    env = {**os.environ, **odoo_config.environment(cluster.server), "BFOCUSED_DATA": str(CHECKOUT / "data")}
    env["PYTHONPATH"] = str(INSIDE_ODOO)
    return env


def start(cluster, script, database, *arguments):
    """Start a Python program on a database in a process that has Odoo loaded."""
    environment, arguments = get_environment(cluster), list(map(str, arguments))
    return ForkedProcess(environment=environment, script=str(script), database=database, arguments=arguments)


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
