"""Invoices with PDF and electronic invoice ready, brought to PAYT through the outbox: how many requests, and how fast.

Uploads are most of it: one request per file, however they are grouped. Their address is one of file storage and takes
no token, so the contract's limit is not about them; the connector keeps to it there as well.

The bounds: at most ``MOST_OVER_LEAST`` times the least number of requests the contract allows, at most ten in any
second (uploads counted too), and afterwards PAYT has each record as Odoo has it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(os.environ["BFOCUSED_CHECKOUT"]) / "bin" / "lib"))
import payt_compare
import payt_hand_over

from odoo import Command
from odoo.tools import split_every

from odoo.addons.bfocused_payt_connector.payt_api.wire import REQUESTS_PER_SECOND

env = env  # noqa: F821, PLW0127
INVOICES = int(os.environ.get("BFOCUSED_BENCH_ROWS", "2000"))
CUSTOMERS = max(INVOICES // 4, 1)
MOST_OVER_LEAST = 1.2
CHUNK = 100
PDF_BYTES, UBL_BYTES = 30_000, 8_000
CHECKOUT = Path(os.environ["BFOCUSED_CHECKOUT"])
OPENAPI = CHECKOUT / "tests" / "payt_sandbox" / "openapi.json"


# --- data


def make_customers():
    netherlands = env.ref("base.nl")
    values = [
        {
            "name": f"Benchmark {number}",
            "ref": f"B{number}",
            "is_company": True,
            "country_id": netherlands.id,
            "email": f"b{number}@benchmark.example",
        }
        for number in range(CUSTOMERS)
    ]
    return env["res.partner"].with_context(tracking_disable=True).create(values).with_env(env)


def make_invoices(customers):
    """Posted invoices with both documents, not rendered: what goes over the line is what is measured."""
    line = Command.create(
        {"name": "Glasvezel", "price_unit": 100.0, "tax_ids": [Command.set(env.company.account_sale_tax_id.ids)]}
    )
    values = [
        {
            "move_type": "out_invoice",
            "partner_id": customers[number % CUSTOMERS].id,
            "invoice_date": "2026-01-05",
            "invoice_line_ids": [line],
        }
        for number in range(INVOICES)
    ]
    moves = env["account.move"]
    for chunk in split_every(CHUNK, values, list):
        made = env["account.move"].with_context(tracking_disable=True).create(chunk)
        made._post(soft=False)
        add_documents(made)
        moves += made.with_env(env)
        env.cr.commit()
        env.invalidate_all()
    return moves


def add_documents(moves):
    env["ir.attachment"].create(
        [
            {
                "name": f"{move.id}.{ending}",
                "raw": (b"%s of %d " % (head, move.id)).ljust(size, b"."),
                "res_model": "account.move",
                "res_id": move.id,
                "res_field": field,
            }
            for move in moves
            for field, ending, head, size in (
                ("invoice_pdf_report_file", "pdf", b"%PDF-1.4", PDF_BYTES),
                ("ubl_cii_xml_file", "xml", b"<Invoice/>", UBL_BYTES),
            )
        ]
    )


@contextmanager
def running_payt():
    """The sandbox as a process of its own, with PAYT's limit of requests."""
    with tempfile.TemporaryDirectory(prefix="bench-payt-", dir=os.environ["BFOCUSED_CACHE"]) as folder:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.payt_sandbox", "--state", Path(folder) / "state.sqlite"],
            cwd=CHECKOUT,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(30)


# --- the least the contract allows


def get_least(records):
    """Requests by operation, from the most records the contract lets into one.

    ``openapi.json`` has a maximum (``maxItems``) for two lists, and for none of these: one request is enough then.
    Files are uploaded one by one: the answer to ``POST /v1/files`` has an address for each.
    """
    description = json.loads(OPENAPI.read_text(encoding="utf-8"))
    least = {"PUT /file_storage": records["files"]}
    for name, count in records.items():
        most = get_maximum(description, f"/v1/{name}", name)
        least[f"POST /v1/{name}"] = -(-count // most) if most else min(count, 1)
    return least


def get_maximum(description, path, name):
    """The most records in one request; None where the contract knows none."""
    content = description["paths"][path]["post"]["requestBody"]["content"]
    schema = content["application/json"]["schema"]
    if reference := schema.get("$ref"):
        schema = description["components"]["schemas"][reference.rpartition("/")[2]]
    return schema["properties"][name].get("maxItems")


# --- measuring


def push(moves):
    """Bring them to PAYT as the job runner does.

    :return: seconds
    """
    moves._queue_payt_invoices()
    env.cr.commit()
    started = time.monotonic()
    for method, count in payt_hand_over.work_off(env):
        print(f"  {count} jobs {method} ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
    return time.monotonic() - started


def get_result(moves, seconds, url):
    traffic = payt_compare.fetch(url, "traffic")
    state = payt_compare.fetch(url)
    names = ("vat_rates", "contacts", "debtors", "files", "invoices")
    least = get_least({name: len(state[name]) for name in names})
    asked = traffic["by_operation"]
    total, fewest = traffic["total"], sum(least.values())
    return {
        "invoices": len(moves),
        "seconds": round(seconds, 1),
        "requests": asked,
        "least": least,
        "by_status": traffic["by_status"],
        "most_in_a_second": traffic["most_of_all_in_a_second"],
        "ratios": {
            "requests_to_least": total / fewest,
            "most_in_a_second_to_limit": traffic["most_of_all_in_a_second"] / REQUESTS_PER_SECOND,
        },
        "contract_broken": len(traffic["contract_broken"]),
        "differences": payt_compare.compare(env, state)["differences"],
        "not_sent": env["payt.outbox"].search_count([("state", "!=", "sent")]),
    }


# --- report


def show(result):
    print(f"{result['invoices']} invoices with PDF and UBL brought to PAYT in {result['seconds']:.0f} s:")
    for operation, count in sorted(result["requests"].items()):
        print(f"  {operation:<24}{count:>6} requests, least {result['least'].get(operation, 0):>6}")
    ratio = result["ratios"]["requests_to_least"]
    print(f"  {ratio:.4f} times the least the contract allows (at most {MOST_OVER_LEAST})")
    print(f"  at most {result['most_in_a_second']} in one second (at most {REQUESTS_PER_SECOND})")
    print(f"  {len(result['differences'])} differences between PAYT and Odoo, record by record")


def get_failures(result):
    """What wasn't kept, as sentences."""
    if result["ratios"]["requests_to_least"] > MOST_OVER_LEAST:
        yield "more requests than allowed"
    if result["most_in_a_second"] > REQUESTS_PER_SECOND or "429" in result["by_status"]:
        yield "asked too fast"
    if result["contract_broken"]:
        yield f"{result['contract_broken']} requests broke PAYT's contract"
    if result["not_sent"]:
        yield f"{result['not_sent']} rows of the outbox were not sent"
    if result["requests"].get("PUT /file_storage") != 2 * result["invoices"]:
        yield "documents are missing, or went twice"
    yield from result["differences"][:10]


def main():
    env.company.use_billing = True
    moves = make_invoices(make_customers())
    with running_payt() as payt:
        payt_hand_over.connect(env, payt)
        env.cr.commit()
        result = get_result(moves, push(moves), payt["url"])
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        show(result)
    if failures := list(get_failures(result)):
        sys.exit("\n".join(["bin/bench payt:", *failures]))


main()
