"""An Odoo environment outside a server: what ``odoo shell`` opens, for programs."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry
from odoo.service import server
from odoo.tools import config


def configure(database: str, *options: str) -> None:
    """Read the configuration (ODOO_RC) for one database and load the server-wide modules."""
    config.parse_config(["-d", database, "--db-filter", f"^{database}$", *options], setup_logging=True)
    server.load_server_wide_modules()


def install(database: str, modules: list[str]) -> None:
    """Install modules with all they need and all that installs itself then; ``["base"]`` for an empty database."""
    Registry.new(database, update_module=True, install_modules=modules)


@contextmanager
def environment(database: str) -> Iterator[api.Environment]:
    """The superuser's environment; committed when the block ends well, rolled back when it fails."""
    with Registry(database).cursor() as cr:
        context = api.Environment(cr, SUPERUSER_ID, {})["res.users"].context_get()
        yield api.Environment(cr, SUPERUSER_ID, context)


@contextmanager
def web_server(database: str) -> Iterator[int]:
    """Serve the database on a free port of this machine while the block runs, without scheduled actions and jobs.

    wkhtmltopdf fetches style sheets and pictures from a server; without one a PDF is bare.

    :return: the port.
    """
    import odoo.http  # noqa: PLC0415  the server-wide modules have to be loaded first

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config["http_port"] = port
    os.environ["ODOO_QUEUE_JOB_CHANNELS"] = "root:0"  # who queues work in a script decides itself when it runs
    with environment(database) as env:
        set_report_url(env, port)
    server.server = server.ThreadedServer(odoo.http.root)
    server.server.start(stop=False)
    try:
        yield port
    finally:
        server.server.stop()


def set_report_url(env: api.Environment, port: int) -> None:
    """Tell wkhtmltopdf where to fetch style sheets and pictures."""
    env["ir.config_parameter"].set_param("report.url", f"http://127.0.0.1:{port}")
