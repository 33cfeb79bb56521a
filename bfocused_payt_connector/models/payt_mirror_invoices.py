from odoo import fields, models


class PaytMirror(models.Model):
    """Invoices: where they stand at PAYT."""

    _inherit = "payt.mirror"

    def _get_known_invoices(self):
        """The Odoo invoices of these rows.

        PAYT gives our own id back; the number finds those that were handed over by somebody else before.

        :return: dict of PAYT id to ``account.move`` record
        """
        payloads = {row.payt_id: row.sudo().payload for row in self}
        moves = self.env["account.move"].sudo()
        own = [
            int(p["invoice_identifier"]) for p in payloads.values() if (p.get("invoice_identifier") or "").isdecimal()
        ]
        numbers = [p["invoice_number"] for p in payloads.values() if p.get("invoice_number")]
        found = moves.search(
            [
                ("company_id", "in", self.company_id.ids),
                ("move_type", "in", moves.get_sale_types()),
                "|",
                ("id", "in", own),
                ("name", "in", numbers),
            ]
        )
        by_id, by_name = {str(move.id): move for move in found}, {move.name: move for move in found}
        return {
            payt_id: move
            for payt_id, payload in payloads.items()
            if (move := by_id.get(payload.get("invoice_identifier")) or by_name.get(payload.get("invoice_number")))
        }

    def _get_idle_invoices(self, known):
        """An administration may have tens of thousands of invoices that aren't Odoo's."""
        return self.filtered(lambda row: not row.deleted_at and row.payt_id not in known)

    def _apply_invoices(self, known):
        move = known.get(self.payt_id)
        if not move:
            return None  # somebody else's: the administration may have invoices that aren't Odoo's
        values = {"payt_invoice_id": self.payt_id, "payt_url": self.payload.get("deeplink_url")}
        move.write({**values, "payt_synced_at": fields.Datetime.now()})
        return move
