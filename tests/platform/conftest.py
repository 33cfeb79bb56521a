"""What the tests of the commands share. They start the real commands and look at what these print and leave."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
LIB = CHECKOUT / "bin" / "lib"
# set by bin/test for its own Odoo; a command a user types does not have them
SET_BY_BIN_TEST = ("ODOO_RC", "BFOCUSED_CACHE", "PGHOST", "PGUSER", "PGPORT", "BFOCUSED_EMBEDDED_PGHOST")


class Commands:
    """Starts ``bin/`` commands in a cache of our choice."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def environment(self, **variables: str) -> dict[str, str]:
        env = {name: value for name, value in os.environ.items() if name not in SET_BY_BIN_TEST}
        return {**env, "BFOCUSED_CACHE": str(self.cache), **variables}

    def run(self, command: str, *arguments: object, given: str = "", **variables: str) -> subprocess.CompletedProcess:
        """Run ``bin/<command>`` to its end, with ``given`` as its standard input."""
        return subprocess.run(
            [CHECKOUT / "bin" / command, *map(str, arguments)],
            env=self.environment(**variables),
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, command: str, *arguments: object, **variables: str) -> subprocess.Popen:
        """Start ``bin/<command>`` in a process group of its own."""
        return subprocess.Popen(
            [CHECKOUT / "bin" / command, *map(str, arguments)],
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def python(self, code: str, **variables: str) -> subprocess.Popen:
        """Start a Python program that can import ``billing_env``, to reach a single step of a command."""
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env=self.environment(PYTHONPATH=str(LIB), **variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def commands() -> Commands:
    """Commands in the cache this very test run uses."""
    return Commands(Path(os.environ["BFOCUSED_CACHE"]))


@pytest.fixture
def in_new_cache(tmp_path) -> Commands:
    """Commands that find nothing built."""
    return Commands(tmp_path / "cache")


@pytest.fixture
def assert_one_sentence():
    """Check that a command failed with one line on standard error, which is its last one and begins with its name."""

    def check(process: subprocess.CompletedProcess, *said: str) -> None:
        assert process.returncode == 1, process.stderr
        last_line = process.stderr.strip().splitlines()[-1]
        assert last_line.startswith("bin/"), process.stderr
        assert "Traceback" not in process.stderr
        assert process.stdout == ""
        for part in said:
            assert part in last_line

    return check
