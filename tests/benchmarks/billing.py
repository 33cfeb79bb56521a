"""A month turn against everything else that makes the same invoices, in turn on one database, in CPU time per invoice.

- ours: ``bfocused.billing.run``, with the ledger, grouping, deferral and outcome rows;
- plain_batch: one batched creation of the same invoices in Odoo itself, plus posting, in chunks as ours;
- fast_batch: the same values made and posted in bulk, the least that ours can cost;
- contract: the cron of OCA's ``contract``, which leaves drafts; contract_posted: those posted as well;
- subscription_oca: the cron of OCA's ``subscription_oca``, without making and mailing PDFs.

Each bills the same customers with two lines each. A ratio is that of the invoices per second: above 1, ours is faster.
Then the growth: cost per invoice and memory of a run for ten times as many customers.
"""

import json
import os
import time
from datetime import date
from pathlib import Path
from statistics import median
from unittest.mock import patch

from odoo import Command
from odoo.tools import split_every

env = env  # noqa: F821, PLW0127
CUSTOMERS = int(os.environ.get("BFOCUSED_BENCH_CUSTOMERS", "200"))
SLOW_CUSTOMERS = CUSTOMERS // 4  # of what takes its time per invoice, whatever their number
GROWTH = tuple(int(size) for size in os.environ.get("BFOCUSED_BENCH_GROWTH", "500,5000").split(",") if size)
ROUNDS = 3
CHUNK = 100
DATES = [date(2025, 1 + 3 * number, 1) for number in range(ROUNDS)]


# --- data


def make_other_company():
    """A Dutch company that doesn't use the billing, for the crons of OCA's modules."""
    company = env["res.company"].create({"name": "Without billing", "country_id": env.ref("base.nl").id})
    env["account.chart.template"].try_loading("nl", company, install_demo=False)
    return company


def make_products(companies):
    category = env.ref("bfocused_billing.categ_connectivity")
    values = {
        "type": "service",
        "subscribable": True,
        "categ_id": category.id,
        "taxes_id": [Command.set(companies.account_sale_tax_id.ids)],
    }
    products = env["product.product"].create(
        [dict(values, name=f"Benchmark {number}", list_price=40.0 + number) for number in (1, 2)]
    )
    for company in companies:  # subscription_oca only looks on the product itself
        for product in products.with_company(company):
            product.property_account_income_id = product.product_tmpl_id.get_product_accounts()["income"]
    return products


def make_partners(number):
    netherlands = env.ref("base.nl")
    quick = env(context={**env.context, "tracking_disable": True})
    partners = quick["res.partner"].create(
        [{"name": f"Benchmark {index}", "is_company": True, "country_id": netherlands.id} for index in range(number)]
    )
    accounts = quick["res.partner.bank"].create(
        [{"partner_id": partner.id, "acc_number": f"BENCH-{partner.id}"} for partner in partners]
    )
    quick["account.banking.mandate"].create(
        [{"partner_bank_id": account.id, "signature_date": "2025-01-01", "state": "valid"} for account in accounts]
    )
    return partners.with_env(env)


def prepare_subscriptions(partners, products, template, start, **values):
    lines = [Command.create({"product_id": product.id}) for product in products]
    return [
        {
            "partner_id": partner.id,
            "template_id": template.id,
            "date_start": start,
            "sale_subscription_line_ids": lines,
            **values,
        }
        for partner in partners
    ]


def make_subscriptions(partners, products, start):
    pricelist = env.company._ensure_billing_pricelist(env.company.currency_id)
    template = env.ref("bfocused_billing.cycle_quarter")
    subscriptions = env["sale.subscription"]
    for chunk in split_every(500, partners.ids, env["res.partner"].browse):
        values = prepare_subscriptions(chunk, products, template, start, pricelist_id=pricelist.id)
        made = env["sale.subscription"].with_context(tracking_disable=True).create(values)
        made.action_start_subscription()
        subscriptions += made
        env.flush_all()
        env.invalidate_all()
    return subscriptions


def make_oca_subscriptions(company, partners, products):
    template = env["sale.subscription.template"].create(
        {
            "name": "Quarterly",
            "recurring_rule_type": "months",
            "recurring_interval": 3,
            "invoicing_mode": "invoice",
        }
    )
    pricelist = env["product.pricelist"].create({"name": "Benchmark", "company_id": company.id})
    values = prepare_subscriptions(
        partners, products, template, DATES[0], company_id=company.id, pricelist_id=pricelist.id
    )
    subscriptions = env["sale.subscription"].with_company(company).create(values)
    for subscription in subscriptions:
        subscription.action_start_subscription()
        subscription.recurring_next_date = DATES[0]
    return subscriptions


def make_contracts(company, partners, products):
    line = {"recurring_rule_type": "monthly", "recurring_interval": 3, "recurring_invoicing_type": "pre-paid"}
    dates = {"date_start": DATES[0], "recurring_next_date": DATES[0]}
    lines = [
        Command.create(
            {**line, **dates, "product_id": product.id, "name": product.name, "price_unit": product.list_price}
        )
        for product in products
    ]
    values = [
        {"name": partner.name, "partner_id": partner.id, "company_id": company.id, "contract_line_ids": lines}
        for partner in partners
    ]
    return env["contract.contract"].with_company(company).create(values)


# --- what is compared


def bill(day):
    env.company.billing_background_from = 10**6
    run = env["bfocused.billing.run"].create({"date": day})
    run.action_run()
    return run


