"""A million call records against the floor: PostgreSQL's own COPY of the same file into a plain table of text.

Ours imports two files by the wizard, as a user does, the second of which begins with the last quarter of the first: it
stores, deduplicates, rates by prefix and books the calls, and then a billing run makes and posts the invoices of the
month. The floor is the COPY of both files. The result is the ratio of the wall times (smaller is better), of all of it
and of its parts. The bound is for what is ours alone, from the file to the charges; the invoices that follow cost
what Odoo's own ``create`` and ``_post`` of journal entries cost (see ``billing.py``), and are shown beside it. The
files have the layout of Asterisk's Master.csv. ``BFOCUSED_BENCH_ROWS`` sets another number of calls.
"""

import base64
import io
import json
import os
import random
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from odoo import Command

from odoo.addons.bfocused_billing.usage import Loader, UsageBooking

env = env  # noqa: F821, PLW0127
ROWS = int(os.environ.get("BFOCUSED_BENCH_ROWS") or 1_000_000)
BOUND = 8  # times the COPY of the same files: import, deduplication, rating and booking
CUSTOMERS = 300  # as many as the company bills, each with one number
NUMBERS = CUSTOMERS
COLUMNS = 18
START = datetime(2026, 1, 1, 0, 0, 1)
CLASSES = {"0": "national", "06": "mobile", "00": "international", "0044": "international", "0900": "service"}
STEPS = {}


def make_rows():
    """The calls of January 2026, in order of time; the same in every run."""
    chance = random.Random(2026)
    gap = timedelta(days=31) / (ROWS + 1)
    dialled = [
        f"{prefix}{chance.randrange(10**7, 10**8)}"
        for prefix in ("06", "06", "020", "030", "0044", "0049")
        for _ in range(20_000)
    ]
    dialled += [f"0900{chance.randrange(1000, 10_000)}" for _ in range(20_000)]
    lines = []
    for row in range(ROWS):
        number = f"020{7_000_000 + chance.randrange(NUMBERS)}"
        called, seconds = chance.choice(dialled), chance.randrange(1, 900)
        moment = f"{START + row * gap:%Y-%m-%d %H:%M:%S}"
        lines.append(
            f'"{number}","{number}","{called}","out","<{number}>","SIP/{number}-{row:08x}","SIP/trunk-{row:08x}",'
            f'"Dial","SIP/trunk/{called}","{moment}","{moment}","{moment}",{seconds + 5},{seconds},"ANSWERED",'
            f'"DOCUMENTATION","1767225600.{row}",""\n'
        )
    return lines


def make_files():
    """Two files; a quarter of the first stands in the second as well.

    :return: list of (content, how many rows, how many of them are new)
    """
    rows = make_rows()
    half, known = ROWS // 2, ROWS // 8
    parts = [(rows[:half], half), (rows[half - known :], ROWS - half)]
    return [("".join(part).encode(), len(part), new) for part, new in parts]


def make_master_data():
    destinations = {name: env.ref(f"bfocused_billing.usage_destination_{name}") for name in set(CLASSES.values())}
    tariff = env["bfocused.usage.tariff"].create(
        {
            "name": "Benchmark",
            "rate_ids": [
                Command.create({"prefix": prefix, "destination_id": destinations[name].id, "price_minute": 0.0321})
                for prefix, name in CLASSES.items()
                if prefix != "00"
            ]
            + [
                Command.create(
                    {"prefix": f"+{code}", "destination_id": destinations["international"].id, "price_minute": 0.12}
                )
                for code in range(40, 100)
                if code != 44
            ],
        }
    )
    values = {"type": "service", "categ_id": env.ref("bfocused_billing.categ_call_costs").id}
    env.company.usage_product_id = env["product.product"].create({"name": "Calls", **values})
    method = env["account.payment.method"].search(
        [("payment_type", "=", "inbound"), ("mandate_required", "=", False)], limit=1
    )
    transfer = env["account.payment.mode"].create(
        {"name": "Transfer", "payment_method_id": method.id, "bank_account_link": "variable"}
    )
    env.company.billing_background_from = CUSTOMERS  # in this process, to be measured
    env.company.billing_min_amount = 0  # also of few calls an invoice is made
    values = {"is_company": True, "country_id": env.ref("base.nl").id, "customer_payment_mode_id": transfer.id}
    partners = env["res.partner"].create([{"name": f"Benchmark {index}", **values} for index in range(CUSTOMERS)])
    env["bfocused.usage.number"].create(
        [
            {"name": f"020{7_000_000 + index}", "partner_id": partners[index % len(partners)].id}
            for index in range(NUMBERS)
        ]
    )
    return env.ref("bfocused_billing.usage_profile_asterisk").copy(
        {"company_id": env.company.id, "tariff_id": tariff.id}
    )


