from odoo import fields, models
from odoo.tools import SQL


class MandateEvent(models.Model):
    """The days of a mandate's life, one row each, for the calendar; nothing is stored."""

    _name = "bfocused.mandate.event"
    _description = "Day in the life of a mandate"
    _auto = False
    _depends = {
        "account.banking.mandate": [
            "partner_id",
            "company_id",
            "state",
            "signature_date",
            "last_debit_date",
            "expiry_date",
        ]
    }
    _order = "date, id"
    _rec_name = "mandate_id"

    mandate_id = fields.Many2one("account.banking.mandate", readonly=True)
    partner_id = fields.Many2one("res.partner", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    date = fields.Date(readonly=True)
    kind = fields.Selection(
        selection=[("signature", "Signing"), ("debit", "Last debit"), ("expiry", "Expiry")], readonly=True
    )
    state = fields.Selection(related="mandate_id.state")

    @property
    def _table_query(self):
        kinds = [("signature", "signature_date"), ("debit", "last_debit_date"), ("expiry", "expiry_date")]
        parts = [
            SQL(
                "SELECT id * 3 + %(number)s AS id, id AS mandate_id, partner_id, company_id, %(column)s AS date, "
                "%(kind)s AS kind FROM account_banking_mandate WHERE %(column)s IS NOT NULL "
                "AND (%(kind)s <> 'expiry' OR state IN ('valid', 'expired'))",
                number=number,
                column=SQL.identifier(column),
                kind=kind,
            )
            for number, (kind, column) in enumerate(kinds)
        ]
        return SQL(" UNION ALL ").join(parts)
