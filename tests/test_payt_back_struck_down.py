"""Workers that read back what happened at PAYT are killed, one after the other: the end is that of an unharmed run."""

import json
from collections import Counter
from decimal import Decimal

import pytest
from billing_env import databases

from odoo.addons.bfocused_billing.tests.size import at_size

from .payt_sandbox import running_sandbox
from .processes import SCRIPTS, check, database, run_script, start

# What happens at PAYT to the invoices, by their places; invoice n is of customer n % 4
HALVES = [{"amount": "60.50", "due_date": "2027-01-15"}, {"amount": "60.50", "due_date": "2027-02-15"}]
FIRST = [
    *[("pay", 0, {}), ("pay", 1, {"amount": "30.00"}), ("pay", 2, {"amount": "150.00"})],
    *[("debit", 3, {}), ("settle_debit", 3, {})],
    *[("debit", 4, {}), ("settle_debit", 4, {}), ("reverse", 4, {"code": "AM04"})],
    *[("debit", [5, 9], {}), ("settle_debit", 5, {}), ("reverse", 5, {"code": "MS03"})],
    *[("make_collectable", 6, {}), ("collection", 6, {"interest": "1.23"}), ("pay_costs", 6, {}), ("pay", 6, {})],
    *[("collection", 7, {}), ("bailiff", 7, {}), ("pay_bailiff", 7, {"amount": "25.00"})],
    *[("delete", 8, {"resource": "invoices"}), ("propose_plan", 10, {"terms": HALVES})],
    *[("pay", 11, {}), ("refund", 11, {})],
]
LATER = [
    *[
        ("pay", 1, {"method": "creditcard"}),
        ("reverse", 3, {"code": "MD06"}),
        ("pay", 4, {}),
        ("pay", 9, {"amount": "0.01"}),
    ],
    *[("dispute", 5, {}), ("pay_bailiff", 7, {"amount": "10.00"}), ("bounce", 10, {})],
    *[("debit", 11, {}), ("fail_debit", 11, {"code": "AM04"}), ("reverse", 2, {"code": "MD06"}), ("pay", 2, {})],
]
# Each worker does again what the one before was killed at, and gets further
READ_AND_FOLLOWED = at_size(
    full=[
        *["first page stored", "page committed", "second page of payments stored", "invoices followed"],
        *["invoice deleted", "credit case followed", "payment booked", "between batches of payments", "costs booked"],
        *["return confirmed", "payments returned", "plan made"],
    ],
    short=[
        *["first page stored", "second page of payments stored", "invoice deleted", "payment booked"],
        *["between batches of payments", "return confirmed", "plan made"],
    ],
)
TOLD_AND_FOLLOWED = at_size(
    full=[
        *["events read", "events worked off", "between batches of events", "payment booked", "return confirmed"],
        *["signal kept", "transaction failed"],
    ],
    short=["events worked off", "payment booked", "transaction failed"],
)

# What a worker made that was killed leaves a gap in the ids of what is made later
RECORD = """{0}, CASE WHEN {0} = 'res.partner' OR {0} = 'account.move'
                       AND res_id IN (SELECT id FROM account_move WHERE move_type = 'out_invoice') THEN res_id END"""
TEXT = "regexp_replace(body, '[0-9[:space:]]+', ' ', 'g')"
# What following makes, without ids and moments of writing
MADE = {
    "payments": """
        SELECT p.payt_payment_id, p.payt_reversal_id, p.payt_transaction_id, p.payt_cost_type, p.amount, p.date,
               p.state, m.name, e.state, e.date
          FROM account_payment p
          JOIN account_move m ON m.id = p.payt_move_id JOIN account_move e ON e.id = p.move_id""",
    "invoices": """
        SELECT name, amount_residual, payment_state, payt_state, payt_invoice_id, payt_message
          FROM account_move WHERE move_type = 'out_invoice'""",
    "entries": """
        SELECT a.code_store, j.name, l.parent_state, sum(l.balance), sum(l.amount_residual), count(*)
          FROM account_move_line l JOIN account_account a ON a.id = l.account_id
          JOIN account_journal j ON j.id = l.journal_id GROUP BY 1, 2, 3""",
    "reconciled": "SELECT amount FROM account_partial_reconcile",
    "returns": """
        SELECT r.name, r.state, r.date, l.amount, l.reference, l.reason_additional_information
          FROM payment_return r JOIN payment_return_line l ON l.return_id = r.id""",
    "reversals": """
        SELECT commercial_partner_id, code, date, amount, retry_date, is_counted, state
          FROM bfocused_payment_reversal""",
    "events": "SELECT m.name, e.kind, e.moment FROM payt_event e JOIN account_move m ON m.id = e.move_id",
    "signals": "SELECT key, kind, state, moment FROM payt_signal",
    "cases": "SELECT payt_id, name, stage, open_amount FROM payt_credit_case",
    "plans": "SELECT payt_plan_id, payt_state, state FROM bfocused_payment_arrangement",
    "terms": "SELECT payt_term_id, amount, payt_open_amount FROM bfocused_payment_arrangement_term",
    "activities": f"SELECT {RECORD.format('res_model')}, summary, user_id FROM mail_activity",
    "messages": f"SELECT {RECORD.format('model')}, message_type, {TEXT} FROM mail_message WHERE model LIKE '%.%'",
    "mandates": "SELECT unique_mandate_reference, state, last_debit_date FROM account_banking_mandate",
    "outbox": "SELECT resource, model, state, count(*) FROM payt_outbox GROUP BY 1, 2, 3",
    "records": "SELECT resource, payt_id, state, model, message, deleted_at FROM payt_mirror",
    "told": "SELECT event_id, state FROM payt_webhook_event",
}
ONCE = ("payments", "returns", "events", "signals", "cases", "plans", "terms", "records", "told")
ASKED_TWICE = "SELECT res_model, res_id, summary FROM mail_activity GROUP BY 1, 2, 3 HAVING count(*) > 1"
CLEARING = """
    SELECT coalesce(sum(l.balance), 0) FROM account_move_line l
     WHERE l.parent_state = 'posted' AND l.account_id IN (
           SELECT m.payment_account_id FROM account_payment_method_line m
             JOIN payt_backend b ON b.journal_id = m.journal_id)"""
