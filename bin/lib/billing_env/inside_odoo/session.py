"""An Odoo environment outside a server: what ``odoo shell`` opens, for programs."""

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
