"""The sandbox of a database: its state is kept, its address found again, and a failed demo leaves the old one."""

import socket
import time
from urllib.parse import urlsplit

import pytest
import requests
from billing_env import payt_sandbox

ODOO_PORT = 1  # where nobody listens


class Database:
    """Answers what is asked about a database's connection to PAYT."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.told = []

    def sql(self, statement, database):
        if statement.startswith("UPDATE"):
            self.told.append(statement)
            return []
        if "webhook_key" in statement:
            return [["the-key", "the-secret"]]
        if "pg_class" in statement:
            return [["1"]]
        return [[self.base_url]] if self.base_url else []


@pytest.fixture(autouse=True)
def states(tmp_path, monkeypatch):
    monkeypatch.setattr(payt_sandbox, "STATES", tmp_path / "payt")
    monkeypatch.setattr(payt_sandbox, "PREFERRED_PORT", 0)
    return tmp_path / "payt"


def set_costs(url, amount):
    """Leave something in the sandbox that can be recognised."""
    answer = requests.post(f"{url}/_sandbox/settings", json={"collection_costs_minimum": amount}, timeout=10)
    assert answer.ok, answer.text


def get_costs(url):
    return requests.get(f"{url}/_sandbox/settings", timeout=10).json()["collection_costs_minimum"]


def test_a_fresh_sandbox_becomes_the_databases_own_and_answers_where_the_database_looks():
    with payt_sandbox.fresh("shop") as ready:
        assert ready["token"] and ready["administration_id"]
        set_costs(ready["url"], "41.00")
    database = Database(ready["url"])

    with payt_sandbox.beside(database, "shop", ODOO_PORT) as page:
        assert page == ready["url"]
        assert "PAYT sandbox" in requests.get(page, timeout=10).text
        assert get_costs(page) == "41.00"
    assert database.told == []
    with pytest.raises(requests.ConnectionError):
        requests.get(page, timeout=10)


def test_a_failed_demo_leaves_the_sandbox_as_it_was():
    with payt_sandbox.fresh("shop") as ready:
        set_costs(ready["url"], "41.00")
    with pytest.raises(ZeroDivisionError), payt_sandbox.fresh("shop") as other:
        set_costs(other["url"], "99.00")
        raise ZeroDivisionError

    with payt_sandbox.beside(Database(ready["url"]), "shop", ODOO_PORT) as page:
        assert get_costs(page) == "41.00"


def test_where_the_port_is_taken_the_database_hears_of_another_one():
    with payt_sandbox.fresh("shop") as ready:
        pass
    with socket.socket() as other:
        other.bind(("127.0.0.1", urlsplit(ready["url"]).port))
        other.listen()
        database = Database(ready["url"])
        with payt_sandbox.beside(database, "shop", ODOO_PORT) as page:
            assert page != ready["url"]
            [told] = database.told
            assert page in told


def test_a_database_without_sandbox_or_with_payt_itself_has_none(states):
    with payt_sandbox.beside(Database("http://127.0.0.1:1"), "never", ODOO_PORT) as page:
        assert page is None
    with payt_sandbox.fresh("shop"):
        pass
    with payt_sandbox.beside(Database(None), "shop", ODOO_PORT) as page:
        assert page is None


def test_the_sandbox_tells_odoo_what_happens_once_odoo_listens():
    with payt_sandbox.fresh("shop") as ready:
        pass
    with socket.socket() as odoo:
        odoo.bind(("127.0.0.1", 0))
        port = odoo.getsockname()[1]
        with payt_sandbox.beside(Database(ready["url"]), "shop", port) as page:
            hook = f"{page}/_sandbox/webhook"
            assert not requests.get(hook, timeout=10).json()["enabled"]
            odoo.listen()
            deadline = time.monotonic() + 20
            while not (told := requests.get(hook, timeout=10).json())["enabled"] and time.monotonic() < deadline:
                time.sleep(0.1)
    assert told["url"] == f"http://127.0.0.1:{port}/payt/webhook/the-key"
    assert told["secrets"] == ["the-secret"]
