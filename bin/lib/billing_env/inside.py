"""Running a Python file inside Odoo, in the foreground."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import odoo_config, postgres
from .paths import INSIDE_ODOO, VENV_PYTHON
from .processes import run_in_foreground


def run_script(
    server: postgres.Server,
    database: str,
    script: Path,
    arguments: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    *,
    stdout_to_stderr: bool = False,
) -> int:
    """Run ``script`` with ``env`` on a database; ``variables`` join its environment.

    :param stdout_to_stderr: keep our standard output free of what the script prints.

    :return: its exit code.
    """
    env = {**odoo_config.environment(server), **(variables or {})}
    command = [VENV_PYTHON, INSIDE_ODOO / "run_script.py", database, script, *arguments]
    return run_in_foreground(command, env=env, pass_fds=server.inherited, stdout=2 if stdout_to_stderr else None)
