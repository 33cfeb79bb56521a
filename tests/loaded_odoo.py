"""The server of ``processes``: Odoo and the registry of the test database, loaded once; each process is its fork.

``python -m tests.loaded_odoo LISTENER ALIVE``, two open file descriptors: a socket that takes requests, and a pipe that
ends with the tests. A process shares nothing with the others: connections to the database are closed before the first
fork, and each opens its own.
"""

import json
import os
import runpy
import select
import signal
import socket
import sys
import traceback
from pathlib import Path

from tests import garbage

REQUEST_SIZE = 2**17  # bytes


def main(listener, alive):
    if os.fork():
        return  # Odoo's test classes end all children of their process when they are done: the server is none
    os.setsid()
    loaded = load(os.environ["BFOCUSED_TEST_DB"])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=listener) as server:
        while True:
            ready, _, _ = select.select([server, alive], [], [])
            if alive in ready:
                return
            connection, _address = server.accept()
            if not os.fork():
                guard(connection, loaded)
            connection.close()


def load(database):
    import session  # noqa: PLC0415  what follows needs the configuration

    from odoo import sql_db  # noqa: PLC0415
    from odoo.modules.registry import Registry  # noqa: PLC0415

    session.configure(database)
    registry = Registry(database)
    sql_db.close_all()
    garbage.collect_seldom()
    return registry


def guard(connection, registry):
    """Start the process that was asked for; tell its id, and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, [told], _flags, _address = socket.recv_fds(connection, REQUEST_SIZE, 1)
    child = os.fork()
    if not child:
        connection.close()
        os._exit(live(registry, told, **json.loads(request)))
    connection.send(str(child).encode())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    connection.send(str(code).encode())
    os._exit(0)


def live(registry, told, environment, script, database, arguments):
    """Run a Python file on a database as ``python SCRIPT DATABASE ARGUMENTS`` would.

    :param told: open file for what it writes to standard error
    :return: its exit code
    """
    os.dup2(told, 2)
    os.environ.clear()
    os.environ.update(environment)
    try:
        take(registry, database)
        sys.argv = [script, database, *arguments]
        sys.path.insert(0, str(Path(script).parent))
        runpy.run_path(script, run_name="__main__")
    except SystemExit as leaving:
        if not leaving.code or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr, flush=True)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def take(registry, database):
    """Let the loaded registry be that of another copy of the same template."""
    from odoo import sql_db  # noqa: PLC0415
    from odoo.modules.registry import Registry  # noqa: PLC0415

    Registry.delete_all()
    registry.db_name, registry._db = database, sql_db.db_connect(database)
    Registry.registries[database] = registry
    registry.setup_signaling()
    registry.clear_all_caches()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
