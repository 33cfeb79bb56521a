"""Odoo's configuration file and the surroundings Odoo runs in."""

import os

from . import odoo_source, postgres
from .errors import BillingEnvError
from .paths import CACHE, CHECKOUT, DATA_DIR, ODOO_CONF, TOOLS, VENV

DEFAULT_PORT = 8069
DEFAULT_DATABASE = "demo"
# variables that would make Odoo use another database or configuration than the one we name
NOT_PASSED_ON = ("PGDATABASE", "ODOO_RC", "OPENERP_SERVER", "PYTHONPATH", "PYTHONHOME")


def http_port() -> int:
    """The port Odoo serves on unless a command's own option says otherwise."""
    told = os.environ.get("ODOO_HTTP_PORT") or str(DEFAULT_PORT)
    if not told.isdigit():
        raise BillingEnvError(f"ODOO_HTTP_PORT={told} is no port: let it be a number, or unset it.")
    return int(told)


def write() -> None:
    """Write ``.cache/odoo.conf``; only when it changes, so that a running Odoo never reads half a file."""
    addons_path = ",".join(map(str, [*odoo_source.addons_folders(), CHECKOUT]))
    settings = {
        "addons_path": addons_path,
        "data_dir": DATA_DIR,
        "db_name": DEFAULT_DATABASE,
        "list_db": "False",
        "pg_path": postgres.client_programs(),
        "bin_path": TOOLS,
        "http_interface": "127.0.0.1",
        "http_port": http_port(),
        # the job runner is part of the server, so queued work is done while one runs
        "server_wide_modules": "base,rpc,web,queue_job",
        "without_demo": "True",
        "log_level": "warn",
        # Odoo still calls functions that its libraries have marked as old: nothing a user could mend
        "log_handler": "py.warnings:ERROR",
        "screenshots": CACHE / "screenshots",
    }
    lines = ["[options]", *(f"{name} = {value}" for name, value in settings.items())]
    lines += ["", "[queue_job]", "channels = root:2,root.billing:2", ""]
    text = "\n".join(lines)
    if ODOO_CONF.exists() and ODOO_CONF.read_text() == text:
        return
    temporary = ODOO_CONF.with_suffix(".new")
    temporary.write_text(text)
    temporary.replace(ODOO_CONF)


def environment(server: postgres.Server) -> dict[str, str]:
    """The variables of every program that talks to Odoo or its database.

    The connection is told by PG... variables, which libpq, PostgreSQL's programs and Odoo all read.
    """
    env = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
    env.update(server.env)
    env.pop("PGDATABASE", None)
    path = [TOOLS, VENV / "bin", env.get("PATH", os.defpath), postgres.client_programs()]
    env["PATH"] = os.pathsep.join(map(str, path))
    env["ODOO_RC"] = os.fspath(ODOO_CONF)
    env["BFOCUSED_CHECKOUT"] = os.fspath(CHECKOUT)
    env["BFOCUSED_CACHE"] = os.fspath(CACHE)
    return env
