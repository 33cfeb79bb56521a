"""``bin/setup``: what it refuses, what it leaves after a failure, and that a second one does nothing."""

import fcntl
import hashlib
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

NO_NETWORK = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")}


def write_odoo(folder, version_info: str):
    """Make a folder that looks like an Odoo source tree."""
    (folder / "odoo").mkdir(parents=True)
    (folder / "odoo" / "release.py").write_text(f"version_info = {version_info}\n")
    return folder


def wait_until(condition, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.05)


def test_named_python_of_another_version_is_refused(in_new_cache, assert_one_sentence, tmp_path):
    other = tmp_path / "python3.12"
    other.write_text("#!/bin/sh\necho 3.12\n")
    other.chmod(0o755)
    assert_one_sentence(in_new_cache.run("setup", PYTHON=str(other)), str(other), "not Python 3.11")
    assert not in_new_cache.cache.exists()


@pytest.mark.parametrize("version_info", ["(18, 0, 0, FINAL, 0, '')", "('saas~19', 2, 0, FINAL, 0, '')"])
def test_odoo_of_another_series_is_refused_before_anything_is_built(
    in_new_cache, assert_one_sentence, tmp_path, version_info
):
    home = write_odoo(tmp_path / "other", version_info)
    assert_one_sentence(in_new_cache.run("setup", ODOO_HOME=str(home)), str(home), "19.0")
    assert not (in_new_cache.cache / "venv").exists()


def test_odoo_home_without_odoo_is_refused(in_new_cache, assert_one_sentence, tmp_path):
    assert_one_sentence(in_new_cache.run("setup", ODOO_HOME=str(tmp_path)), "holds no Odoo")


def test_odoo_home_of_our_series_is_accepted(in_new_cache, tmp_path):
    home = write_odoo(tmp_path / "ours", "(19, 0, 0, FINAL, 0, '')")
    checked = in_new_cache.python("from billing_env import odoo_source; odoo_source.check()", ODOO_HOME=str(home))
    assert checked.wait(20) == 0


def test_without_package_index_one_sentence_and_nothing_left(in_new_cache, assert_one_sentence, tmp_path):
    home = str(write_odoo(tmp_path / "ours", "(19, 0, 0, FINAL, 0, '')"))
    failed = in_new_cache.run("setup", PIP_RETRIES="0", PIP_NO_CACHE_DIR="1", ODOO_HOME=home, **NO_NETWORK)
    assert_one_sentence(failed, "package index", "run this again")
    assert not (in_new_cache.cache / "venv").exists()
    assert not (in_new_cache.cache / "stamps").exists()


def test_without_network_one_sentence_and_nothing_left(in_new_cache, assert_one_sentence):
    failed = in_new_cache.run("setup", PIP_RETRIES="0", PIP_NO_CACHE_DIR="1", ODOO_HOME="", **NO_NETWORK)
    assert_one_sentence(failed, "run this again")
    assert sorted(path.name for path in in_new_cache.cache.iterdir()) == ["build.lock", "logs"]


def test_without_debian_mirror_one_sentence_and_nothing_left(in_new_cache):
    in_new_cache.cache.mkdir()
    step = in_new_cache.python("from billing_env import odoo_source; odoo_source.unpack()", **NO_NETWORK)
    _output, errors = step.communicate(timeout=60)
    assert step.returncode == 1
    assert "BillingEnvError: could not download odoo-19" in errors.strip().splitlines()[-1]
    assert not (in_new_cache.cache / "odoo").exists()
    assert not list(in_new_cache.cache.glob("odoo-building-*"))


