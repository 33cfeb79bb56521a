"""Workers are killed between PAYT's answer and Odoo's commit, one after the other: PAYT and Odoo agree in the end."""

from collections import Counter

import pytest

from .payt_sandbox import running_sandbox
from .processes import SCRIPTS, check, database, run_script, start

# each worker does again what the one before was killed at, and gets one further
STAGES = {
    "": ["vat_rate", "contact", "debtor", "file", "invoice", "psp_mandate"],
    "change": ["psp_mandate_revocation", "invoice_block"],
    "resume": ["invoice_resume"],
}
WAITING = "SELECT resource FROM payt_outbox WHERE state = 'pending' GROUP BY 1"
KEYS = {
    "vat_rates": "code",
    "contacts": "contact_identifier",
    "debtors": "debtor_number",
    "files": "checksum",
    "invoices": "invoice_number",
    "psp_mandates": "mandate_reference",
}


@pytest.fixture
def world():
    settings = {"send_at_once": True, "requests_per_second": 100_000}
    with running_sandbox(**settings) as sandbox, database("payt-struck") as (cluster, name):
        sandbox.world.webhook.update(enabled=True, mode={"manual": True})  # so that it notes what it does
        run_script(cluster, name, "payt_records.py", "make", sandbox.url, str(sandbox.administration_id), sandbox.token)
        yield sandbox, cluster, name


def strike(cluster, name, resource):
    """Let a worker be killed, and see that nothing of what PAYT answered is written down."""
    victim = start(cluster, SCRIPTS / "payt_struck_worker.py", name, resource)
    _out, err = victim.communicate(timeout=300)
    assert "STRUCK" in err, f"never got as far as {resource}: {err[-3000:]}"
    waiting = [found for [found] in cluster.sql(WAITING, database=name)]
    assert ("invoice" if resource == "file" else resource) in waiting, "it had committed already"


def assert_agree(sandbox, cluster, name):
    """Each record once, and as Odoo has it."""
    run_script(cluster, name, "payt_records.py", "compare")
    state = sandbox.state()
    for records, key in KEYS.items():
        counted = Counter(record[key] for record in state[records])
        assert counted and set(counted.values()) == {1}, (records, counted)
    events = Counter(event["event"]["event_name"] for event in sandbox.world.store.events)
    assert events["invoice_step_performed"] == len(state["invoices"]) == 2, "sent twice, or not at all"
    assert events["psp_mandate_created"] == len(state["psp_mandates"]) == 2
    # documents that arrived weren't uploaded again, and mandates not even asked for a second time
    assert sandbox.traffic.by_operation["PUT /file_storage"] == len(state["files"]) == 4
    assert sandbox.traffic.by_operation["POST /v1/psp_mandates"] == 2


def test_whatever_a_worker_is_killed_at_payt_and_odoo_agree_in_the_end(world):
    sandbox, cluster, name = world
    for stage, resources in STAGES.items():
        if stage:
            run_script(cluster, name, "payt_records.py", stage)
        for resource in resources:
            strike(cluster, name, resource)
        check(start(cluster, SCRIPTS / "payt_struck_worker.py", name, ""))
        assert cluster.sql(WAITING, database=name) == [], "something was left"
        assert_agree(sandbox, cluster, name)
        paused = [bool(invoice.get("paused_at")) for invoice in sandbox.state()["invoices"]]
        assert sorted(paused) == [False, stage == "change"]
        revoked = {m["mandate_reference"] for m in sandbox.state()["psp_mandates"] if m["deactivated_at"]}
        assert revoked == (set() if stage == "" else {"M-K2"})
