from odoo import fields, models
from odoo.tools import SQL


class UsageUnknown(models.Model):
    """The numbers that are nobody's yet, with the calls that wait for them."""

    _name = "bfocused.usage.unknown"
    _description = "Unknown Number"
    _auto = False
    _log_access = False
    _order = "calls desc, id"
    _rec_name = "number"

    company_id = fields.Many2one("res.company", readonly=True)
    number = fields.Char(readonly=True)
    calls = fields.Integer(readonly=True)
    seconds = fields.Float(digits=(16, 0), readonly=True)
    cost = fields.Float(string="Supplier's amount", digits=(16, 6), readonly=True)
    first_at = fields.Datetime(string="First call", readonly=True)
    last_at = fields.Datetime(string="Last call", readonly=True)

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT min(record.id) AS id, file.company_id, record.number, count(*)::int AS calls,
                   sum(record.seconds) AS seconds, sum(record.cost) AS cost, min(record.started_at) AS first_at,
                   max(record.started_at) AS last_at
              FROM bfocused_usage_record AS record
              JOIN bfocused_usage_file AS file ON file.id = record.file_id
             WHERE record.charge_id IS NULL AND record.problem = 'unknown'
          GROUP BY file.company_id, record.number
            """
        )

    def action_assign(self):
        """Choose the customer of these numbers."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Assign"),
            "res_model": "bfocused.usage.assign",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_company_id": self.company_id[:1].id,
                "default_numbers": ", ".join(self.mapped("number")),
            },
        }