LEFT = """
    SELECT method_name, state FROM queue_job
     WHERE state <> 'done' AND method_name IN ('_job_read', '_job_apply', '_job_work_off')"""


@pytest.fixture
def world():
    """A sandbox, and two databases alike: one is struck, the other one is left alone."""
    with running_sandbox(requests_per_second=100_000) as sandbox, database("payt-back") as (cluster, struck):
        connection = (sandbox.url, str(sandbox.administration_id), sandbox.token)
        run_script(cluster, struck, "payt_records.py", "make_to_play", *connection)
        with databases.temporary_copy(cluster, struck, "payt-back-unharmed") as unharmed:
            yield sandbox, cluster, struck, unharmed


def play(sandbox, names, stories):
    for do, place, values in stories:
        invoice = [names[one] for one in place] if isinstance(place, list) else names[place]
        sandbox.play(do, invoice=invoice, **values)


def follow(world, told, points):
    """Let both databases follow at the same time, one of them with workers that are killed."""
    _sandbox, cluster, struck, unharmed = world
    processes = [
        start(cluster, SCRIPTS / "payt_back_worker.py", unharmed, told),
        start(cluster, SCRIPTS / "payt_back_worker.py", struck, told, *points),
    ]
    for process in processes:
        check(process)


def get_made(cluster, name):
    return {what: sorted(cluster.sql(query, database=name)) for what, query in MADE.items()}


def assert_same_end(world):
    sandbox, cluster, struck, unharmed = world
    made, wanted = get_made(cluster, struck), get_made(cluster, unharmed)
    for what in MADE:
        assert made[what] == wanted[what], what
    for what in ONCE:
        assert max(Counter(map(tuple, made[what])).values(), default=1) == 1, what
    assert cluster.sql(ASKED_TWICE, database=struck) == []
    assert {row[2] for row in made["records"]} == {"done"}
    assert cluster.sql(LEFT, database=struck) == []
    assert_as_at_payt(sandbox.state(), made, cluster.sql(CLEARING, database=struck))


def assert_as_at_payt(state, made, clearing):
    """To the cent, and each payment and each reversal once."""
    theirs = [p for p in state["payments"] if p.get("_psp_transaction_id") or p["description"] == "Paid to the bailiff"]
    is_back = {str(payment["id"]): payment["transaction_type"] == "reversal" for payment in theirs}
    assert sorted(row[0] for row in made["payments"]) == sorted(number for number in is_back if not is_back[number])
    assert sorted(row[1] for row in made["payments"] if row[1]) == sorted(n for n in is_back if is_back[n])
    taken_back = {payment["_psp_transaction_id"] for payment in theirs if is_back[str(payment["id"])]}
    assert {row[4] for row in made["returns"]} == taken_back
    residuals = {name: Decimal(residual) for name, residual, *_rest in made["invoices"]}
    for invoice in state["invoices"]:
        assert residuals[invoice["invoice_number"]] == max(Decimal(invoice["open_amount"]), 0), invoice
    collected = sum(Decimal(payment["total_book_amount"]) for payment in theirs)
    assert [[Decimal(balance) for [balance] in clearing]] == [[collected]]


def test_whatever_a_worker_is_killed_at_the_end_is_that_of_an_unharmed_one(world, tmp_path):
    sandbox, cluster, struck, _unharmed = world
    names = [n for [n] in cluster.sql("SELECT name FROM account_move WHERE payt_state = 'pushed' ORDER BY id", struck)]
    assert len(names) == 12
    sandbox.play("send_all")
    play(sandbox, names, FIRST)
    follow(world, "-", READ_AND_FOLLOWED)
    assert_same_end(world)

    sandbox.world.webhook.update(enabled=True, mode={"manual": True})  # so that it notes what it would tell
    play(sandbox, names, LATER)
    told = tmp_path / "told.json"
    told.write_text(json.dumps([event["event"] for event in sandbox.world.store.events]))
    follow(world, str(told), TOLD_AND_FOLLOWED)
    assert_same_end(world)
