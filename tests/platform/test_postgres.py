"""The embedded PostgreSQL server: it lives as long as a command uses it, and survives being killed."""

import os
import shutil
import signal
from pathlib import Path

import pytest

HOLD = """
import sys
from billing_env import postgres
with postgres.running() as server:
    print(server.env["PGHOST"], postgres._ensure_home().data / "postmaster.pid", sep="\\n", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def in_own_server(in_new_cache, commands):
    """A cache with the programs of the real one and no server yet."""
    in_new_cache.cache.mkdir()
    (in_new_cache.cache / "venv").symlink_to(commands.cache / "venv")
    yield in_new_cache
    # for root the server's files are outside the cache when, as here, its folder is closed to others
    token = in_new_cache.cache / "postgres.token"
    if token.exists():
        for folder in Path("/var/lib/bfocused-billing").iterdir():
            if (folder / "token").read_text() == token.read_text():
                shutil.rmtree(folder)


def start(commands):
    """A process that uses the server, the server's socket, and the file with its process id."""
    holder = commands.python(HOLD)
    socket_folder, pid_file = holder.stdout.readline().strip(), holder.stdout.readline().strip()
    assert pid_file, holder.stderr.read()
    return holder, Path(socket_folder) / ".s.PGSQL.5432", Path(pid_file)


def release(holder) -> None:
    holder.communicate("", timeout=30)
    assert holder.returncode == 0


def test_the_last_user_stops_the_server(in_own_server):
    first, socket, _pid_file = start(in_own_server)
    second, same_socket, _pid_file = start(in_own_server)
    assert socket == same_socket
    release(first)
    assert socket.exists()
    release(second)
    assert not socket.exists()


def test_a_killed_user_does_not_keep_it_running(in_own_server):
    killed, socket, _pid_file = start(in_own_server)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate(timeout=30)
    assert socket.exists()
    next_one, *_same = start(in_own_server)
    release(next_one)
    assert not socket.exists()


def test_a_killed_server_is_started_again(in_own_server):
    holder, socket, pid_file = start(in_own_server)
    os.kill(int(pid_file.read_text().splitlines()[0]), signal.SIGKILL)
    holder.kill()
    holder.communicate(timeout=30)
    again, *_same = start(in_own_server)
    release(again)
    assert not socket.exists()
