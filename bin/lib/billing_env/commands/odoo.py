"""``bin/odoo ...``: Odoo's own command line in this environment."""

from collections.abc import Sequence

from .. import odoo_config, postgres, setup_steps
from ..paths import VENV_PYTHON
from ..processes import run_in_foreground


def main(arguments: Sequence[str]) -> int:
    setup_steps.ensure()
    with postgres.running() as server:
        env = odoo_config.environment(server)
        return run_in_foreground([VENV_PYTHON, "-m", "odoo", *arguments], env=env, pass_fds=server.inherited)
