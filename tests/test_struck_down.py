"""Whatever strikes a worker down, at whatever step: after Retry each customer has one invoice with the right lines."""

import itertools

import pytest

from .processes import SCRIPTS, run_script, sample_database, start

STEPS = ["drafts created", "charges created", "posted", "handed to sending", "outcome recorded", "committed"]
STRIKES = [*itertools.product(STEPS, ["kill"]), *itertools.product(["charges created", "posted"], ["cut"])]
TURNS = [f"{year}-{month:02}-01" for year in (2023, 2024, 2025) for month in (1, 4, 7, 10)]

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
    with sample_database("struck") as (cluster, struck), sample_database("unharmed") as (_cluster, unharmed):
        for name in (struck, unharmed):
            cluster.sql(f"UPDATE sale_subscription SET date_start = '{TURNS[0]}'", database=name)
            cluster.sql(
                f"UPDATE sale_subscription_line SET date_start = NULL, next_billing_date = '{TURNS[0]}'", database=name
            )
            run_script(cluster, name, "make_orders_and_calls.py", *TURNS)
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
