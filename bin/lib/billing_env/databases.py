"""Databases: templates built once per state of the code, and copies of them.

``bfb_base_<hash>``      Odoo, everything our add-ons depend on, Dutch accounting, our company
``bfb_template_<hash>``  a copy of it with our add-ons installed
Each is built under a name of its own and renamed when complete, so one with a final name is whole. A database made
here carries a comment that says so: no other database is ever replaced or dropped.
"""

import ast
import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import odoo_config, odoo_source, postgres
from .errors import BillingEnvError
from .locks import build_lock
from .paths import ADDON_PREFIX, CACHE, CHECKOUT, FILESTORE, INSIDE_ODOO, VENV_PYTHON
from .processes import QuietFailure, run_quietly
from .progress import Step, step
from .stamps import fingerprint

OURS = "B/Focused billing: "  # begins the comment of each database made here
BASE_STEP = Step("Base database: Odoo, its add-ons and Dutch accounting", 60)
ASSETS = CACHE / "assets"  # the web client's assets, kept from one template to the next
NOT_INSTALLED = {"tests", "__pycache__", "readme"}  # parts of an add-on that do not change a database


# === SQL


@dataclass(frozen=True)
class Cluster:
    """The databases of one server."""

    server: postgres.Server

    def sql(self, statement: str, database: str | None = None) -> list[list[str]]:
        """Run one statement and return its rows; an error is a BillingEnvError with PostgreSQL's own words."""
        maintenance = os.environ.get("PGDATABASE") if not self.server.embedded else None
        answer = subprocess.run(
            [postgres.client_programs() / "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-c", statement],
            env={**os.environ, **self.server.env, "PGDATABASE": database or maintenance or "postgres"},
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode:
            told = " ".join(answer.stderr.split())
            raise BillingEnvError(f"PostgreSQL refused a step, mend that and run this again ({told}).")
        return [line.split("\t") for line in answer.stdout.splitlines()]

    def comment(self, name: str) -> str | None:
        """The comment of a database; nothing where there is no such database."""
        rows = self.sql(
            "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
            f" WHERE datname = {quoted(name)}"
        )
        return rows[0][0] if rows else None

    def exists(self, name: str) -> bool:
        return self.comment(name) is not None

    def users_of(self, name: str) -> int:
        """How many programs are connected to the database; the server's own autovacuum is none."""
        statement = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = "
        return int(self.sql(statement + quoted(name))[0][0])

    def create(self, name: str) -> None:
        self.sql(f"CREATE DATABASE \"{name}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")

    def copy(self, template: str, name: str) -> None:
        """Copy a database with its files; the files are hard links, which Odoo never writes to."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        shutil.rmtree(FILESTORE / name, ignore_errors=True)
        source = FILESTORE / template
        if source.is_dir():
            shutil.copytree(source, FILESTORE / name, copy_function=_link_or_copy)

    def drop(self, name: str) -> None:
        """Drop a database made here, with its files."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        shutil.rmtree(FILESTORE / name, ignore_errors=True)

    def drop_abandoned(self, prefix: str, keep: str) -> None:
        """Drop the databases made here whose name begins with ``prefix``, except one."""
        for name, comment in self.sql(
            "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database"
            f" WHERE starts_with(datname, {quoted(prefix)})"
        ):
            if name != keep and comment.startswith(OURS):
                self.drop(name)

    def hurry(self, name: str) -> None:
        """Let a database that is being built not wait for the disk: after a crash it is dropped anyway."""
        self.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')

    def open(self, name: str, comment: str) -> None:
        """Let a copy of a template take connections, and mark it as made here."""
        self.sql(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        self.sql(f'COMMENT ON DATABASE "{name}" IS {quoted(OURS + comment)}')

    def rename(self, old: str, new: str) -> None:
        """Rename a database and its files."""
        (FILESTORE / old).mkdir(parents=True, exist_ok=True)
        shutil.rmtree(FILESTORE / new, ignore_errors=True)
        (FILESTORE / old).rename(FILESTORE / new)
        self.sql(f'ALTER DATABASE "{old}" RENAME TO "{new}"')

    def finish(self, building: str, name: str, comment: str) -> None:
        """Give a database that is complete its final name; templates take no connections, so copying never waits.

        These statements wait for the disk, and thereby for all that was written before.
        """
        self.sql(f'ALTER DATABASE "{building}" RESET synchronous_commit')
        self.sql(f'COMMENT ON DATABASE "{building}" IS {quoted(OURS + comment)}')
        self.sql(f'ALTER DATABASE "{building}" ALLOW_CONNECTIONS false')
        self.rename(building, name)


def quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


# === Names of the templates


def _prefix() -> str:
    """Begins the name of each template: on a shared server each cache has its own."""
    if postgres.is_external():
        return f"bfb_{hashlib.sha256(os.fsencode(CACHE)).hexdigest()[:6]}"
    return "bfb"


def addons() -> list[str]:
    """The technical names of our add-ons: those in the checkout."""
    found = sorted(path.parent.name for path in CHECKOUT.glob(f"{ADDON_PREFIX}*/__manifest__.py"))
    if not found:
        raise BillingEnvError(f"there is no add-on in {CHECKOUT}: check out the whole repository.")
    return found


def dependencies() -> list[str]:
    """The modules our add-ons depend on, our own left out.

    :raise BillingEnvError: where an add-on's manifest is missing or cannot be read.
    """
    names = {name for addon in addons() for name in _manifest(addon).get("depends", [])}
    return sorted(names - set(addons()))


def _manifest(addon: str) -> dict:
    path = CHECKOUT / addon / "__manifest__.py"
    try:
        return ast.literal_eval(path.read_text())
    except (OSError, ValueError, SyntaxError) as error:
        raise BillingEnvError(f"the manifest of {addon} cannot be read: mend {path} ({error}).") from error


def base_name() -> str:
    """The base database's name, from all that decides what is in it."""
    recipe = [INSIDE_ODOO / "build_base.py", INSIDE_ODOO / "session.py", CHECKOUT / "requirements.txt"]
    return f"{_prefix()}_base_{fingerprint(*recipe, str(odoo_source.home()), ','.join(dependencies()))}"


def template_name() -> str:
    """The template's name, from the base's and every file of our add-ons that can change a database."""
    files = [
        path
        for addon in addons()
        for path in sorted((CHECKOUT / addon).rglob("*"))
        if path.is_file() and not NOT_INSTALLED & set(path.relative_to(CHECKOUT).parts)
    ]
    names = [str(path.relative_to(CHECKOUT)) for path in files]
    recipe = [INSIDE_ODOO / "build_template.py", INSIDE_ODOO / "assets.py"]
    return f"{_prefix()}_template_{fingerprint(base_name(), *recipe, *names, *files)}"


# === Building


def ensure_base(cluster: Cluster) -> str:
    """The base database; built when it is not there.

    :return: its name.
    """
    name = base_name()
    with build_lock():
        if _is_whole(cluster, name):
            return name
        with step(BASE_STEP), _building(cluster, name) as building:
            cluster.create(building)
            cluster.hurry(building)
            cluster.open(building, "being built")
            _run_inside(cluster, "build_base.py", building, dependencies())
            cluster.finish(building, name, "base database")
        cluster.drop_abandoned(f"{_prefix()}_base_", keep=name)
        shutil.rmtree(ASSETS, ignore_errors=True)
    return name


def ensure_template(cluster: Cluster) -> str:
    """The template with our add-ons; built when it is not there for this state of the code.

    :return: its name.
    """
    base = ensure_base(cluster)
    name = template_name()
    with build_lock():
        if _is_whole(cluster, name):
            return name
        with step(_template_step()), _building(cluster, name) as building:
            cluster.copy(base, building)
            cluster.hurry(building)
            cluster.open(building, "being built")
            _run_inside(cluster, "build_template.py", building, addons(), ASSETS)
            cluster.finish(building, name, "template")
        cluster.drop_abandoned(f"{_prefix()}_template_", keep=name)
    return name


def get_missing() -> list[Step]:
    """The steps of building a template that have something to do, as far as it can be told without a server."""
    names = {BASE_STEP: base_name(), _template_step(): template_name()}
    return [what for what, name in names.items() if not (FILESTORE / name).is_dir()]


def _template_step() -> Step:
    return Step(f"Template database: {' and '.join(addons())}", 20)


def _is_whole(cluster: Cluster, name: str) -> bool:
    """Whether a template is there with its files; without them, as after deleting the cache, it makes room."""
    comment = cluster.comment(name)
    if comment is None:
        return False
    if not comment.startswith(OURS):
        raise BillingEnvError(f"a database {name} is there that these commands did not make: rename or drop it first.")
    if (FILESTORE / name).is_dir():
        return True
    cluster.drop(name)
    return False


@contextlib.contextmanager
def _building(cluster: Cluster, name: str) -> Iterator[str]:
    """A name to build under; whatever has it is dropped before, and after a failure."""
    building = f"{name}_building"
    cluster.drop(building)
    try:
        yield building
    except BaseException:
        cluster.drop(building)
        raise


def _run_inside(cluster: Cluster, script: str, database: str, modules: list[str], *arguments: Path) -> None:
    log_name = script.removesuffix(".py")
    try:
        run_quietly(
            [VENV_PYTHON, INSIDE_ODOO / script, database, ",".join(modules), *arguments],
            log_name,
            env=odoo_config.environment(cluster.server),
            pass_fds=cluster.server.inherited,
        )
    except QuietFailure as failure:
        raise BillingEnvError(
            f"Odoo could not install {', '.join(modules)}: see the end of {CACHE / 'logs' / log_name}.log"
            f" (it said: {failure.last_line()})."
        ) from failure


# === Databases people and tests work in


def check_replaceable(cluster: Cluster, name: str) -> None:
    """Refuse to replace a database that is in use or was not made here."""
    comment = cluster.comment(name)
    if comment is not None and not comment.startswith(OURS):
        raise BillingEnvError(f"a database {name} is there that these commands did not make: rename or drop it first.")
    if cluster.users_of(name):
        raise BillingEnvError(f"database {name} is in use: stop bin/serve (or what else uses it) first.")


@contextlib.contextmanager
def fresh_copy(cluster: Cluster, template: str, name: str) -> Iterator[str]:
    """A copy of the template to work on, which takes the place of database ``name`` when the block ends well.

    :return: the name to use inside the block.
    """
    check_replaceable(cluster, name)
    with _copy_of_this_process(cluster, template, name) as building:
        yield building
        check_replaceable(cluster, name)
        cluster.drop(name)
        cluster.rename(building, name)


@contextlib.contextmanager
def temporary_copy(cluster: Cluster, template: str, purpose: str) -> Iterator[str]:
    """A copy of the template for the length of the block, fast rather than safe from a power cut."""
    with _copy_of_this_process(cluster, template, purpose) as name:
        cluster.sql(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
        # without it wkhtmltopdf uses the address tests put into web.base.url
        cluster.sql("DELETE FROM ir_config_parameter WHERE key = 'report.url'", database=name)
        yield name


@contextlib.contextmanager
def _copy_of_this_process(cluster: Cluster, template: str, purpose: str) -> Iterator[str]:
    """A copy named after this process; at the end dropped, unless it was renamed."""
    prefix = f"bfb_{purpose}_"
    _drop_copies_of_dead_processes(cluster, prefix)
    name = f"{prefix}{os.getpid()}"
    try:
        cluster.copy(template, name)
        cluster.open(name, f"copy of {template}")
        yield name
    finally:
        cluster.drop(name)


def _drop_copies_of_dead_processes(cluster: Cluster, prefix: str) -> None:
    """A killed process leaves its copy; nobody else would drop it."""
    for (name,) in cluster.sql(f"SELECT datname FROM pg_database WHERE starts_with(datname, {quoted(prefix)})"):
        process = name.removeprefix(prefix)
        if process.isdigit() and not Path(f"/proc/{process}").exists() and not cluster.users_of(name):
            cluster.drop(name)


def check_usable(cluster: Cluster, name: str) -> None:
    """Refuse a database that is not there or was made by another version of our add-ons."""
    if not cluster.exists(name):
        advice = "run bin/demo, which makes it" if name == odoo_config.DEFAULT_DATABASE else "name another with -d"
        raise BillingEnvError(f"there is no database {name}: {advice}.")
    installed = dict(_installed_versions(cluster, name))
    for addon in addons():
        expected = _manifest(addon)["version"]
        if addon in installed and installed[addon] != expected:
            raise BillingEnvError(
                f"database {name} was made by {addon} {installed[addon]} and the code is {expected}: run bin/odoo -d"
                f" {name} -u {','.join(addons())} --stop-after-init, or bin/demo for a new one."
            )


def _installed_versions(cluster: Cluster, name: str) -> list[list[str]]:
    names = ", ".join(map(quoted, addons()))
    statement = f"SELECT name, latest_version FROM ir_module_module WHERE state = 'installed' AND name IN ({names})"
    try:
        return cluster.sql(statement, database=name)
    except BillingEnvError as error:
        raise BillingEnvError(f"database {name} is no Odoo database: name another with -d.") from error


def set_address(cluster: Cluster, name: str, port: int) -> None:
    """Tell a database the address it is served at: for the links in its documents, and for wkhtmltopdf."""
    for key, value in (("web.base.url", f"http://localhost:{port}"), ("report.url", f"http://127.0.0.1:{port}")):
        cluster.sql(
            "INSERT INTO ir_config_parameter (key, value, create_uid, create_date, write_uid, write_date)"
            f" VALUES ({quoted(key)}, {quoted(value)}, 1, now() at time zone 'UTC', 1, now() at time zone 'UTC')"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            database=name,
        )
