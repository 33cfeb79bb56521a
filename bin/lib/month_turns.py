"""The product's main job on real input: load ``data/``, bill the month turns of January to April 2026, and have PAYT
take all of it.

Runs inside Odoo (the name ``env`` is given) on a fresh database. ``BFOCUSED_DATA`` names the folder with the CSV files,
``BFOCUSED_PAYT`` says how to get into PAYT; the result goes as JSON to the file named by ``BFOCUSED_RESULT``, and as a
table to standard output unless ``BFOCUSED_JSON`` is set.
"""

import json
import os
import sys
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import payt_compare
import payt_hand_over

MONTH_TURNS = [date(2026, month, 1) for month in (1, 2, 3, 4)]
OUTCOMES = ("invoiced", "deferred", "held", "failed")
PORTAL_CUSTOMER = "K1001"
WORK = {  # what the jobs do
    "_job_hand_to_payt": "customers and mandates go to the outbox",
    "_job_send": "documents made",
    "_job_empty": "a batch sent",
}


def money(amount):
    return f"{Decimal(str(amount)):.2f}"


def progress(text, since):
    print(f"  {text} ({time.monotonic() - since:.1f} s)", file=sys.stderr, flush=True)


def load(env, folder):
    """Import the CSV files; stop at a refused row, for the sample data has none."""
    started = time.monotonic()
    env.company.use_billing = True
    wizard = env["bfocused.billing.import"].create({})
    files = {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}
    files.pop("call_records.csv", None)  # of another importer
    reports = wizard._import_files(files)
    refusals = [f"{r.filename} line {number}: {reason}" for r in reports for number, reason in r.refusals]
    if refusals:
        sys.exit("These rows were refused; mend them and run bin/demo again:\n" + "\n".join(refusals))
    for report in reports:
        progress(wizard._summarize(report), started)
    return {report.filename: dict(report.counts) for report in reports}


def make_portal_user(env):
    """A login for one customer, so that the portal can be looked at too."""
    partner = env["res.partner"].search([("ref", "=", PORTAL_CUSTOMER), ("parent_id", "=", False)])
    user = (
        env["res.users"]
        .with_context(no_reset_password=True)
        .create(
            {
                "login": "portal",
                "password": "portal",
                "partner_id": partner.id,
                "group_ids": [(6, 0, env.ref("base.group_portal").ids)],
            }
        )
    )
    return {"admin": "admin/admin", "portal": f"portal/portal ({user.partner_id.name})"}


def bill(env, day):
    started = time.monotonic()
    run = env["bfocused.billing.run"].create({"date": day})
    run.action_run()
    env.cr.commit()
    progress(f"billed the turn of {day}", started)
    result = {"date": str(day)}
    for outcome in OUTCOMES:
        lines = run.line_ids.filtered(lambda line, outcome=outcome: line.outcome == outcome)
        result[outcome] = {
            "customers": len(lines.partner_id.commercial_partner_id),
            "untaxed": money(sum(lines.mapped("amount_untaxed"))),
            "total": money(sum(lines.mapped("amount_total"))),
        }
    result["lines"] = [
        {
            "customer": line.partner_id.commercial_partner_id.ref,
            "outcome": line.outcome,
            "untaxed": money(line.amount_untaxed),
            "total": money(line.amount_total),
            "invoice": line.move_id.name if line.outcome == "invoiced" else None,
            "reason": line.message or None,
        }
        for line in run.line_ids
    ]
    return result


def get_waiting(env, last_run):
    """What isn't invoiced after the last run, in EUR without VAT."""
    moves = env["account.move"]
    deferred = moves.search(moves._get_waiting_domain(env.company))
    orders = env["sale.order"].search([("company_id", "=", env.company.id), ("invoice_status", "=", "to invoice")])
    return {
        "deferred": {"customers": len(deferred.partner_id), "untaxed": money(sum(deferred.mapped("amount_untaxed")))},
        "held": {name: last_run["held"][name] for name in ("customers", "untaxed")},
        "orders": {
            "customers": len(orders.partner_id),
            "untaxed": money(sum(orders.order_line.mapped("untaxed_amount_to_invoice"))),
        },
    }


def print_table(result):
    print(f"\n{'Month turn':<12}" + "".join(f"{outcome.capitalize():>24}" for outcome in OUTCOMES))
    for run in result["runs"]:
        cells = [f"{run[o]['customers']:>4} {'EUR ' + run[o]['total']:>19}" for o in OUTCOMES]
        print(f"{run['date']:<12}" + "".join(cells))
    print("\nCustomers and amounts including VAT. Held: can't be collected yet. Deferred: under EUR 50.")
    for run in result["runs"]:
        for line in run["lines"]:
            if line["outcome"] != "invoiced":
                amount = f"EUR {line['total']:>9}"
                print(f"  {run['date']} {line['customer']} {line['outcome']:<9} {amount}  {line['reason']}")
    print("\nStill waiting, excluding VAT:")
    for name, what in (
        ("deferred", "deferred until the quarter turn"),
        ("held", "held without mandate"),
        ("orders", "hours and products on orders, for the next month turn"),
    ):
        waiting = result["waiting"][name]
        print(f"  {waiting['customers']:>3} customers  EUR {waiting['untaxed']:>10}  {what}")


def hand_over(env, payt, documents):
    """Have PAYT take what is posted, and compare what is there with what is here."""
    started = time.monotonic()
    print("  PAYT: documents are made and everything is sent, ten requests a second", file=sys.stderr, flush=True)
    for method, _count in payt_hand_over.work_off_beside(env, documents):
        made = env["ir.attachment"].search_count([("res_field", "=", "invoice_pdf_report_file")])
        sent = env["payt.outbox"].search_count([("resource", "=", "invoice"), ("state", "=", "sent")])
        progress(f"PAYT: {WORK[method]} ({made} invoices have documents, {sent} are sent)", started)
    comparison = payt_compare.compare(env, payt_compare.fetch(payt["url"]))
    comparison["requests"] = payt_compare.summarize(payt_compare.fetch(payt["url"], "traffic"))
    progress("compared with PAYT record by record", started)
    return comparison


def main(env):
    with payt_hand_over.Documents.beside(env.cr.dbname) as documents:
        turn(env, json.loads(os.environ["BFOCUSED_PAYT"]), documents)


def turn(env, payt, documents):
    result = {"loaded": load(env, Path(os.environ["BFOCUSED_DATA"]))}
    result["logins"] = make_portal_user(env)
    payt_hand_over.connect(env, payt)
    payt_hand_over.choose_electronic_invoices(env)
    payt_hand_over.hand_over_customers(env)
    env.cr.commit()
    result["runs"] = [bill(env, day) for day in MONTH_TURNS]
    result["waiting"] = get_waiting(env, result["runs"][-1])
    result["payt"] = hand_over(env, payt, documents)
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result, indent=1), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        print_table(result)
        print("\n" + payt_compare.as_text(result["payt"]))
    if result["payt"]["differences"]:
        sys.exit("PAYT and Odoo differ:\n" + "\n".join(result["payt"]["differences"]))
    if result["payt"]["requests"]["contract_broken"]:
        sys.exit("PAYT would have refused some of the requests, see /_sandbox/traffic of tests/payt_sandbox.")


main(env)  # noqa: F821
