"""``bin/i18n``: the add-ons' texts, exported anew and merged into their translations."""

import argparse
from collections.abc import Sequence

from .. import databases, inside, postgres, setup_steps
from ..paths import CHECKOUT, INSIDE_ODOO


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="bin/i18n",
        description="Export the texts of our add-ons to their i18n/*.pot, merge them into the translations beside it,"
        " and name the texts that have none: the exit code is 1 then.",
    )
    parser.parse_args(arguments)
    setup_steps.ensure(then=databases.get_missing())
    with postgres.running() as server:
        cluster = databases.Cluster(server)
        template = databases.ensure_template(cluster)
        with databases.temporary_copy(cluster, template, "i18n") as name:
            folders = [str(CHECKOUT / addon / "i18n") for addon in databases.addons()]
            return inside.run_script(server, name, INSIDE_ODOO / "translations.py", folders, {"BFOCUSED_WEB": "0"})
