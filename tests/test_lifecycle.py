"""Updating the add-ons keeps what is billed, and removing them leaves a working Odoo."""

from .processes import run_odoo, run_script, run_script_anew, sample_database


def test_update_and_removal():
    with sample_database("lifecycle") as (cluster, database):
        run_script(cluster, database, "bill.py", "2026-01-01")
        ledger = "SELECT count(*), sum(amount_untaxed) FROM bfocused_billing_charge WHERE state = 'billed'"
        before = cluster.sql(ledger, database=database)
        run_odoo(
            cluster, "-d", database, "-u", "bfocused_billing,bfocused_payt_connector", "--stop-after-init", "--no-http"
        )
        assert cluster.sql(ledger, database=database) == before
        run_script_anew(cluster, database, "bill.py", "2026-02-01")
        said = run_odoo(cluster, "module", "uninstall", "-d", database, "bfocused_payt_connector", "bfocused_billing")
        assert " ERROR " not in said
        run_script_anew(cluster, database, "work_without_billing.py")
