"""Databases: which ones the commands refuse, and that no other than their own is ever replaced."""

import os
import shutil
import socket

import pytest
from billing_env import databases, postgres
from billing_env.errors import BillingEnvError


@pytest.fixture
def cluster():
    """The server this test run uses."""
    with postgres.running() as server:
        yield databases.Cluster(server)


@pytest.fixture
def template():
    return os.environ["BFOCUSED_TEST_TEMPLATE"]


@pytest.fixture
def busy_port():
    """A port something listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_in_use_is_told_at_once(commands, assert_one_sentence, busy_port, command):
    assert_one_sentence(commands.run(command, "--port", busy_port), str(busy_port), "--port")


@pytest.mark.parametrize("port", ["0", "65536", "web"])
def test_a_port_that_is_none_is_refused(commands, port):
    refused = commands.run("serve", "--port", port)
    assert refused.returncode == 2
    assert "name one from 1 to 65535" in refused.stderr


def test_a_database_that_is_not_there(commands, assert_one_sentence):
    assert_one_sentence(commands.run("serve", "-d", "bfb_not_there", "--port", "8199"), "bfb_not_there", "-d")


def test_a_database_of_an_older_version_is_told_how_to_update(commands, assert_one_sentence, cluster, template):
    with databases.temporary_copy(cluster, template, "older") as name:
        cluster.sql(
            "UPDATE ir_module_module SET latest_version = '19.0.0.0.1' WHERE name = 'bfocused_billing'", database=name
        )
        refused = commands.run("serve", "-d", name, "--port", "8199")
    assert_one_sentence(refused, name, "19.0.0.0.1", f"bin/odoo -d {name} -u bfocused_billing", "bin/demo")


def test_a_database_of_somebody_else_is_never_replaced(cluster):
    name = f"bfb_foreign_{os.getpid()}"
    cluster.create(name)
    try:
        with pytest.raises(BillingEnvError, match="rename or drop it first"):
            databases.check_replaceable(cluster, name)
    finally:
        cluster.drop(name)


def test_a_database_in_use_is_not_replaced(cluster, template):
    with databases.temporary_copy(cluster, template, "used") as name:
        assert databases.check_replaceable(cluster, name) is None
        import psycopg2  # noqa: PLC0415  only this test talks to a database itself

        connection = psycopg2.connect(dbname=name)
        try:
            with pytest.raises(BillingEnvError, match="in use: stop bin/serve"):
                databases.check_replaceable(cluster, name)
        finally:
            connection.close()


def test_a_failed_run_leaves_the_earlier_database(cluster, template):
    name = f"bfb_kept_{os.getpid()}"
    try:
        with databases.fresh_copy(cluster, template, name) as building:
            cluster.sql("UPDATE res_company SET name = 'first'", database=building)
        with pytest.raises(ZeroDivisionError), databases.fresh_copy(cluster, template, name) as building:
            cluster.sql("UPDATE res_company SET name = 'second'", database=building)
            raise ZeroDivisionError
        assert not cluster.exists(building)
        assert cluster.sql("SELECT DISTINCT name FROM res_company", database=name) == [["first"]]
        assert (databases.FILESTORE / name).is_dir()
    finally:
        cluster.drop(name)


def test_a_copy_left_by_a_killed_process_is_dropped(cluster, template):
    ended = os.spawnlp(os.P_NOWAIT, "true", "true")
    os.waitpid(ended, 0)
    left = f"bfb_left_{ended}"
    cluster.copy(template, left)
    with databases.temporary_copy(cluster, template, "left"):
        assert not cluster.exists(left)


def test_the_copy_shares_files_and_not_more(cluster, template):
    with databases.temporary_copy(cluster, template, "files") as name:
        original = next(path for path in (databases.FILESTORE / template).rglob("*") if path.is_file())
        copied = databases.FILESTORE / name / original.relative_to(databases.FILESTORE / template)
        assert copied.stat().st_ino == original.stat().st_ino
    assert original.exists() and not copied.exists()
    assert not cluster.exists(name)


def test_a_template_whose_files_are_gone_is_built_anew(cluster, template):
    name = f"bfb_gone_{os.getpid()}"
    cluster.copy(template, name)
    try:
        cluster.open(name, "template")
        assert databases._is_whole(cluster, name)
        shutil.rmtree(databases.FILESTORE / name)
        assert not databases._is_whole(cluster, name)
        assert not cluster.exists(name)
    finally:
        cluster.drop(name)


def test_what_changes_a_database_changes_its_template(monkeypatch, tmp_path):
    addon = tmp_path / "bfocused_billing"
    (addon / "tests").mkdir(parents=True)
    (addon / "__manifest__.py").write_text("{'depends': ['base']}")
    (tmp_path / "requirements.txt").write_text("")
    monkeypatch.setattr(databases, "CHECKOUT", tmp_path)
    base, template = databases.base_name(), databases.template_name()
    (addon / "tests" / "test_more.py").write_text("pass")
    assert databases.template_name() == template, "tests change nothing"
    (addon / "models.py").write_text("pass")
    changed = databases.template_name()
    assert changed != template and databases.base_name() == base
    (addon / "models.py").rename(addon / "views.py")
    assert databases.template_name() not in (template, changed)
    (addon / "__manifest__.py").write_text("{'depends': ['base', 'sale']}")
    assert databases.base_name() != base