def prepare_moves(subscriptions, day):
    """Values of the same invoices as the run makes."""
    company = env.company
    values = []
    for subscription in subscriptions:
        lines = []
        for line in subscription.sale_subscription_line_ids:
            line_values = line._prepare_account_move_line()
            line_values.pop("account_id")
            line_values.pop("price_subtotal")
            lines.append(Command.create(line_values))
        values.append(
            {
                "move_type": "out_invoice",
                "company_id": company.id,
                "currency_id": company.currency_id.id,
                "partner_id": subscription.partner_id.id,
                "fiscal_position_id": False,
                "invoice_date": day,
                "invoice_date_due": day,
                "invoice_payment_term_id": False,
                "payment_mode_id": company.billing_payment_mode_id.id,
                "invoice_line_ids": lines,
            }
        )
    return values


def make_plain_batch(values):
    for chunk in split_every(CHUNK, values, list):
        env["account.move"].with_context(tracking_disable=True).create(chunk)._post(soft=False)


def make_fast_batch(values):
    for chunk in split_every(CHUNK, values, list):
        env["account.move"].with_context(tracking_disable=True)._create_in_bulk(chunk)._post_in_bulk()


def run_contract(company, day):
    env["contract.contract"].with_company(company)._cron_recurring_create(day)
    return env["account.move"].search([("company_id", "=", company.id), ("state", "=", "draft")])


def run_subscription_oca(company):
    with patch.object(type(env["account.move.send"]), "_generate_and_send_invoices", lambda *args, **kwargs: None):
        env["sale.subscription"].with_company(company).cron_subscription_management()


# --- measuring


def measure(function, *arguments):
    """CPU seconds of this process, and what the function returned; with what mail tracking does at the commit."""
    env.cr.flush()
    env.invalidate_all()
    started = time.process_time()
    result = function(*arguments)
    env.cr.flush()
    return time.process_time() - started, result


def count_invoices(company):
    return env["account.move"].search_count([("company_id", "=", company.id)])


def measure_round(day, subscriptions, other):
    """Milliseconds per invoice of each, in turn."""
    row = {}
    seconds, run = measure(bill, day)
    assert run.invoice_count == CUSTOMERS, run.line_ids.mapped("message")
    row["ours"] = seconds / CUSTOMERS
    for name, function in (("plain_batch", make_plain_batch), ("fast_batch", make_fast_batch)):
        row[name] = measure(lambda function=function: function(prepare_moves(subscriptions, day)))[0] / CUSTOMERS
    before = count_invoices(other)
    seconds, drafts = measure(run_contract, other, day)
    assert len(drafts) == CUSTOMERS == count_invoices(other) - before, len(drafts)
    row["contract"] = seconds / CUSTOMERS
    row["contract_posted"] = row["contract"] + measure(drafts._post, False)[0] / CUSTOMERS
    before = count_invoices(other)
    row["subscription_oca"] = measure(run_subscription_oca, other)[0] / SLOW_CUSTOMERS
    assert count_invoices(other) - before == SLOW_CUSTOMERS, count_invoices(other) - before
    return {name: 1000 * seconds for name, seconds in row.items()}


def get_memory():
    """Megabytes of memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure_growth(products, customers):
    """Milliseconds per invoice, and megabytes added from the second batch to the last, for runs of several sizes."""
    rows = []
    for size, day in zip(GROWTH, (date(2025, 10, 1), date(2026, 1, 1)), strict=False):
        make_subscriptions(make_partners(size - customers), products, day)
        customers = size
        memory = []
        runs = type(env["bfocused.billing.run"])
        original = runs._bill_groups_at_once

        def sample(run, groups, original=original, memory=memory):
            result = original(run, groups)
            memory.append(get_memory())
            return result

        with patch.object(runs, "_bill_groups_at_once", sample):
            seconds, run = measure(bill, day)
        assert run.invoice_count == size, (run.invoice_count, size)
        rows.append({"customers": size, "ms": 1000 * seconds / size, "memory_mb": memory[-1] - memory[1]})
    return rows


# --- report


def get_result(rounds, growth):
    names = list(rounds[0])
    result = {
        "customers": CUSTOMERS,
        "ms": {name: median(row[name] for row in rounds) for name in names},
        "ratios": {name: median(row[name] / row["ours"] for row in rounds) for name in names if name != "ours"},
        "rounds": rounds,
        "growth": growth,
    }
    if len(growth) > 1:
        result["growth_ratio"] = growth[-1]["ms"] / growth[0]["ms"]
    return result


def show(result):
    print(f"CPU time per invoice of two lines, {result['customers']} customers, median of {ROUNDS} rounds:")
    for name, milliseconds in result["ms"].items():
        ratio = f"{result['ratios'][name]:6.2f} x ours" if name in result["ratios"] else ""
        print(f"  {name:<18}{milliseconds:7.1f} ms {ratio}")
    for row in result["growth"]:
        print(f"  {row['customers']:>5} customers: {row['ms']:6.1f} ms an invoice, {row['memory_mb']:+.0f} MB")


def main():
    env["ir.module.module"].search([("name", "=", "contract")]).button_immediate_install()
    env.transaction.reset()  # the installation made another registry
    env.company.use_billing = True
    other = make_other_company()
    products = make_products(env.company | other)
    partners = make_partners(CUSTOMERS)
    subscriptions = make_subscriptions(partners, products, DATES[0])
    make_oca_subscriptions(other, partners[:SLOW_CUSTOMERS], products)
    make_contracts(other, partners, products)
    rounds = [measure_round(day, subscriptions, other) for day in DATES]
    result = get_result(rounds, measure_growth(products, CUSTOMERS) if GROWTH else [])
    Path(os.environ["BFOCUSED_RESULT"]).write_text(json.dumps(result), encoding="utf-8")
    if not os.environ.get("BFOCUSED_JSON"):
        show(result)


main()