def make_mirror(folder, *packages):
    """A Debian mirror in a folder, whose suites have these packages."""
    index = "".join(
        f"Package: {name}\nVersion: 1\nArchitecture: all\nFilename: pool/{name}.deb\n\n" for name in packages
    )
    for suite in ("sid", "own"):
        lists = folder / "dists" / suite / "main" / f"binary-{get_architecture()}"
        lists.mkdir(parents=True)
        (lists / "Packages").write_text(index)
        (folder / "dists" / suite / "Release").write_text(
            f"Suite: {suite}\nCodename: {suite}\nArchitectures: {get_architecture()}\nComponents: main\n"
            "Date: Mon, 30 Nov 2026 00:00:00 UTC\nSHA256:\n"
            f" {hashlib.sha256(index.encode()).hexdigest()} {len(index)} main/{lists.name}/Packages\n"
        )
    return folder


def get_architecture():
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()


def test_without_the_package_the_message_names_the_way_out(in_new_cache, tmp_path):
    mirror = make_mirror(tmp_path / "mirror", "odoo-20")
    (tmp_path / "unsigned").write_text('Acquire::AllowInsecureRepositories "true";')
    in_new_cache.cache.mkdir()
    step = in_new_cache.python(
        "from billing_env import debian_sources, odoo_source\n"
        "debian_sources.codename = lambda: 'own'\n"
        f"source = debian_sources.Source('file:{mirror}', ('own',), ('main',), '')\n"
        "debian_sources.main_source = lambda: source\n"
        "odoo_source.unpack()",
        APT_CONFIG=str(tmp_path / "unsigned"),
        **NO_NETWORK,
    )
    _output, errors = step.communicate(timeout=60)
    told = errors.strip().splitlines()[-1]
    assert "BillingEnvError: Debian's sid has no odoo-19 any more" in told, errors
    assert "let ODOO_HOME name a checkout of Odoo's own branch 19.0" in told
    assert "network" not in told
    assert not (in_new_cache.cache / "odoo").exists()
    assert not list(in_new_cache.cache.glob("odoo-building-*"))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_setup_never_counts_as_done(in_new_cache, how):
    setup = in_new_cache.start("setup", **NO_NETWORK)
    wait_until((in_new_cache.cache / "venv" / "bin").exists)
    os.kill(setup.pid, how)
    setup.communicate(timeout=30)
    assert setup.returncode != 0
    assert not (in_new_cache.cache / "stamps" / "venv").exists()
    if how != signal.SIGKILL:
        assert not (in_new_cache.cache / "venv").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interruption_ends_what_goes_on_at_the_same_time(in_new_cache, tmp_path, how):
    told = tmp_path / "told"
    apt = tmp_path / "bin" / "apt-get"
    apt.parent.mkdir()
    apt.write_text(f"#!/bin/sh\necho $$ >{told}\nexec sleep 60\n")
    apt.chmod(0o755)
    path = f"{apt.parent}:{os.environ['PATH']}"
    setup = in_new_cache.start("setup", PATH=path, ODOO_HOME="", **NO_NETWORK)
    wait_until(lambda: told.exists() and told.read_text() and (in_new_cache.cache / "venv" / "bin").exists())
    os.kill(setup.pid, how)
    setup.communicate(timeout=30)
    assert setup.returncode != 0
    wait_until(lambda: is_gone(int(told.read_text())))
    if how != signal.SIGKILL:
        assert not (in_new_cache.cache / "venv").exists()
        assert not list(in_new_cache.cache.glob("odoo-building-*"))


def is_gone(process):
    try:
        return "State:\tZ" in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_second_setup_does_nothing(commands):
    built = [commands.cache / "venv", commands.cache / "odoo", *(commands.cache / "stamps").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in built if path.exists()}
    started = time.monotonic()
    again = commands.run("setup")
    seconds = time.monotonic() - started
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert seconds < 5, "it takes 0.3 s on an idle machine"
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_a_setup_waits_for_another_one(commands):
    with open(commands.cache / "build.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = commands.start("setup")
        assert "Waiting for another" in waiting.stderr.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(0.5)
        fcntl.flock(lock, fcntl.LOCK_UN)
    assert waiting.wait(30) == 0
    waiting.communicate()
