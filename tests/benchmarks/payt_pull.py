"""All invoices of a PAYT administration read and followed: how many requests, how fast, and how much memory.

The sandbox, a process of its own, is filled with invoices of which a tenth are Odoo's. They are read as the jobs do it,
ten pages of 500 to a transaction, first all of them and then once more after each of them changed; afterwards what was
stored is followed in batches. The same is done with a tenth of the number before, to see what memory does.

The bounds: one request per page and one that finds the end, for each list; the peak of memory at most a tenth above
that of the small run; in the end each of Odoo's invoices knows PAYT's id. ``BFOCUSED_BENCH_ROWS`` sets another number.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import requests

from odoo import SUPERUSER_ID, Command, api
from odoo.tools import split_every

from odoo.addons.bfocused_payt_connector.const import MAX_PER_PAGE, READ_RESOURCES

env = env  # noqa: F821, PLW0127
CHECKOUT = Path(__file__).resolve().parents[2]
ROWS = int(os.environ.get("BFOCUSED_BENCH_ROWS") or 50_000)
SIZES = (ROWS // 10, ROWS)
OURS = 10  # one in so many is Odoo's
MOST_GROWTH = 1.10
CHUNK = 100
FIRST_NUMBER = 10_000  # of PAYT's ids
STEPS = ("sent_at", "reminder_1_at")  # what an invoice has at the first reading, and what it gets


# --- data


def make_invoices(count):
    """Posted invoices that PAYT has."""
    partner = env["res.partner"].create({"name": "Benchmark", "is_company": True, "country_id": env.ref("base.nl").id})
    line = Command.create(
        {"name": "Glasvezel", "price_unit": 100.0, "tax_ids": [Command.set(env.company.account_sale_tax_id.ids)]}
    )
    values = [
        {"move_type": "out_invoice", "partner_id": partner.id, "invoice_date": "2026-01-05", "invoice_line_ids": [line]}
    ] * count
    ids = []
    for chunk in split_every(CHUNK, values, list):
        made = env["account.move"].with_context(tracking_disable=True)._create_in_bulk(chunk)
        made._post_in_bulk()
        made.write({"payt_state": "pushed", "payt_pushed_at": "2026-01-05 10:00:00", "payt_sent_by": "payt"})
        ids += made.ids
        env.cr.commit()
        env.invalidate_all()
    return [(move.id, move.name) for move in env["account.move"].browse(ids)]


def make_connection():
    return env["payt.backend"].create(
        {
            "company_id": env.company.id,
            "environment": "other",
            "base_url": "http://127.0.0.1:1",
            "auth_method": "static",
        }
    )


def make_record(number, ours, changed_at, steps):
    """An invoice as the sandbox keeps it."""
    move_id, name = ours or ("", f"OLD-{number}")
    return {
        "id": str(number),
        "invoice_number": name,
        "invoice_identifier": str(move_id) or f"old-{number}",
        "currency_code": "EUR",
        "invoice_date": "2026-01-05",
        "due_date": "2026-01-19",
        "payment_method": "bank_transfer",
        "debtor_id": "1",
        "debtor_number": "B1",
        "total_amount": "121.00",
        "open_amount": "121.00",
        "book_total_amount": "121.00",
        "book_open_amount": "121.00",
        "administration_costs_total": "0.00",
        "administration_costs_open": "0.00",
        "paused_by_user": False,
        "updated_at": changed_at,
        "_payment_ids": [],
        **dict.fromkeys(steps, changed_at),
    }


def fill(state, size, moves, *news):
    """Put invoices into the file the sandbox reads when it starts: all at once, past its interface."""
    rows = (
        ("invoices", FIRST_NUMBER + place, json.dumps(make_record(FIRST_NUMBER + place, ours, *news)))
        for place in range(size)
        for ours in [moves[place // OURS] if place % OURS == 0 else None]
    )
    with sqlite3.connect(state) as database:  # row by row: this process' memory is what is measured
        database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", rows)
    database.close()


@contextmanager
def running_payt(state):
    """The sandbox as a process of its own, so that its memory isn't ours."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.payt_sandbox", "--state", state], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(60)


# --- what is measured


@contextmanager
def job():
    """A transaction of its own, as a job has."""
    with env.registry.cursor() as cr:
        yield api.Environment(cr, SUPERUSER_ID, {})


def read_all(backend_id):
    """Read every list to its end, ten pages to a transaction."""
    with job() as own:
        marks = own["payt.sync.mark"]._get_marks(own["payt.backend"].browse(backend_id)).ids
    for mark_id in marks:
        goes_on = True
        while goes_on:
            with job() as own:
                goes_on = own["payt.sync.mark"].browse(mark_id)._read()


def follow_all(backend_id):
    goes_on = True
    while goes_on:
        with job() as own:
            mirror, backend = own["payt.mirror"], own["payt.backend"].browse(backend_id)
            mirror._job_apply(backend_id)
            goes_on = bool(mirror.search_count(mirror._get_due_domain(backend), limit=1))


