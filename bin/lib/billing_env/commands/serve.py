"""``bin/serve``: serve a database's web client, and the PAYT sandbox of the demo, until Ctrl-C."""

import argparse
import socket
from collections.abc import Sequence

from .. import databases, odoo_config, payt_sandbox, postgres, setup_steps
from ..errors import BillingEnvError
from ..paths import VENV_PYTHON
from ..processes import run_in_foreground
from ..progress import say


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="bin/serve",
        description="Serve a database's web client until Ctrl-C.",
        epilog="Other options are passed to Odoo, such as --http-interface 0.0.0.0 or --dev xml.",
    )
    parser.add_argument("-d", "--database", default=odoo_config.DEFAULT_DATABASE, help="default: %(default)s")
    add_port_option(parser)
    options, for_odoo = parser.parse_known_args(arguments)
    check_port(options.port)
    setup_steps.ensure()
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        databases.check_usable(cluster, options.database)
        return serve(cluster, options.database, options.port, for_odoo)


def add_port_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=port_number, default=odoo_config.http_port(), help="default: ODOO_HTTP_PORT, or %(default)s"
    )


def port_number(text: str) -> int:
    """A TCP port that may be listened on."""
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: name one from 1 to 65535")
    return int(text)


def check_port(port: int) -> None:
    """Refuse a port that something else listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BillingEnvError(
                f"port {port} cannot be listened on ({error.strerror}): stop what uses it, or name another one with"
                " --port or in ODOO_HTTP_PORT."
            ) from error


def serve(cluster: databases.Cluster, database: str, port: int, for_odoo: Sequence[str] = ()) -> int:
    """Serve ``database`` on ``port`` in the foreground, and its PAYT sandbox beside it.

    :return: Odoo's exit code.
    """
    databases.set_address(cluster, database, port)
    say(f"B/Focused billing is at http://localhost:{port}  (database {database}; Ctrl-C stops it)")
    say("Log in as admin/admin, or as the customer portal/portal.")
    command = [VENV_PYTHON, "-m", "odoo", "server", "-d", database, "--db-filter", f"^{database}$"]
    command += ["--http-port", str(port), *for_odoo]
    env = odoo_config.environment(cluster.server)
    with payt_sandbox.beside(cluster, database, port) as page:
        if page:
            say(f"Its PAYT is a sandbox: {page}")
        return run_in_foreground(command, env=env, pass_fds=cluster.server.inherited)