@contextmanager
def timed(name):
    started = time.perf_counter()
    yield
    STEPS[name] = STEPS.get(name, 0) + time.perf_counter() - started


def time_steps():
    """Note how long each step of the import takes."""
    steps = {Loader: ("_copy_whole", "_parse", "_number_repeated", "_find_known", "_store", "_get_totals")}
    steps[UsageBooking] = ("rate", "book")
    for owner, names in steps.items():
        for name in names:
            setattr(owner, name, _timed_method(name.strip("_"), getattr(owner, name)))


def _timed_method(name, method):
    def timed_method(*args, **kwargs):
        with timed(name):
            return method(*args, **kwargs)

    return timed_method


def copy_plain(files):
    columns = ", ".join(f"c{index} text" for index in range(COLUMNS))
    env.cr.execute(f"CREATE TABLE bench_plain ({columns})")
    env.cr.commit()
    started = time.perf_counter()
    for content, _rows, _new in files:
        env.cr.copy_expert("COPY bench_plain FROM STDIN WITH (FORMAT csv)", io.BytesIO(content))
        env.cr.commit()
    seconds = time.perf_counter() - started
    env.cr.execute("DROP TABLE bench_plain")
    env.cr.commit()
    return seconds


def import_files(files, wizards):
    """:return: seconds per file"""
    parts = []
    for (_content, rows, new), wizard in zip(files, wizards, strict=True):
        started = time.perf_counter()
        file = env["bfocused.usage.file"].browse(wizard.action_import()["res_id"])
        with timed("commit"):
            env.cr.commit()
        parts.append(time.perf_counter() - started)
        assert file.is_balanced and not file.waiting_count, file.read()
        assert (file.row_count, file.new_count, file.duplicate_count) == (rows, new, rows - new), file.read()
    return parts


def bill():
    """Make and post the invoices of the month.

    :return: seconds, and the invoices
    """
    started = time.perf_counter()
    run = env["bfocused.billing.run"].create({"date": datetime(2026, 2, 1).date()})
    run.action_run()
    env.cr.commit()
    seconds = time.perf_counter() - started
    assert len(run.invoice_ids) == CUSTOMERS, run.line_ids.mapped("message")
    assert set(run.invoice_ids.mapped("state")) == {"posted"}
    charges = env["bfocused.billing.charge"].search([("kind", "=", "usage")])
    assert set(charges.mapped("state")) == {"billed"} and sum(charges.mapped("usage_calls")) == ROWS
    return seconds, run.invoice_ids


def report(result):
    print(
        f"{result['rows']} calls in {result['rows_offered']} rows, {result['megabytes']} MB; {result['invoices']}"
        f" invoices with {result['invoice_lines']} lines"
    )
    for name, seconds in result["steps_s"].items():
        print(f"    {name:20} {seconds:6.2f} s")
    for name, seconds in result["parts_s"].items():
        print(f"  {name:22} {seconds:6.2f} s, {seconds / result['copy_s']:.2f} times COPY")
    ratios = result["ratios"]
    print(f"  COPY {result['copy_s']:.2f} s; from file to charges {ratios['import']:.2f} times that, at most {BOUND}")
    print(f"  with the invoices: {result['ours_s']:.2f} s, {ratios['copy']:.2f} times COPY (smaller is better)")


def main():
    env.company.use_billing = True
    env.company.country_id = env.ref("base.nl")
    profile = make_master_data()
    files = make_files()
    wizards = env["bfocused.usage.import"].create(
        [
            {"profile_id": profile.id, "file": base64.b64encode(content), "filename": "Master.csv"}
            for content, _rows, _new in files
        ]
    )
    env.cr.commit()
    time_steps()
    before = copy_plain(files)
    first, second = import_files(files, wizards)
    billing, invoices = bill()
    plain = (before + copy_plain(files)) / 2
    ours = first + second + billing
    result = {
        "rows": ROWS,
        "rows_offered": sum(rows for _content, rows, _new in files),
        "megabytes": round(sum(len(content) for content, _rows, _new in files) / 1e6, 1),
        "invoices": len(invoices),
        "invoice_lines": len(invoices.invoice_line_ids),
        "copy_s": plain,
        "ours_s": ours,
        "parts_s": {"first file": first, "overlapping file": second, "billing run": billing},
        "steps_s": STEPS,
        "ratios": {"copy": ours / plain, "import": (first + second) / plain},
    }
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        report(result)
    if result["ratios"]["import"] > BOUND:
        sys.exit(f"The import takes {result['ratios']['import']:.2f} times COPY, more than {BOUND}.")


main()
