"""``build_template.py DATABASE ADDON,...``: install our add-ons into a copy of the base database."""

import sys

import session


def main(database: str, addons: list[str]) -> None:
    session.configure(database)
    session.install(database, addons)
    with session.environment(database) as env:
        ours = env["ir.module.module"].search([("name", "in", addons)])
        not_installed = set(addons) - set(ours.filtered(lambda module: module.state == "installed").mapped("name"))
        if not_installed:
            sys.exit(f"ERROR: not installed: {', '.join(sorted(not_installed))}")
        ours._update_translations(overwrite=True)
    with session.environment(database) as env:
        env["ir.qweb"]._pregenerate_assets_bundles()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2].split(","))
