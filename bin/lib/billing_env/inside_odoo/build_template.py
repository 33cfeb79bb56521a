"""``build_template.py DATABASE ADDON,... FOLDER``: install our add-ons into a copy of the base database.

The assets of the web client are kept in the folder for the next time.
"""

import sys
from pathlib import Path

import assets
import session


def main(database: str, addons: list[str], kept_assets: Path) -> None:
    session.configure(database)
    session.install(database, addons)
    with session.environment(database) as env:
        ours = env["ir.module.module"].search([("name", "in", addons)])
        not_installed = set(addons) - set(ours.filtered(lambda module: module.state == "installed").mapped("name"))
        if not_installed:
            sys.exit(f"ERROR: not installed: {', '.join(sorted(not_installed))}")
        ours._update_translations(overwrite=True)
    assets.generate(database, kept_assets)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","), Path(sys.argv[3]))
