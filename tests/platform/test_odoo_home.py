"""``ODOO_HOME``: a checkout of Odoo's own branch, the way out when Debian has no package any more."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from billing_env import databases, odoo_source, postgres, python_env
from billing_env.paths import CACHE, VENV

IN_ODOO = {"base"}  # what Odoo's repository has in odoo/addons; all others are in addons/ beside odoo/
SCRIPT = """
import json, os
import odoo.addons.account, odoo.addons.base, odoo.release
json.dump({
    "release": odoo.release.__file__,
    "base": odoo.addons.base.__file__,
    "account": odoo.addons.account.__file__,
    "version": odoo.release.series,
    "charges": env["bfocused.billing.charge"].search_count([]),
}, open(os.environ["TOLD"], "w"))
"""


@pytest.fixture
def checkout(tmp_path):
    """A source tree as Odoo's repository has it, made of links into the Odoo these tests use."""
    source, tree = odoo_source.home(), tmp_path / "odoo-checkout"
    (tree / "odoo" / "addons").mkdir(parents=True)
    (tree / "addons").mkdir()
    for path in (source / "odoo").iterdir():
        if path.name not in ("addons", "__pycache__"):
            (tree / "odoo" / path.name).symlink_to(path)
    for folder in odoo_source.addons_folders():
        for addon in folder.iterdir():
            home = tree / "odoo" / "addons" if addon.name in IN_ODOO else tree / "addons"
            (home / addon.name).symlink_to(addon)
    return tree


@pytest.fixture
def with_packages(in_new_cache):
    """A cache of its own with the packages of the real one: these commands write where Odoo is into the environment."""
    cache = in_new_cache.cache
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", cache / "venv"], check=True)
    packages = cache / "venv" / python_env.site_packages().relative_to(VENV)
    for path in python_env.site_packages().iterdir():
        if path.name != "odoo.pth":
            (packages / path.name).symlink_to(path)
    (cache / "bin").symlink_to(CACHE / "bin")
    marked = in_new_cache.python(
        "from billing_env import python_env, stamps; stamps.mark_done(python_env.STAMP, python_env.key())"
    )
    assert marked.wait(20) == 0
    return in_new_cache


def test_a_checkout_of_odoo_is_used_as_it_is(with_packages, checkout, tmp_path):
    told = tmp_path / "told.json"
    server = {name: os.environ[name] for name in ("PGHOST", "PGPORT", "PGUSER")}
    variables = {**server, "ODOO_HOME": str(checkout), "TOLD": str(told)}

    version = with_packages.run("odoo", "--version", **variables)
    assert version.returncode == 0, version.stderr
    assert version.stdout.startswith("Odoo Server 19.0")

    with postgres.running() as used:
        cluster = databases.Cluster(used)
        with databases.temporary_copy(cluster, os.environ["BFOCUSED_TEST_TEMPLATE"], "checkout") as name:
            loaded = with_packages.run("odoo", "shell", "-d", name, "--no-http", given=SCRIPT, **variables)
    assert loaded.returncode == 0, loaded.stderr
    answer = json.loads(told.read_text())
    assert answer["version"] == "19.0"
    assert Path(answer["release"]) == checkout / "odoo" / "release.py"
    assert Path(answer["base"]) == checkout / "odoo" / "addons" / "base" / "__init__.py"
    assert Path(answer["account"]) == checkout / "addons" / "account" / "__init__.py"
    assert not (with_packages.cache / "odoo").exists()
    addons_path = next(
        line for line in (with_packages.cache / "odoo.conf").read_text().splitlines() if "addons_path" in line
    )
    assert f"{checkout}/odoo/addons,{checkout}/addons" in addons_path
