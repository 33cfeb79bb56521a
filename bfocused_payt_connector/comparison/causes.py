from datetime import timedelta

from odoo import fields
from odoo.tools import groupby

from ..const import NOT_THERE
from ..handlers import lookup
from ..handlers.paid_invoices import UNFOLLOWED
from ..handlers.payload import read_moment

LINKS = ("deeplink_url", "public_url")  # may be other ones each time
MOVE_RESOURCES = ("invoice", "invoice_block", "invoice_resume")


class Causes:
    """Why invoices aren't the same on both sides, and whether that is only because something is on its way.

    :param backend: ``payt.backend`` record
    """

    def __init__(self, backend):
        self.backend = backend
        self.env = backend.env

    def explain(self, findings, records):
        """Give each Finding its likely cause, and say which are only on their way.

        :param records: dict of PAYT id to PAYT's record
        """
        if not findings:
            return []
        since = fields.Datetime.now() - timedelta(minutes=self.backend.compare_grace_minutes)
        facts = self._get_facts(findings)
        for finding in findings:
            finding.is_underway, finding.cause, finding.detail = self._find_cause(
                finding, facts, records.get(finding.payt_id) or {}, since
            )
        return findings

    def _get_facts(self, findings):
        """What is known of the way of these invoices, in either direction."""
        move_ids = [finding.move_id for finding in findings if finding.move_id]
        payt_ids = [finding.payt_id for finding in findings if finding.payt_id]
        payments = lookup.get_rows_of_invoices(self.backend, payt_ids, ("payments",))
        unfollowed = payments.filtered(lambda row: row.state in UNFOLLOWED)
        of_invoice = groupby(unfollowed, lambda row: str((row.payload or {}).get("invoice_id") or ""))
        return {
            "moves": {move.id: move for move in self.env["account.move"].sudo().browse(move_ids)},
            "outbox": self._get_outbox_rows(move_ids),
            "mirror": lookup.get_rows(self.backend, "invoices", payt_ids),
            "payments": {payt_id: rows[0] for payt_id, rows in of_invoice},
        }

    def _get_outbox_rows(self, move_ids):
        """What is on its way to PAYT, or was refused there.

        :return: dict of our id to the last ``payt.outbox`` record
        """
        rows = self.env["payt.outbox"].sudo()
        rows = rows.search(
            [
                *(("backend_id", "=", self.backend.id), ("model", "=", "account.move"), ("res_id", "in", move_ids)),
                *(("resource", "in", MOVE_RESOURCES), ("state", "in", ("pending", "refused", "error"))),
            ],
            order="id",
        )
        return {move_id: of_move[-1] for move_id, of_move in groupby(rows, lambda row: row.res_id)}

    def _find_cause(self, finding, facts, record, since):
        """:return: whether it is on its way, the cause and its detail"""
        if finding.cause:
            return False, finding.cause, finding.detail
        row = facts["outbox"].get(finding.move_id)
        if row and row.state == "pending" and not row.error:
            return row.create_date > since, "outbox_waits", fields.Datetime.to_string(row.create_date)
        if row:
            return row.state == "pending" and row.create_date > since, "outbox_refused", row.error or ""
        if finding.kind == "missing_at_payt":
            move = facts["moves"][finding.move_id]
            return move.write_date > since, "never_handed" if move.payt_state in NOT_THERE else "unknown_there", ""
        if finding.kind == "missing_in_odoo":
            return False, "foreign", ""
        if finding.here == "draft":
            return False, "draft", ""
        return self._find_cause_there(finding, facts, record, since)

    def _find_cause_there(self, finding, facts, record, since):
        """The cause where nothing is on its way to PAYT: what PAYT said, and what became of it."""
        row, payment = facts["mirror"].get(finding.payt_id), facts["payments"].get(finding.payt_id)
        for unfollowed in (payment, row):
            if unfollowed and unfollowed.state in UNFOLLOWED:
                is_new = unfollowed.state != "error" and unfollowed.read_at and unfollowed.read_at > since
                cause = "not_followed" if unfollowed.message else "to_follow"
                return bool(is_new), cause, unfollowed.message or ""
        changed = read_moment(record.get("updated_at"))
        if changed and self._is_newer(record, changed, row):
            return changed > since, "not_read", fields.Datetime.to_string(changed)
        return False, "unexplained", ""

    def _is_newer(self, record, changed, row):
        """Whether PAYT's record is another one than was read. Its moments are whole seconds, in which more may happen.

        :param changed: when it changed last
        :param row: ``payt.mirror`` record of what was read, if any
        """
        if not row or not row.payt_updated_at or row.payt_updated_at < changed:
            return True
        read = row.payload or {}
        return row.payt_updated_at == changed and any(
            (read.get(name) or "") != (value or "") for name, value in record.items() if name not in LINKS
        )
