"""A million call records against the floor: PostgreSQL's own COPY of the same file into a plain table of text.

Ours imports the file by the wizard, as a user does: stores, deduplicates, rates by prefix and books the calls, and then
makes the values of the invoice lines of the month. The result is the ratio of the wall times (smaller is better); the
file has the layout of Asterisk's Master.csv. ``BFOCUSED_BENCH_ROWS`` sets another number of rows.
"""

import base64
import io
import json
import os
import random
import time
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from odoo import Command

from odoo.addons.bfocused_billing.usage import Booking, Loader

env = env  # noqa: F821, PLW0127
ROWS = int(os.environ.get("BFOCUSED_BENCH_ROWS") or 1_000_000)
NUMBERS = 2000
COLUMNS = 18
START = datetime(2026, 1, 1, 0, 0, 1)
CLASSES = {"0": "national", "06": "mobile", "00": "international", "0044": "international", "090": "service"}
STEPS = {}


def make_file():
    """The calls of January 2026, in order of time; the same in every run."""
    chance = random.Random(2026)
    gap = timedelta(days=31) / (ROWS + 1)
    dialled = [
        f"{prefix}{chance.randrange(10**7, 10**8)}"
        for prefix in ("06", "06", "020", "030", "0044", "0049", "0900")
        for _ in range(20_000)
    ]
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
    return "".join(lines).encode()


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
    partners = env["res.partner"].create([{"name": f"Benchmark {index}"} for index in range(NUMBERS // 4)])
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
    steps = {Loader: ("_copy_whole", "_parse", "_number_repeated", "_only_new", "_store", "_get_totals")}
    steps[Booking] = ("rate", "book")
    for owner, names in steps.items():
        for name in names:
            setattr(owner, name, _timed_method(name.strip("_"), getattr(owner, name)))


def _timed_method(name, method):
    def timed_method(*args, **kwargs):
        with timed(name):
            return method(*args, **kwargs)

    return timed_method


def copy_plain(content):
    columns = ", ".join(f"c{index} text" for index in range(COLUMNS))
    env.cr.execute(f"CREATE TABLE bench_plain ({columns})")
    env.cr.commit()
    started = time.perf_counter()
    env.cr.copy_expert("COPY bench_plain FROM STDIN WITH (FORMAT csv)", io.BytesIO(content))
    env.cr.commit()
    seconds = time.perf_counter() - started
    env.cr.execute("DROP TABLE bench_plain")
    env.cr.commit()
    return seconds


def import_and_bill(wizard):
    started = time.perf_counter()
    file = env["bfocused.usage.file"].browse(wizard.action_import()["res_id"])
    with timed("billing lines"):
        charges = env["bfocused.billing.charge"]._get_open_usage_charges(env.company, datetime(2026, 2, 1).date())
        lines = []
        for numbers in charges.grouped(lambda charge: charge.usage_number_id._get_line_key()).values():
            _subscription, partner = numbers[:1]._get_usage_terms()
            lines += numbers._get_items(partner, env["account.fiscal.position"])
    with timed("commit"):
        env.cr.commit()
    seconds = time.perf_counter() - started
    assert file.new_count == ROWS and file.is_balanced and not file.waiting_count, file.read()
    assert lines and sum(charges.mapped("usage_calls")) == ROWS
    return seconds, len(lines)


def main():
    env.company.use_billing = True
    env.company.country_id = env.ref("base.nl")
    profile = make_master_data()
    content = make_file()
    wizard = env["bfocused.usage.import"].create(
        {"profile_id": profile.id, "file": base64.b64encode(content), "filename": "Master.csv"}
    )
    env.cr.commit()
    time_steps()
    before = copy_plain(content)
    ours, lines = import_and_bill(wizard)
    plain = (before + copy_plain(content)) / 2
    result = {
        "rows": ROWS,
        "megabytes": round(len(content) / 1e6, 1),
        "invoice_lines": lines,
        "copy_s": plain,
        "ours_s": ours,
        "steps_s": STEPS,
        "ratios": {"copy": ours / plain},
    }
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        print(f"{ROWS} call records, {result['megabytes']} MB, {lines} invoice lines")
        for name, seconds in STEPS.items():
            print(f"  {name:20} {seconds:6.2f} s")
        print(f"  ours {ours:.2f} s, COPY {plain:.2f} s, ratio {ours / plain:.2f} (smaller is better, at most 8)")


main()
