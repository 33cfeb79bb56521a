"""Compare what Odoo has with what the PAYT sandbox has, record by record: debtors, mandates, invoices, documents."""

import base64
import hashlib
from decimal import Decimal

import requests

TIMEOUT = 60


def fetch(url, name="state"):
    """Every record of the sandbox, or its ``traffic``."""
    answer = requests.get(f"{url}/_sandbox/{name}", timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


def summarize(traffic):
    """How PAYT was asked: never too fast, and nothing its contract forbids."""
    return {
        "total": traffic["total"],
        "most_in_a_second": traffic["most_in_a_second"],
        "contract_broken": len(traffic["contract_broken"]),
    }


def compare(env, state):
    """Compare the records of the current company.

    :param state: what :func:`fetch` gives
    :return: counts and amounts of both sides, and a text for each difference
    """
    kinds = {
        "debtors": (get_our_debtors(env), get_their_debtors(state)),
        "mandates": (get_our_mandates(env), get_their_mandates(state)),
        "invoices": (get_our_invoices(env), get_their_invoices(state)),
    }
    return {
        **{kind: {"odoo": count(ours), "payt": count(theirs)} for kind, (ours, theirs) in kinds.items()},
        "differences": [text for kind, sides in kinds.items() for text in get_differences(kind, *sides)],
    }


def get_differences(kind, ours, theirs):
    """A text for each record that only one has, and each value that isn't the same."""
    for key in sorted(ours.keys() | theirs.keys()):
        if key not in theirs:
            yield f"{kind}: {key} isn't at PAYT. {ours[key].get('message') or ''}".rstrip()
        elif key not in ours:
            yield f"{kind}: {key} is only at PAYT"
        else:
            for name, value in theirs[key].items():
                if ours[key][name] != value:
                    yield f"{kind}: {key} {name} is {ours[key][name]} here and {value} at PAYT"


def count(records):
    totals = {"count": len(records)}
    for name in ("total", "open"):
        amounts = [Decimal(record[name]) for record in records.values() if name in record]
        if amounts:
            totals[name] = f"{sum(amounts):.2f}"
    for name in ("pdf", "ubl"):
        if any(name in record for record in records.values()):
            totals[name] = sum(1 for record in records.values() if record[name])
    return totals


def as_text(comparison):
    """A table of both sides."""
    lines = [f"{'PAYT':<12}{'Odoo':>8}{'PAYT':>8}"]
    for kind in ("debtors", "mandates", "invoices"):
        ours, theirs = comparison[kind]["odoo"], comparison[kind]["payt"]
        lines.append(f"{kind:<12}{ours['count']:>8}{theirs['count']:>8}")
        lines += [f"  {name:<10}{ours[name]:>8}{theirs.get(name, 0):>8}" for name in ("pdf", "ubl") if name in ours]
        lines += [
            f"  {name:<6} EUR {ours[name]:>12} here, EUR {theirs.get(name, '0.00'):>12} at PAYT"
            for name in ("total", "open")
            if name in ours
        ]
    lines.append(f"{len(comparison['differences'])} differences, record by record.")
    asked = comparison["requests"]
    lines.append(
        f"{asked['total']} requests, at most {asked['most_in_a_second']} in one second; "
        f"{asked['contract_broken']} broke PAYT's contract."
    )
    return "\n".join(lines)


# === OURS


def get_our_debtors(env):
    """Customers with an invoice, a mandate or a subscription."""
    company = [("company_id", "=", env.company.id)]
    subscribers = env["sale.subscription"].search([*company, ("stage_id.type", "!=", "post")])
    partners = get_moves(env).partner_id | get_mandates(env).partner_id | subscribers.partner_id
    return {
        partner.payt_debtor_number or partner.ref: {
            "name": partner.name,
            "kvk": partner.company_registry or None,
            "vat": partner.vat or None,
        }
        for partner in partners.commercial_partner_id
    }


def get_our_mandates(env):
    return {
        mandate.unique_mandate_reference: {
            "debtor": mandate.partner_id.commercial_partner_id.payt_debtor_number,
            "account": mandate.partner_bank_id.sanitized_acc_number,
        }
        for mandate in get_mandates(env)
    }


def get_our_invoices(env):
    return {move.name: get_our_invoice(move) for move in get_moves(env)}


def get_our_invoice(move):
    sign = -1 if move.move_type == "out_refund" else 1
    return {
        "debtor": move.commercial_partner_id.payt_debtor_number,
        "total": f"{sign * move.amount_total:.2f}",
        "open": f"{sign * move.amount_residual + 0.0:.2f}",
        "date": str(move.invoice_date),
        "pdf": get_checksum(move.invoice_pdf_report_id.raw),
        "ubl": get_checksum(move.ubl_cii_xml_id.raw),
        "message": move.payt_message,
    }


def get_moves(env):
    return env["account.move"].search(
        [
            ("company_id", "=", env.company.id),
            ("state", "=", "posted"),
            ("move_type", "in", ("out_invoice", "out_refund")),
        ]
    )


def get_mandates(env):
    return env["account.banking.mandate"].search([("company_id", "=", env.company.id), ("state", "=", "valid")])


def get_checksum(content):
    return base64.b64encode(hashlib.sha3_512(content).digest()).decode() if content else None


# === THEIRS


def get_their_debtors(state):
    return {
        debtor["debtor_number"]: {
            "name": debtor["name"],
            "kvk": debtor.get("coc_number") or None,  # emptied is empty text
            "vat": debtor.get("vat_number") or None,
        }
        for debtor in state["debtors"]
    }


def get_their_mandates(state):
    numbers = {debtor["id"]: debtor["debtor_number"] for debtor in state["debtors"]}
    return {
        mandate["mandate_reference"]: {
            "debtor": numbers.get(mandate["debtor_id"]),
            "account": mandate["bank_account_number"],
        }
        for mandate in state["psp_mandates"]
        if not mandate["deactivated_at"]
    }


def get_their_invoices(state):
    return {
        invoice["invoice_number"]: {
            "debtor": invoice["debtor_number"],
            "total": invoice["total_amount"],
            "open": invoice["open_amount"],
            "date": invoice["invoice_date"],
            "pdf": (invoice.get("_document") or {}).get("checksum"),
            "ubl": (invoice.get("_ubl_document") or {}).get("checksum"),
        }
        for invoice in state["invoices"]
    }
