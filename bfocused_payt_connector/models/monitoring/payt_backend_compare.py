from dataclasses import dataclass
from datetime import timedelta

from odoo import api, fields, models

from ...const import INVOICE_STEPS
from ..outgoing.account_move import NOT_THERE

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


class PaytBackend(models.Model):
    """Comparing invoices with PAYT's: what is open on either side, how much, and how far it went."""

    _inherit = "payt.backend"

    compare_grace_minutes = fields.Integer(
        string="On its way for (minutes)",
        default=60,
        help="What changed on one side so recently isn't a difference yet: it is on its way to the other.",
    )

    # === ACTIONS

    def action_compare(self):
        """Compare all open invoices with PAYT's, in the background."""
        self.ensure_one()
        self.check_access("read")
        if not self.paused:
            self.env["payt.comparison"].sudo()._start(self.sudo())
        return self._notify(
            self.env._("The connection is paused.")
            if self.paused
            else self.env._("All open invoices are being compared. Differences appear in the list as they are found."),
            is_good=not self.paused,
        )

    # === BUSINESS: WHICH INVOICES

    def _find_compared_moves(self, records):
        """The Odoo invoices of PAYT's records: by our own id, which PAYT gives back, or by their number.

        :return: dict of PAYT id to ``account.move`` record
        """
        moves = self.env["account.move"].sudo()
        own = [int(found) for r in records if (found := r.get("invoice_identifier") or "").isdecimal()]
        numbers = [r["invoice_number"] for r in records if r.get("invoice_number")]
        found = moves.search(
            [
                ("company_id", "=", self.company_id.id),
                ("move_type", "in", moves.get_sale_types()),
                *("|", ("id", "in", own), ("name", "in", numbers)),
            ]
        )
        by_id, by_name = {str(move.id): move for move in found}, {move.name: move for move in found}
        return {
            str(record["id"]): move
            for record in records
            if (move := self._choose_compared_move(record, by_id, by_name))
        }

    def _choose_compared_move(self, record, by_id, by_name):
        """Another system's identifier may be the id of one of our invoices: so the number has to fit too."""
        number = record.get("invoice_number")
        own = by_id.get(record.get("invoice_identifier"))
        return own if own and number in (None, "", own.name) else by_name.get(number)

    def _is_expected_at_payt(self, move):
        """Whether this open invoice has to be at PAYT: it was handed over, or its customer's invoices go there."""
        if move.payt_state not in NOT_THERE or move._is_known_at_payt():
            return True
        return not move.is_move_sent and move.commercial_partner_id._is_sent_by_payt(self.company_id)

    # === BUSINESS: COMPARING

    def _compare_invoices(self, records, moves):
        """Compare records of PAYT with the invoices they are.

        :param records: dicts, as PAYT listed them
        :param moves: dict of PAYT id to ``account.move`` record
        :return: list of Findings
        """
        findings = [
            finding for record in records for finding in self._compare_invoice(record, moves.get(str(record["id"])))
        ]
        return self._explain(findings, {str(record["id"]): record for record in records})

    def _compare_moves(self, client, moves):
        """Ask PAYT for invoices that its list of open ones doesn't have.

        :return: list of Findings
        """
        records = self._read_compared(client, moves)
        of_moves = {move.id: payt_id for payt_id, move in self._find_compared_moves(records).items()}
        findings = self._compare_invoices(records, {payt_id: moves.browse(i) for i, payt_id in of_moves.items()})
        missing = moves.filtered(
            lambda m: m.id not in of_moves and m.state == "posted" and m._get_payt_open_amounts()[0]
        )
        return findings + self._explain(self._get_missing(client, missing), {})

    def _compare_unknown(self, client, payt_ids):
        """Look again for the Odoo invoices of records of PAYT.

        :return: list of Findings
        """
        records = list(client.read_by("invoices", "ids", sorted(payt_ids), fields=COMPARED_FIELDS)) if payt_ids else []
        return self._compare_invoices(records, self._find_compared_moves(records))

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
        return money + (self._compare_follow_up(record, move) if move._get_payt_open_amounts()[0] else [])

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
        return currencies.search([("name", "=", code)], limit=1) if code else self.company_id.currency_id

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

    def _read_deleted(self, client, moves):
        """:return: dict of our id to PAYT's moment, for those of these invoices that PAYT lists as deleted"""
        own, names = {str(move.id): move.id for move in moves}, {move.name: move.id for move in moves}
        oldest = fields.Datetime.now() - timedelta(days=90)
        found = {}
        for page in client.iter_deleted("invoices", deleted_after=oldest):
            for record in page:
                if move_id := own.get(record.get("origin_identifier")) or names.get(record.get("invoice_number")):
                    found[move_id] = record.get("deleted_at")
        return found

    # === CRON

    @api.model
    def _cron_compare(self):
        """Each night, by jobs of their own."""
        for backend in self.search([("paused", "=", False)]):
            self.env["payt.comparison"]._start(backend)
