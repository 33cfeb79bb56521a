from odoo import api, fields, models

LIGHTS = [("ok", "OK"), ("off", "Not in use"), ("warning", "Warning"), ("danger", "Critical")]
CHECKS = [
    ("paused", "Connection"),
    ("token", "Access"),
    ("webhook", "Messages from PAYT"),
    ("reading", "Reading from PAYT"),
    ("following", "Following what PAYT said"),
    ("outbox", "Outbox"),
    ("comparison", "Comparison"),
    ("clock", "Clocks"),
]


class PaytHealthCheck(models.Model):
    """How one part of a connection is doing now: nothing is stored, each look computes it.

    The database gives one row per connection and check; ``payt.backend._get_health_checks()`` has a method for each,
    which returns the light and a sentence.
    """

    _name = "payt.health.check"
    _description = "PAYT Health"
    _auto = False
    _order = "id"
    _rec_name = "check"
    _depends = {"payt.backend": ["company_id"]}

    backend_id = fields.Many2one("payt.backend", string="Connection", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    check = fields.Selection(CHECKS, readonly=True)
    light = fields.Selection(LIGHTS, string="Status", compute="_compute_light")
    message = fields.Char(string="Details", compute="_compute_light")

    @property
    def _table_query(self):
        names = ", ".join(f"({place}, '{name}')" for place, (name, _label) in enumerate(CHECKS))
        return f"""
            SELECT backend.id * {len(CHECKS)} + part.place AS id, backend.id AS backend_id, backend.company_id,
                   part.name AS check
              FROM payt_backend backend, (VALUES {names}) AS part (place, name)"""

    # === COMPUTE

    @api.depends_context("lang", "tz")
    def _compute_light(self):
        for check in self:
            # counts of what the person may not see are no secret
            check.light, check.message = check.backend_id.sudo()._get_health_checks()[check.check]()

    # === ACTIONS

    def action_open(self):
        """Open what the check is about."""
        self.ensure_one()
        names = {
            "outbox": "payt_outbox_action",
            "following": "payt_mirror_action_unfollowed",
            "comparison": "payt_difference_action",
            "reading": "payt_sync_mark_action",
        }
        if name := names.get(self.check):
            action = self.env["ir.actions.act_window"]._for_xml_id(f"bfocused_payt_connector.{name}")
            return {**action, "context": {**self.env.context, "search_default_backend_id": self.backend_id.id}}
        return {
            "type": "ir.actions.act_window",
            "res_model": "payt.backend",
            "res_id": self.backend_id.id,
            "view_mode": "form",
        }
