"""``bin/test [pytest arguments]``: the test suite in a database of its own."""

from collections.abc import Sequence

from .. import databases, odoo_config, postgres, setup_steps
from ..paths import CHECKOUT, VENV_PYTHON
from ..processes import run_in_foreground

ASKS_FOR_HELP = {"-h", "--help", "--version", "--fixtures", "--markers"}


def main(arguments: Sequence[str]) -> int:
    setup_steps.ensure(setup_steps.FOR_TESTING)
    with postgres.running() as server:
        env = odoo_config.environment(server)
        command = [VENV_PYTHON, "-m", "pytest"]
        if ASKS_FOR_HELP & set(arguments):
            return run_in_foreground([*command, *arguments], env=env, cwd=CHECKOUT)
        cluster = databases.Cluster(server)
        template = databases.ensure_template(cluster)
        with databases.temporary_copy(cluster, template, "test") as database:
            env["BFOCUSED_TEST_DB"] = database
            env["BFOCUSED_TEST_TEMPLATE"] = template
            command += ["--odoo-database", database, "--odoo-http", *arguments]
            return run_in_foreground(command, env=env, pass_fds=server.inherited, cwd=CHECKOUT)
