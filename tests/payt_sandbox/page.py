"""The page a person looks at: what PAYT has, how fast it was asked, and what went wrong."""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

from .faults import Faults
from .store import Record
from .traffic import Traffic
from .world import World

PER_PAGE = 200
STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem;color:#1d2733;background:#fff;max-width:1400px}
h1{font-size:1.4rem;margin:0} h2{font-size:1.1rem;margin:2rem 0 .5rem} p{margin:.4rem 0}
nav a{margin-right:1rem} table{border-collapse:collapse;width:100%} th{text-align:left;color:#52606d;font-weight:600}
td,th{padding:.3rem .6rem;border-bottom:1px solid #e4e7eb;vertical-align:top} td.n{text-align:right;
font-variant-numeric:tabular-nums} .bad{color:#b42318} .bars{display:flex;align-items:flex-end;gap:2px;height:50px}
.bars i{background:#2f6fab;width:8px;min-height:1px;display:block} .bars i.over{background:#b42318}
"""
TABS = {"invoices": "Invoices", "debtors": "Debtors", "psp_mandates": "Mandates", "payments": "Payments"}
STEPS = (
    *("sent_at", "reminder_1_at", "reminder_2_at", "final_reminder_at", "collectable_at", "debt_collection_at"),
    *("summons_1_at", "bailiff_at", "paused_at"),
)


def html(world: World, traffic: Traffic, faults: Faults, query: str) -> str:
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    tab = asked.get("tab") if asked.get("tab") in TABS else "invoices"
    first = int(asked["from"]) if asked.get("from", "").isdigit() else 0
    collection = getattr(world.store, tab)
    records = list(collection)[first : first + PER_PAGE]
    links = " ".join(
        f'<a href="/?tab={name}">{title} ({len(getattr(world.store, name))})</a>' for name, title in TABS.items()
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>PAYT sandbox</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
        f"<h1>PAYT sandbox</h1><p>{_e(world.administration['name'])}, administration {world.administration['id']}; "
        f"its clock says {world.clock.stamp()}.</p>"
        f"{_traffic(traffic, world, faults)}"
        f"<h2>{TABS[tab]}</h2><nav>{links}</nav>{TABLES[tab](world, records)}"
        f"{_pager(tab, first, len(collection))}</html>"
    )


def _traffic(traffic: Traffic, world: World, faults: Faults) -> str:
    numbers = traffic.as_json()
    limit = world.setting("requests_per_second")
    bars = "".join(
        f'<i title="{count}" class="{"over" if count > limit else ""}" style="height:{min(count * 5, 50)}px"></i>'
        for count in traffic.per_second()
    )
    broken = numbers["contract_broken"]
    bad = [entry for entry in reversed(traffic.entries) if entry.status >= 400 or entry.status == 0][:20]
    rows = (
        (_time(entry.at), entry.operation, str(entry.status or "no answer"), entry.problem or entry.fault)
        for entry in bad
    )
    failures = _table(("When", "Request", "Answer", "Why"), rows) if bad else "<p>None.</p>"
    return (
        f"<h2>Requests</h2><p>{numbers['total']} requests, at most {numbers['most_in_a_second']} in one second "
        f"(allowed: {limit}); the last minute:</p><div class=bars>{bars}</div>"
        f"<p class={'bad' if broken else 'good'}>{len(broken)} requests broke the contract.</p>"
        f"<p>{len(faults.waiting)} ordered failures are waiting, {faults.happened} happened.</p>"
        f"<h2>Last failures</h2>{failures}"
    )


def _invoices(world: World, records: Iterable[Record]) -> str:
    def row(record: Record) -> tuple[str, ...]:
        last = [name.removesuffix("_at") for name in STEPS if record.get(name)]
        return (
            record["invoice_number"],
            record["debtor_number"],
            record["invoice_date"],
            record["due_date"],
            f"{record['currency_code']} {record['total_amount']}",
            record["open_amount"],
            record["payment_method"],
            last[-1] if last else "received",
        )

    header = ("Number", "Debtor", "Date", "Due", "Total", "Open", "Method", "State", "Documents")
    body = "".join(
        f'<tr id="invoices-{record["id"]}">{_cells(row(record))}<td>{_documents(record)}</td></tr>'
        for record in records
    )
    return f"<table>{_head(header)}{body}</table>"


def _documents(record: Record) -> str:
    found = (record.get(name) for name in ("_document", "_ubl_document"))
    return " ".join(f'<a href="/_files/{d["_key"]}/{_e(d["filename"])}">{_e(d["filename"])}</a>' for d in found if d)


def _debtors(world: World, records: Iterable[Record]) -> str:
    header = ("Number", "Name", "Invoices to", "Reminders to", "KvK", "VAT", "Labels")
    rows = (
        (
            r["debtor_number"],
            r["name"],
            r.get("invoice_email_address") or "",
            r.get("reminder_email_address") or "",
            r.get("coc_number") or "",
            r.get("vat_number") or "",
            ", ".join(r.get("labels") or []),
        )
        for r in records
    )
    return _table(header, rows)


def _mandates(world: World, records: Iterable[Record]) -> str:
    header = ("Reference", "Debtor", "Name", "Account", "Provider", "State")
    rows = (
        (
            r.get("mandate_reference") or r["mandate_identifier"],
            (world.store.debtors.get(r["debtor_id"]) or {}).get("debtor_number", ""),
            r["bank_account_name"],
            f"{r['bank_account_number'][:4]}…{r['bank_account_number'][-4:]}",
            r["provider"],
            "revoked" if r["deactivated_at"] else "active",
        )
        for r in records
    )
    return _table(header, rows)


def _payments(world: World, records: Iterable[Record]) -> str:
    header = ("Date", "Invoice", "Amount", "Kind", "Method", "Reason", "From")
    rows = (
        (
            r["payment_date"],
            (world.store.invoices.get(r["invoice_id"]) or {}).get("invoice_number", "deleted"),
            r["total_amount"],
            r["transaction_type"],
            r.get("payment_method") or "",
            r.get("reversal_code") or "",
            r["_source"],
        )
        for r in records
    )
    return _table(header, rows)


TABLES = {"invoices": _invoices, "debtors": _debtors, "psp_mandates": _mandates, "payments": _payments}


def _pager(tab: str, first: int, total: int) -> str:
    if total <= PER_PAGE:
        return ""
    last = min(first + PER_PAGE, total)
    further = f' <a href="/?{urlencode({"tab": tab, "from": last})}">further</a>' if last < total else ""
    return f"<p>{first + 1} to {last} of {total}.{further}</p>"


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    return f"<table>{_head(header)}{''.join(f'<tr>{_cells(row)}</tr>' for row in rows)}</table>"


def _head(header: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<th>{_e(title)}</th>" for title in header) + "</tr>"


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{_e(cell)}</td>" for cell in row)


def _e(value: Any) -> str:
    return escape(str(value))


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
