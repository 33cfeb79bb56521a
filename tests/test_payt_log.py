"""What a whole run writes into the log file of a real Odoo server, at its most talkative, has no secret.

Nor has what it leaves in the tables that people come to read.
"""

import re
import socket
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from .payt_sandbox import running_sandbox
from .processes import database, run_script, start_anew

IBANS = ("NL91ABNA0417164300", "NL20INGB0001234567")  # of the customers in scripts/payt_records.py
WEBHOOK_SECRET = "the-secret-of-webhooks-0123456789"
UNUSED_CODE = "a-code-that-was-never-used-up"
PATIENCE = 120
UNSENT = "SELECT id FROM payt_outbox WHERE state IN ('pending', 'refused', 'error') ORDER BY id"
TOLD_IN = (
    "payt_outbox",
    "queue_job",
    "mail_message",
    "mail_tracking_value",
    "mail_activity",
    "mail_mail",
    "ir_logging",
)
LATER = "UPDATE payt_outbox SET next_try_at = now() AT TIME ZONE 'UTC' + interval '1 hour'"


class Server:
    """Odoo with its scheduled actions and job runner, and a browser's session in it."""

    def __init__(self, cluster, name, log):
        self.cluster, self.name, self.log = cluster, name, log
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.session = requests.Session()

    def __enter__(self):
        parameter = "UPDATE ir_config_parameter SET value = '{}' WHERE key = 'web.base.url'"
        self.cluster.sql(parameter.format(self.url), database=self.name)
        command = ["-m", "odoo", "server", "-d", self.name, "--db-filter", f"^{self.name}$"]
        command += ["--http-port", str(self.port), "--logfile", str(self.log), "--log-level", "debug"]
        # all but SQL, whose statements have every value in them and which nobody logs in production
        for logger in ("urllib3", "werkzeug", "requests", "odoo.addons.queue_job"):
            command += ["--log-handler", f"{logger}:DEBUG"]
        self.process = start_anew(self.cluster, *command)
        wait_for(self.answers)
        return self

    def __exit__(self, *exception):
        self.stop()

    def stop(self):
        """End it, so that its log is whole."""
        if self.process.returncode is None:
            self.process.terminate()
            _out, self.said = self.process.communicate(timeout=60)

    def answers(self):
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            return self.session.get(f"{self.url}/web/health", timeout=5).ok
        except (requests.ConnectionError, requests.Timeout):
            return False

    def log_in(self):
        page = self.session.get(f"{self.url}/web/login", timeout=60).text
        form = {"csrf_token": re.search(r'name="csrf_token" value="([^"]+)"', page)[1]}
        form |= {"login": "admin", "password": "admin"}
        assert "/web/login" not in self.session.post(f"{self.url}/web/login", data=form, timeout=60).url

    def start_authorization(self):
        """Press the button and agree at PAYT.

        :return: the address a person comes back to, which holds the code
        """
        [[backend]] = self.cluster.sql("SELECT id FROM payt_backend", database=self.name)
        there = self.session.get(f"{self.url}/payt/oauth/start/{backend}", allow_redirects=False, timeout=60)
        back = requests.get(there.headers["Location"], allow_redirects=False, timeout=60)
        return back.headers["Location"]

    def try_again(self, ids):
        """As a person does in the list of the outbox."""
        call = {"model": "payt.outbox", "method": "action_try_again", "args": [ids], "kwargs": {}}
        url = f"{self.url}/web/dataset/call_kw/payt.outbox/action_try_again"
        answer = self.session.post(url, json={"jsonrpc": "2.0", "method": "call", "params": call}, timeout=60).json()
        assert "error" not in answer, answer

    def get_unsent(self):
        return [int(row) for [row] in self.cluster.sql(UNSENT, database=self.name)]

    def get_told(self):
        """What people come to read, by table: chatter, activities, jobs and the outbox."""
        rows = {name: self.cluster.sql(f"SELECT t::text FROM {name} t", database=self.name) for name in TOLD_IN}
        assert all(rows[name] for name in ("payt_outbox", "queue_job", "mail_message"))
        return {name: "\n".join("\t".join(row) for row in found) for name, found in rows.items()}


def find_free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.5)


def order_troubles(sandbox):
    """Each in words that hold what must not be told."""
    tokens = [token["access_token"] for token in sandbox.world.store.tokens if token.get("refresh_token")]
    reason = f"Odd: account {IBANS[0]}, token {tokens[-1]}"
    for path in ("/v1/debtors", "/v1/contacts", "/v1/invoices"):
        sandbox.fail("record_error", method="POST", path=path, reason=reason)
    sandbox.fail("refuse", method="POST", path="/v1/psp_mandates", reason=reason)
    sandbox.fail("lost_answer", method="POST", path="/v1/psp_mandates")
    sandbox.fail("error", method="PUT", path="/file_storage")
    sandbox.fail("expired_token", method="POST", path="/v1/invoices")


def get_secrets(sandbox, codes):
    store = sandbox.world.store
    with sandbox.world.lock:
        tokens = [token.get(name) for token in store.tokens for name in ("access_token", "refresh_token", "code")]
        addresses = [file["_upload_key"] for file in store.files]
    return {sandbox.client_secret, WEBHOOK_SECRET, *IBANS, *codes, *filter(None, tokens), *addresses}


@pytest.fixture
def server(tmp_path):
    with running_sandbox(requests_per_second=100_000) as sandbox, database("payt-log") as (cluster, name):
        access = (sandbox.url, str(sandbox.administration_id), sandbox.client_secret, WEBHOOK_SECRET)
        run_script(cluster, name, "payt_records.py", "make_for_a_person", *access)
        cluster.sql(LATER, database=name)  # until the troubles are ordered, which are to name a token
        with Server(cluster, name, tmp_path / "odoo.log") as server:
            yield sandbox, server


def test_the_log_of_a_server_that_brings_everything_to_payt_has_no_secret(server):
    sandbox, server = server
    server.log_in()
    refused = server.start_authorization()
    wrong = f"{refused.partition('?')[0]}?code={UNUSED_CODE}&state=guessed"
    assert server.session.get(wrong, timeout=60).status_code == 403
    back = server.start_authorization()
    assert server.session.get(back, allow_redirects=False, timeout=60).status_code == 303
    order_troubles(sandbox)
    codes = [UNUSED_CODE, *(parse_qs(urlsplit(address).query)["code"][0] for address in (refused, back))]

    def is_done():
        if unsent := server.get_unsent():
            server.try_again(unsent)
        return not unsent

    wait_for(is_done)
    assert sandbox.faults.waiting == [], "some troubles never happened"
    server.stop()

    log = server.log.read_text() + server.said
    for heard in ("/payt/oauth/callback?***", "POST /v1/invoices", "/queue_job/runjob", "odoo.addons.queue_job"):
        assert heard in log, f"{heard} isn't in the log, so there was less to hear than was thought"
    tables = server.get_told()
    for secret in get_secrets(sandbox, codes):
        assert secret not in log, next(line for line in log.splitlines() if secret in line)
        for table, told in tables.items():
            assert secret not in told, f"{secret[:4]}... is in {table}"
