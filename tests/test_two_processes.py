"""Two and four real processes that bill the same date at once bill nobody twice."""

import json
import time

import pytest

from odoo.addons.bfocused_billing.tests.size import at_size

from .processes import SCRIPTS, check, run_script, sample_database, start

INVOICES_PER_CUSTOMER = """
    SELECT p.ref, count(DISTINCT m.id), sum(l.price_subtotal)
      FROM account_move m
      JOIN res_partner p ON p.id = m.commercial_partner_id
      JOIN account_move_line l ON l.move_id = m.id AND l.subscription_line_id IS NOT NULL
     WHERE m.state = 'posted' GROUP BY p.ref ORDER BY p.ref"""


QUANTITIES_OF_ORDERS = """
    SELECT l.product_uom_qty, l.qty_invoiced, sum(i.quantity), count(DISTINCT i.move_id), count(DISTINCT l.id)
      FROM sale_order_line l
      JOIN sale_order_line_invoice_rel r ON r.order_line_id = l.id
      JOIN account_move_line i ON i.id = r.invoice_line_id AND i.parent_state = 'posted'
     GROUP BY l.id, l.product_uom_qty, l.qty_invoiced"""


def start_together(cluster, database, folder, script, arguments):
    """Run a script in several processes, from the same moment on.

    :param arguments: tuple of the script's arguments for each process
    """
    signal, ready = folder / "start", [folder / f"ready-{number}" for number in range(len(arguments))]
    processes = [
        start(cluster, SCRIPTS / script, database, *own, path, signal)
        for own, path in zip(arguments, ready, strict=True)
    ]
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


def bill_together(cluster, database, folder, *ways):
    """Bill 1 January in several processes at the same moment.

    :param ways: for each process ``()`` for a month turn, or ``("now",)`` for a run of some customers
    """
    start_together(cluster, database, folder, "bill_together.py", [("2026-01-01", *way) for way in ways])


WAYS = {
    "two month turns": [()] * 2,
    "Bill now during the month turn": [(), ("now",)],
    **at_size({"four month turns": [()] * 4}, {}),
}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
def test_processes_that_bill_the_same_date_at_once_bill_nobody_twice(tmp_path, ways):
    with sample_database("race") as (cluster, database):
        bill_together(cluster, database, tmp_path, *ways)

        invoices = cluster.sql(INVOICES_PER_CUSTOMER, database=database)
        assert len(invoices) == 35
        assert {row[1] for row in invoices} == {"1"}
        ledger = "SELECT count(*), count(DISTINCT (subscription_line_id, period_start)) FROM bfocused_billing_charge"
        [(rows, different)] = cluster.sql(ledger + " WHERE state <> 'void'", database=database)
        assert rows == different
        total = "SELECT sum(amount_untaxed) FROM account_move WHERE state = 'posted' AND move_type = 'out_invoice'"
        assert json.loads(cluster.sql(total, database=database)[0][0]) == 34096.04


def test_orders_billed_at_once_by_two_processes_are_billed_once(tmp_path):
    with sample_database("orders") as (cluster, database):
        run_script(cluster, database, "make_orders.py")
        bill_together(cluster, database, tmp_path, (), ())

        rows = cluster.sql(QUANTITIES_OF_ORDERS, database=database)
        assert len(rows) == 60
        billed = sorted((float(invoiced), float(on_invoices), moves) for _qty, invoiced, on_invoices, moves, _n in rows)
        assert billed == [(1.5, 1.5, "1")] * 20 + [(2.0, 2.0, "1")] * 20 + [(3.0, 3.0, "1")] * 20
        ledger = "SELECT count(*), count(DISTINCT sale_line_id) FROM bfocused_billing_charge WHERE kind = 'sale'"
        assert cluster.sql(ledger + " AND state = 'billed'", database=database) == [["60", "60"]]


@pytest.mark.parametrize(
    ("files", "calls", "stored"),
    [([("0", "99"), ("0", "99")], 100, 1), ([("0", "99"), ("50", "149")], 150, 2)],
    ids=["the same file", "overlapping files"],
)
def test_files_imported_at_once_bring_each_call_once(tmp_path, files, calls, stored):
    with sample_database("calls") as (cluster, database):
        run_script(cluster, database, "make_number.py")
        start_together(cluster, database, tmp_path, "import_together.py", files)

        def number(query):
            return int(cluster.sql(query, database=database)[0][0])

        assert number("SELECT count(*) FROM bfocused_usage_record") == calls
        assert number("SELECT count(DISTINCT started_at) FROM bfocused_usage_record") == calls
        assert number("SELECT sum(usage_calls) FROM bfocused_billing_charge WHERE kind = 'usage'") == calls
        assert number("SELECT count(*) FROM bfocused_usage_file") == stored
        rows = "SELECT count(*) FROM bfocused_usage_file WHERE row_count = new_count + duplicate_count"
        assert number(rows) == stored
