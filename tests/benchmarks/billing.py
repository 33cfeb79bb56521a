"""A month turn against the floor: one batched creation of the same invoices in Odoo itself, plus posting.

Both bill the same customers with two lines each, in turn on one database, in CPU time of this process. The result is
their ratio in invoices per second (above 1: ours is faster); ours includes the ledger, grouping, deferral and outcomes.
"""

import json
import os
import time
from pathlib import Path

from odoo import Command

env = env  # noqa: F821, PLW0127
CUSTOMERS = 200
ROUNDS = 3


def make_products():
    category = env.ref("bfocused_billing.categ_connectivity")
    values = {"type": "service", "subscribable": True, "categ_id": category.id}
    return env["product.product"].create(
        [dict(values, name=f"Benchmark {number}", list_price=40.0 + number) for number in (1, 2)]
    )


def make_subscriptions(products):
    netherlands = env.ref("base.nl")
    partners = env["res.partner"].create(
        [
            {"name": f"Benchmark {number}", "is_company": True, "country_id": netherlands.id}
            for number in range(CUSTOMERS)
        ]
    )
    accounts = env["res.partner.bank"].create(
        [{"partner_id": partner.id, "acc_number": f"BENCH-{partner.id}"} for partner in partners]
    )
    env["account.banking.mandate"].create(
        [{"partner_bank_id": account.id, "signature_date": "2025-01-01", "state": "valid"} for account in accounts]
    )
    pricelist = env.company._get_billing_pricelist(env.company.currency_id)
    lines = [Command.create({"product_id": product.id}) for product in products]
    subscriptions = env["sale.subscription"].create(
        [
            {
                "partner_id": partner.id,
                "template_id": env.ref("bfocused_billing.cycle_quarter").id,
                "pricelist_id": pricelist.id,
                "date_start": "2025-01-01",
                "sale_subscription_line_ids": lines,
            }
            for partner in partners
        ]
    )
    subscriptions.action_start_subscription()
    return subscriptions


def measure(function, *arguments):
    env.flush_all()
    env.invalidate_all()
    started = time.process_time()
    function(*arguments)
    env.flush_all()
    return time.process_time() - started


def bill(date):
    run = env["bfocused.billing.run"].create({"date": date})
    run.action_run()
    assert run.invoice_count == CUSTOMERS, run.line_ids.mapped("message")


def make_plain_batch(subscriptions, date):
    mode = env.company.billing_payment_mode_id
    values = []
    for subscription in subscriptions:
        lines = []
        for line in subscription.sale_subscription_line_ids:
            line_values = line._prepare_account_move_line()
            line_values.pop("account_id")
            lines.append(Command.create(line_values))
        values.append(
            {
                "move_type": "out_invoice",
                "partner_id": subscription.partner_id.id,
                "invoice_date": date,
                "payment_mode_id": mode.id,
                "invoice_line_ids": lines,
            }
        )
    for start in range(0, len(values), 100):
        env["account.move"].with_context(tracking_disable=True).create(values[start : start + 100])._post(soft=False)


def main():
    env.company.use_billing = True
    subscriptions = make_subscriptions(make_products())
    rounds = []
    for number in range(ROUNDS):
        date = f"2025-{1 + 3 * number:02}-01"
        ours, plain = measure(bill, date), measure(make_plain_batch, subscriptions, date)
        rounds.append({"ours_ms": 1000 * ours / CUSTOMERS, "plain_batch_ms": 1000 * plain / CUSTOMERS})
    ratios = sorted(row["plain_batch_ms"] / row["ours_ms"] for row in rounds)
    result = {"customers": CUSTOMERS, "rounds": rounds, "ratios": {"plain_batch": ratios[len(ratios) // 2]}}
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        print("CPU time per invoice, two lines each:")
        for row in rounds:
            print(f"  ours {row['ours_ms']:6.1f} ms   plain batch {row['plain_batch_ms']:6.1f} ms")
        print(f"  ratio in invoices per second, median: {result['ratios']['plain_batch']:.2f}")


main()