def measure(function, *arguments):
    """Seconds of the clock, and of this process."""
    started, cpu = time.perf_counter(), time.process_time()
    function(*arguments)
    return time.perf_counter() - started, time.process_time() - cpu


def reset_peak():
    Path("/proc/self/clear_refs").write_text("5")


def get_peak():
    """Megabytes this process held at most since :func:`reset_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("/proc/self/status has no VmHWM")


def forget(backend):
    """As if the administration had never been read."""
    for table in ("payt_mirror", "payt_sync_mark"):
        env.cr.execute(f"DELETE FROM {table} WHERE backend_id = %s", [backend.id])
    env.invalidate_all()
    env.cr.commit()


def connect(backend, payt):
    backend.write(
        {"base_url": payt["url"], "administration_id": payt["administration_id"], "access_token": payt["token"]}
    )
    env.cr.commit()


def get_requests(payt):
    traffic = requests.get(f"{payt['url']}/_sandbox/traffic", timeout=60).json()
    assert not traffic["contract_broken"], traffic["contract_broken"][:3]
    return traffic


def load(backend, payt, size, name):
    """One load: all that is there is new, or changed."""
    connect(backend, payt)
    reset_peak()
    stored, followed = measure(read_all, backend.id), measure(follow_all, backend.id)
    env.cr.rollback()
    traffic = get_requests(payt)
    left = env["payt.mirror"].search_count([("backend_id", "=", backend.id), ("state", "!=", "done")])
    assert not left, f"{left} of {size} weren't followed"
    lists = traffic_of_lists(traffic)
    return {
        "load": name,
        "records": size,
        "requests": lists.pop("invoices"),
        "requests_least": -(-size // MAX_PER_PAGE) + 1,
        "requests_empty_lists": max(lists.values()),
        "store_seconds": stored[0],
        "stored_per_cpu_second": size / stored[1],
        "follow_seconds": followed[0],
        "followed_per_second": size / followed[0],
        "peak_mb": get_peak(),
    }


def traffic_of_lists(traffic):
    """Requests by list; the deleted ones are lists of their own."""
    counts = {}
    for operation, count in traffic["by_operation"].items():
        method, _space, path = operation.partition(" ")
        if method == "GET" and path.startswith("/v1/"):
            counts[path.removeprefix("/v1/")] = count
    assert set(READ_RESOURCES) <= counts.keys(), counts
    return counts


def measure_size(backend, folder, size, moves):
    state = Path(folder) / f"{size}.sqlite"
    now = datetime.now(UTC)
    rows = []
    with running_payt(state):
        pass  # makes the file
    for name, age, steps in (("first", 2, STEPS[:1]), ("changed", 1, STEPS)):
        fill(state, size, moves, f"{now - timedelta(hours=age):%Y-%m-%dT%H:%M:%SZ}", steps)
        with running_payt(state) as payt:
            rows.append(load(backend, payt, size, name))
    known = env["account.move"].search_count(
        [("id", "in", [move_id for move_id, _name in moves[: size // OURS]]), ("payt_invoice_id", "!=", False)]
    )
    assert known == size // OURS, f"{known} of {size // OURS} invoices know PAYT's id"
    forget(backend)
    return rows


# --- report


def get_result(rows):
    small = max(row["peak_mb"] for row in rows if row["records"] == SIZES[0])
    large = max(row["peak_mb"] for row in rows if row["records"] == SIZES[1])
    return {
        "rows": rows,
        "ratios": {
            "requests": max(row["requests"] / row["requests_least"] for row in rows),
            "memory": large / small,
        },
    }


def show(result):
    print("load      records  requests  stored in  / CPU s  followed in    / s     peak")
    for row in result["rows"]:
        print(
            f"{row['load']:<9}{row['records']:>8}{row['requests']:>6}/{row['requests_least']:<3}"
            f"{row['store_seconds']:>9.1f} s{row['stored_per_cpu_second']:>9.0f}"
            f"{row['follow_seconds']:>11.1f} s{row['followed_per_second']:>7.0f}{row['peak_mb']:>6.0f} MB"
        )
    print(f"Ten times as many records: {result['ratios']['memory']:.2f} times the peak of memory.")


def main():
    env.company.use_billing = True
    moves = make_invoices(SIZES[1] // OURS)
    backend = make_connection()
    env.cr.commit()
    with tempfile.TemporaryDirectory(prefix="payt-", dir=Path(os.environ["BFOCUSED_RESULT"]).parent) as folder:
        rows = [row for size in SIZES for row in measure_size(backend, folder, size, moves)]
    result = get_result(rows)
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        show(result)
    if result["ratios"]["requests"] > 1 or max(row["requests_empty_lists"] for row in rows) > 1:
        sys.exit("More requests than the pages take.")
    if result["ratios"]["memory"] > MOST_GROWTH:
        sys.exit(f"Memory grows with the number of records: {result['ratios']['memory']:.2f} times.")


main()
