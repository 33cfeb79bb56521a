"""Whatever strikes a worker down, at whatever step: after Retry each customer has one invoice with the right lines."""

import itertools

import pytest
from billing_env.databases import temporary_copy

from odoo.addons.bfocused_billing.tests.size import at_size

from .processes import SCRIPTS, run_script, sample_database, start

STEPS = ["drafts created", "charges created", "posted", "handed to sending", "outcome recorded", "committed"]
STRIKES = at_size(
    [*itertools.product(STEPS, ["kill"]), *itertools.product(["charges created", "posted"], ["cut"])],
    [("drafts created", "kill"), ("posted", "kill"), ("outcome recorded", "kill"), ("charges created", "cut")],
)
CUSTOMERS = at_size(1000, 14)  # more than there are, or enough for some chunks (see worker.py)
TURNS = [f"{year}-{month:02}-01" for year in (2023, 2024, 2025) for month in (1, 4, 7, 10)]

# the subscriptions of the first customers begin at the first turn, others after all of them
BEGIN = f"""
    UPDATE sale_subscription s SET date_start =
           (CASE WHEN place <= {CUSTOMERS} THEN '{TURNS[0]}' ELSE '2099-01-01' END)::date
      FROM (SELECT p.id, dense_rank() OVER (ORDER BY p.commercial_partner_id) AS place FROM res_partner p
             WHERE p.id IN (SELECT partner_id FROM sale_subscription)) customer
     WHERE customer.id = s.partner_id"""
BEGIN_LINES = """
    UPDATE sale_subscription_line l SET next_billing_date = s.date_start
      FROM sale_subscription s WHERE s.id = l.sale_subscription_id"""
INVOICED = """
    SELECT p.ref, m.invoice_date, m.state, replace(l.name, chr(10), ' '), l.start_date, l.end_date, l.price_subtotal,
           count(*)
      FROM account_move m
      JOIN res_partner p ON p.id = m.commercial_partner_id
      JOIN account_move_line l ON l.move_id = m.id AND l.display_type = 'product'
     WHERE m.move_type = 'out_invoice'
  GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"""
CHARGED = "SELECT kind, state, count(*), sum(amount_untaxed) FROM bfocused_billing_charge GROUP BY 1, 2 ORDER BY 1, 2"
HANDED_OVER = """
    SELECT handed FROM queue_job, jsonb_array_elements_text((records #>> '{}')::jsonb -> 'ids') AS handed
     WHERE method_name = '_job_send' ORDER BY handed::int"""
POSTED = "SELECT m.id FROM account_move m WHERE state = 'posted' AND billing_run_id IS NOT NULL ORDER BY m.id"
NUMBERS = """
    SELECT sequence_prefix, count(*), min(sequence_number), max(sequence_number)
      FROM account_move WHERE state = 'posted' GROUP BY 1 ORDER BY 1"""


@pytest.fixture(scope="module")
def databases():
    """Two databases alike, all subscriptions begun at the first turn: one is struck, the other one is left alone."""
    with sample_database("struck") as (cluster, struck):
        cluster.sql(BEGIN, database=struck)
        cluster.sql("UPDATE sale_subscription_line SET date_start = NULL", database=struck)
        cluster.sql(BEGIN_LINES, database=struck)
        run_script(cluster, struck, "make_orders_and_calls.py", *TURNS)
        with temporary_copy(cluster, struck, "unharmed") as unharmed:
            yield cluster, struck, unharmed


@pytest.mark.parametrize(("strike", "day"), zip(STRIKES, TURNS, strict=False), ids=str)
def test_after_a_strike_retry_leaves_what_an_unharmed_run_makes(databases, strike, day):
    cluster, struck, unharmed = databases
    victim = start(cluster, SCRIPTS / "worker.py", struck, day, *strike)
    _out, err = victim.communicate(timeout=300)
    assert "STRUCK" in err, err[-3000:]
    control = start(cluster, SCRIPTS / "worker.py", unharmed, day, "", "")
    healing = start(cluster, SCRIPTS / "recover.py", struck, day)
    for process in (control, healing):
        _out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err[-3000:]
    invoiced = cluster.sql(INVOICED, database=struck)
    assert invoiced == cluster.sql(INVOICED, database=unharmed)
    assert {row[1] for row in invoiced} >= {day}
    assert {row[-1] for row in invoiced} == {"1"}
    charged = cluster.sql(CHARGED, database=struck)
    assert charged == cluster.sql(CHARGED, database=unharmed)
    assert {row[0] for row in charged} >= {"sale", "subscription", "usage"}
    assert cluster.sql(HANDED_OVER, database=struck) == cluster.sql(POSTED, database=struck), "sent not once"
    for _prefix, count, first, last in cluster.sql(NUMBERS, database=struck):
        assert int(count) == int(last) - int(first) + 1, "a number is missing"
