"""A web server beside a script: wkhtmltopdf fetches style sheets and pictures from one; without it a PDF is bare."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import session
from psycopg2.errors import SerializationFailure

from odoo.service import server
from odoo.tools import config

TRIES = 20


@contextmanager
def serving(database: str) -> Iterator[int]:
    """Serve the database on a free port of this machine while the block runs, without scheduled actions and jobs.

    Of several at once on one database the last one started is the one wkhtmltopdf asks.

    :return: the port.
    """
    import odoo.http  # noqa: PLC0415  the server-wide modules have to be loaded first

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config["http_port"] = port
    os.environ["ODOO_QUEUE_JOB_CHANNELS"] = "root:0"  # a script that queues work decides itself when it runs
    _set_report_url(database, f"http://127.0.0.1:{port}")
    server.server = server.ThreadedServer(odoo.http.root)
    server.server.start(stop=False)
    try:
        yield port
    finally:
        server.server.stop()


def _set_report_url(database: str, url: str) -> None:
    """Tell wkhtmltopdf where to fetch from; another script on the same database may be doing the same."""
    for tries_left in reversed(range(TRIES)):
        try:
            with session.environment(database) as env:
                env["ir.config_parameter"].set_param("report.url", url)
            return
        except SerializationFailure:
            if not tries_left:
                raise
            time.sleep(0.1)
