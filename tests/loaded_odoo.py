"""What the fork server of ``processes`` imports: Odoo with the registry of the test database, loaded once.

A process forked from here has Odoo at once. It shares nothing with the others: connections to the database are closed
before the first fork, and each opens its own.
"""

import gc
import os
import runpy
import sys
from pathlib import Path

# the fork server is told of no other folder than the one it starts in
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bin" / "lib" / "billing_env" / "inside_odoo"))
import session  # noqa: E402

from odoo import sql_db  # noqa: E402
from odoo.modules.registry import Registry  # noqa: E402

LOADED = os.environ["BFOCUSED_TEST_DB"]
session.configure(LOADED)
Registry(LOADED)
sql_db.close_all()
gc.freeze()  # so that collecting garbage in a child copies no memory


def take_registry(database):
    """Let the loaded registry be that of another copy of the same template."""
    registry = Registry.registries.pop(LOADED)
    registry.db_name, registry._db = database, sql_db.db_connect(database)
    Registry.registries[database] = registry
    registry.setup_signaling()
    registry.clear_all_caches()


def run(environment, told, script, database, arguments):
    """Run a Python file on a database as ``python SCRIPT DATABASE ARGUMENTS`` would; runs in a child of its own.

    :param told: file for what it writes to standard error
    """
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(told, os.O_WRONLY | os.O_APPEND), 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    take_registry(database)
    sys.argv = [script, database, *arguments]
    sys.path.insert(0, str(Path(script).parent))
    runpy.run_path(script, run_name="__main__")
