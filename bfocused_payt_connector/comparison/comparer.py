from dataclasses import dataclass
from datetime import timedelta

from odoo import fields

from ..const import DELETED_DAYS, INVOICE_STEPS, NOT_THERE
from ..handlers import lookup
from .causes import Causes

DIRECT_DEBIT = "direct_debit"
# What the comparison has to know of PAYT's invoices
COMPARED_FIELDS = (
    *("invoice_number", "invoice_identifier", "currency_code", "open_amount", "payment_method", "deeplink_url"),
    *("total_amount", "payment_date", "paused_at"),
    *(name for name, _kind, state in INVOICE_STEPS if state),
)


@dataclass
class Finding:
    """What isn't the same on both sides; values as they are stored, a person sees them in words."""

    kind: str  # of payt.difference
    number: str
    move_id: int | None = None
    payt_id: str = ""
    here: str = ""
    there: str = ""
    currency_id: int | None = None
    url: str = ""
    cause: str = ""  # of payt.difference
    detail: str = ""
    is_underway: bool = False  # on its way to the other side: no difference yet


class Comparer:
    """Compares invoices of one connection with PAYT's: what is open on either side, how much, and how far it went.

    :param backend: ``payt.backend`` record
    """

    def __init__(self, backend):
        self.backend = backend
        self.company = backend.company_id
        self.env = backend.env

    # === WHAT IS COMPARED

    def find_moves(self, records):
        """The Odoo invoices that records of PAYT are.

        :return: dict of PAYT id to ``account.move`` record
        """
        return lookup.find_moves(self.backend, {str(record["id"]): record for record in records})

    def is_expected_at_payt(self, move):
        """Whether this open invoice has to be at PAYT: it was handed over, or its customer's invoices go there."""
        if move.payt_state not in NOT_THERE or move._is_known_at_payt():
            return True
        return not move.is_move_sent and move.commercial_partner_id._is_sent_by_payt(self.company)

    # === COMPARING

    def compare_invoices(self, records, moves):
        """Compare records of PAYT with the invoices they are.

        :param records: dicts, as PAYT listed them
        :param moves: dict of PAYT id to ``account.move`` record
        :return: list of Findings
        """
        findings = [
            finding for record in records for finding in self._compare_invoice(record, moves.get(str(record["id"])))
        ]
        return self._explain(findings, {str(record["id"]): record for record in records})

    def compare_moves(self, client, moves):
        """Ask PAYT for invoices that its list of open ones doesn't have.

        :return: list of Findings
        """
        records = self._read_compared(client, moves)
        of_moves = {move.id: payt_id for payt_id, move in self.find_moves(records).items()}
        findings = self.compare_invoices(records, {payt_id: moves.browse(i) for i, payt_id in of_moves.items()})
        missing = moves.filtered(
            lambda m: m.id not in of_moves and m.state == "posted" and m._get_payt_open_amounts()[0]
        )
        return findings + self._explain(self._get_missing(client, missing), {})

    def compare_unknown(self, client, payt_ids):
        """Look again for the Odoo invoices of records of PAYT.

        :return: list of Findings
        """
        records = list(client.read_by("invoices", "ids", sorted(payt_ids), fields=COMPARED_FIELDS)) if payt_ids else []
        return self.compare_invoices(records, self.find_moves(records))

    def _read_compared(self, client, moves):
        """PAYT's records of these invoices. A comma separates numbers, so a number with one goes by its id."""
        by_name = moves.filtered(lambda move: "," not in move.name)
        asked = [("invoice_numbers", by_name.mapped("name")), ("invoice_identifiers", (moves - by_name).ids)]
        return [
            record
            for name, values in asked
            if values
            for record in client.read_by("invoices", name, values, fields=COMPARED_FIELDS)
        ]

    def _compare_invoice(self, record, move):
        """The Findings of one invoice."""
        if not move:
            there = record.get("open_amount") or "0.00"
            return [self._prepare_finding("missing_in_odoo", record, there=there)] if float(there) else []
        if move.state == "draft":
            is_reminding = not record.get("paused_at")
            return [self._prepare_finding("state", record, move, "draft", "open")] if is_reminding else []
        money = self._compare_money(record, move)
        return money + (self._compare_follow_up(record, move) if self._is_followed_up(record, move) else [])

    def _is_followed_up(self, record, move):
        """Whether both sides wait for money: where one has it as paid, or overpaid, only amounts differ."""
        total = record.get("total_amount") or f"{move.amount_total:.2f}"
        here = {"open_amount": f"{move._get_payt_open_amounts()[0]:.2f}", "total_amount": total}
        there = {"open_amount": record.get("open_amount") or "0.00", "total_amount": total}
        return not move._is_payt_paid(here) and not move._is_payt_paid(there)

    def _compare_money(self, record, move):
        here, there = move._get_payt_open_amounts()[0], float(record.get("open_amount") or 0.0)
        if not move.currency_id.compare_amounts(here, there):
            return []
        kind = "open_amount" if here and there else "paid_there" if here else "paid_here"
        return [self._prepare_finding(kind, record, move, f"{here:.2f}", f"{there:.2f}")]

    def _compare_follow_up(self, record, move):
        findings = []
        here, there = move._get_payt_payment_method(), record.get("payment_method") or "unknown"
        if (here == DIRECT_DEBIT) != (there == DIRECT_DEBIT):
            findings.append(self._prepare_finding("payment_method", record, move, here, there))
        unpaid = {**record, "open_amount": record.get("total_amount") or "1.00"}  # money is compared by itself
        here, there = move.payt_state or "none", move._get_payt_state_read(unpaid)
        if here != there and (here, there) != ("none", "pushed"):
            findings.append(self._prepare_finding("state", record, move, here, there))
        return findings

    def _prepare_finding(self, kind, record, move=None, here="", there=""):
        currency = move.currency_id if move else self._find_currency(record.get("currency_code"))
        return Finding(
            kind=kind,
            number=record.get("invoice_number") or (move.name if move else str(record["id"])),
            move_id=move.id if move else None,
            payt_id=str(record["id"]),
            here=here,
            there=there,
            currency_id=currency.id,
            url=record.get("deeplink_url") or "",
        )

    def _find_currency(self, code):
        currencies = self.env["res.currency"].with_context(active_test=False)
        return currencies.search([("name", "=", code)], limit=1) if code else self.company.currency_id

    def _get_missing(self, client, moves):
        """Findings for invoices that PAYT doesn't have: deleted there, or never arrived."""
        if not moves:
            return []
        deleted = self._read_deleted(client, moves)
        findings = []
        for move in moves:
            moment = deleted.get(move.id)
            findings.append(
                Finding(
                    kind="deleted" if moment else "missing_at_payt",
                    number=move.name,
                    move_id=move.id,
                    payt_id=move.payt_invoice_id or "",
                    here=f"{move._get_payt_open_amounts()[0]:.2f}",
                    currency_id=move.currency_id.id,
                    url=move.payt_url or "",
                    cause="deleted" if moment else "",
                    detail=moment or "",
                )
            )
        return findings

    def _explain(self, findings, records):
        return Causes(self.backend).explain(findings, records)

    def _read_deleted(self, client, moves):
        """:return: dict of our id to PAYT's moment, for those of these invoices that PAYT lists as deleted"""
        oldest = fields.Datetime.now() - timedelta(days=DELETED_DAYS)
        found = {}
        for page in client.iter_deleted("invoices", deleted_after=oldest):
            moments = {str(record["id"]): record.get("deleted_at") for record in page}
            for payt_id, move in self.find_moves(page.records).items():
                if move in moves:
                    found[move.id] = moments[payt_id]
        return found
