"""What a spreadsheet made from ``data/*.csv`` says each month turn comes to.

Written from ``data/README.md`` and the published rules alone: it imports nothing of the add-ons, and counts the days
of each period one by one where they compute with boundaries.
"""

import csv
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

MONTHS = {"month": 1, "quarter": 3, "year": 12}
VAT = Decimal("0.21")
MINIMUM = Decimal("50.00")
QUARTER_TURNS = (1, 4, 7, 10)
ONE_DAY = timedelta(days=1)


def cents(amount):
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def read(folder, name):
    with open(Path(folder) / name, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def later(day, years):
    """The same day in another year; 29 February becomes the 28th."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return day.replace(year=day.year + years, day=28)


def whole_period(cycle, start, day):
    """The first day of the period in which ``day`` lies and of the one after it."""
    if cycle == "year":
        first = start
        while later(start, first.year - start.year + 1) <= day:
            first = later(start, first.year - start.year + 1)
        return first, later(start, first.year - start.year + 1)
    first = day.replace(day=1)
    while (first.month - 1) % MONTHS[cycle]:
        first = (first - ONE_DAY).replace(day=1)
    after = first
    for _month in range(MONTHS[cycle]):
        after = (after + timedelta(days=31)).replace(day=1)
    return first, after


def charges(row, product, until):
    """The charges of one subscription line due by ``until``: (due date, amount without VAT)."""
    cycle, start = row["cycle"], date.fromisoformat(row["start_date"])
    end = date.fromisoformat(row["end_date"]) if row["end_date"] else date.max
    price = Decimal(row["price"] or product["price"])
    if not row["price"]:
        price = price * MONTHS[cycle] / MONTHS[product["price_cycle"]]
    amount = cents(price * Decimal(row["quantity"]) * (1 - Decimal(row["discount"] or 0) / 100))
    day = start
    while day < end and day <= until:
        first, after = whole_period(cycle, start, day)
        billed_days = [d for d in days(first, after) if start <= d < end]
        skipped = (billed_days[0] - first).days
        total = (after - first).days
        part = cents(amount * (skipped + len(billed_days)) / total) - cents(amount * skipped / total)
        yield max(start, billed_days[0].replace(day=1)), part
        day = after


def days(first, after):
    return [first + timedelta(days=number) for number in range((after - first).days)]


def month_turns(folder, turns):
    """What each turn comes to, per customer.

    :return: dict of {date: {customer: (outcome, amount without VAT)}}; held amounts add up from turn to turn
    """
    products = {row["product_code"]: row for row in read(folder, "catalogue.csv")}
    with_mandate = {row["customer_number"] for row in read(folder, "mandates.csv")}
    due = defaultdict(list)
    for row in read(folder, "subscriptions.csv"):
        for due_date, amount in charges(row, products[row["product_code"]], later(max(turns), 1)):
            due[row["customer_number"]].append((due_date, amount))
    for row in read(folder, "services.csv"):
        price = Decimal(row["price"] or products[row["product_code"]]["price"])
        _first, after = whole_period("month", None, date.fromisoformat(row["order_date"]))
        due[row["customer_number"]].append((after, cents(price * Decimal(row["quantity"]))))
    result = {turn: {} for turn in turns}
    for customer, its_charges in due.items():
        waiting, billed_until = Decimal(0), date.min
        for turn in sorted(turns):
            new = [amount for due_date, amount in its_charges if billed_until < due_date <= turn]
            amount = sum(new, Decimal(0))
            is_turn = turn.month in QUARTER_TURNS
            if not new and not (waiting and is_turn):
                continue
            if customer not in with_mandate:
                result[turn][customer] = ("held", amount)
                continue
            billed_until = turn
            if is_turn:
                outcome, amount, waiting = "invoiced", amount + waiting, Decimal(0)
            elif amount + cents(amount * VAT) >= MINIMUM:
                outcome = "invoiced"
            else:
                outcome, waiting = "deferred", waiting + amount
            result[turn][customer] = (outcome, amount)
    return result
