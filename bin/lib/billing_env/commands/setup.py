"""``bin/setup``: build everything but the databases."""

import argparse
from collections.abc import Sequence

from .. import setup_steps


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="bin/setup", description="Install Odoo 19, its add-ons, PostgreSQL and the tools into .cache/."
    )
    parser.parse_args(arguments)
    setup_steps.ensure(setup_steps.FOR_TESTING)
    return 0
