"""``bin/setup``: what it refuses, what it leaves after a failure, and that a second one does nothing."""

import fcntl
import os
import signal
import subprocess
import time

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


def test_without_package_index_one_sentence_and_nothing_left(in_new_cache, assert_one_sentence):
    failed = in_new_cache.run("setup", PIP_RETRIES="0", PIP_NO_CACHE_DIR="1", **NO_NETWORK)
    assert_one_sentence(failed, "package index", "run this again")
    assert not (in_new_cache.cache / "venv").exists()
    assert not (in_new_cache.cache / "stamps").exists()


def test_without_debian_mirror_one_sentence_and_nothing_left(in_new_cache):
    in_new_cache.cache.mkdir()
    step = in_new_cache.python("from billing_env import odoo_source; odoo_source._ensure_packaged_tree()", **NO_NETWORK)
    _output, errors = step.communicate(timeout=60)
    assert step.returncode == 1
    assert "BillingEnvError: could not download odoo-19" in errors.strip().splitlines()[-1]
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
