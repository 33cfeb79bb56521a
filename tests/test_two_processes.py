"""Two and four real processes that bill the same date at once bill nobody twice."""

import json
import time

import pytest

from .processes import SCRIPTS, check, sample_database, start

INVOICES_PER_CUSTOMER = """
    SELECT p.ref, count(DISTINCT m.id), sum(l.price_subtotal)
      FROM account_move m
      JOIN res_partner p ON p.id = m.commercial_partner_id
      JOIN account_move_line l ON l.move_id = m.id AND l.subscription_line_id IS NOT NULL
     WHERE m.state = 'posted' GROUP BY p.ref ORDER BY p.ref"""


@pytest.mark.parametrize("count", [2, 4])
def test_processes_that_bill_the_same_date_at_once_bill_nobody_twice(tmp_path, count):
    with sample_database("race") as (cluster, database):
        signal, ready = tmp_path / "start", [tmp_path / f"ready-{number}" for number in range(count)]
        script = SCRIPTS / "bill_together.py"
        processes = [start(cluster, script, database, "2026-01-01", path, signal) for path in ready]
        try:
            while not all(path.exists() for path in ready):
                assert all(process.poll() is None for process in processes), "a process ended before the start signal"
                time.sleep(0.05)
            signal.touch()
            for process in processes:
                check(process)
        finally:
            for process in processes:
                process.kill()

        invoices = cluster.sql(INVOICES_PER_CUSTOMER, database=database)
        assert len(invoices) == 35
        assert {row[1] for row in invoices} == {"1"}
        ledger = "SELECT count(*), count(DISTINCT (subscription_line_id, period_start)) FROM bfocused_billing_charge"
        [(rows, different)] = cluster.sql(ledger + " WHERE state <> 'void'", database=database)
        assert rows == different
        total = "SELECT sum(amount_untaxed) FROM account_move WHERE state = 'posted' AND move_type = 'out_invoice'"
        assert json.loads(cluster.sql(total, database=database)[0][0]) == 34096.04
