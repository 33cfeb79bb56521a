"""``bin/test [--long] [pytest arguments]``: the test suite, each of its processes in a database of its own."""

import os
from collections.abc import Sequence
from pathlib import Path

from .. import databases, odoo_config, postgres, setup_steps
from ..paths import CHECKOUT, VENV_PYTHON
from ..processes import run_in_foreground

ASKS_FOR_HELP = {"-h", "--help", "--version", "--fixtures", "--markers"}
# the user's own word about processes, or what shows only from a single one
SAYS_HOW_MANY = ("-n", "--numprocesses", "--dist", "--tx", "-d", "no:xdist", "--pdb", "--trace", "-s", "--capture")
ONLY_LOOKS = {"--collect-only", "--co"}
WORKERS = 2
MEMORY_OF_A_WORKER = 2 * 1024**3  # bytes; with the browser and the processes that its tests start
LONG = "BFOCUSED_LONG"  # told to the tests: play the long stories at full size


def main(arguments: Sequence[str]) -> int:
    setup_steps.ensure(setup_steps.FOR_TESTING, databases.get_missing())
    arguments = list(arguments)
    with postgres.running() as server:
        env = odoo_config.environment(server)
        if "--long" in arguments:
            arguments.remove("--long")
            env[LONG] = "1"
        command = [VENV_PYTHON, "-m", "pytest"]
        if ASKS_FOR_HELP & set(arguments):
            return run_in_foreground([*command, *arguments], env=env, cwd=CHECKOUT)
        template = databases.ensure_template(databases.Cluster(server))
        env["BFOCUSED_TEST_TEMPLATE"] = template
        # commits need not survive a power cut, in no database of a test
        env["PGOPTIONS"] = f"{env.get('PGOPTIONS', '')} -c synchronous_commit=off".strip()
        # conftest.py makes the copy to test in; the template itself takes no connections
        command += ["--odoo-database", template, "--odoo-http", *spread(arguments), *arguments]
        return run_in_foreground(command, env=env, pass_fds=server.inherited, cwd=CHECKOUT)


def spread(arguments: Sequence[str]) -> list[str]:
    """Options for two workers, where the machine has what they need and the user neither decides nor names files.

    A class stays on one worker, with its set-up; ``conftest.py`` puts the slowest first.
    """
    if any(argument.startswith(SAYS_HOW_MANY) for argument in arguments) or ONLY_LOOKS & set(arguments):
        return []
    if names_files(arguments) or cores() < WORKERS or free_memory() < WORKERS * MEMORY_OF_A_WORKER:
        return []
    return ["-n", str(WORKERS), "--dist", "loadscope", "--no-loadscope-reorder"]


def names_files(arguments: Sequence[str]) -> bool:
    """Whether all that is to be run is named file by file: too little to be worth a second worker."""
    named = [CHECKOUT / argument.partition("::")[0] for argument in arguments if not argument.startswith("-")]
    found = [path for path in named if path.exists()]
    return bool(found) and all(path.is_file() for path in found)


def cores() -> int:
    return len(os.sched_getaffinity(0))


def free_memory() -> int:
    """Bytes; those of the machine, or what is left of a container's share."""
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(told["MemAvailable"].split()[0]) * 1024
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.exists() and (share := limit.read_text().strip()).isdigit():
        free = min(free, int(share) - int(used.read_text()))
    return free
