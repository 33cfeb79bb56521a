from odoo import api, fields, models
from odoo.exceptions import UserError


class PaytBackend(models.Model):
    """What waits to be sent through a connection."""

    _inherit = "payt.backend"

    outbox_ids = fields.One2many("payt.outbox", "backend_id")
    waiting_count = fields.Integer(string="Waiting", compute="_compute_outbox_counts")
    attention_count = fields.Integer(string="Needs attention", compute="_compute_outbox_counts")

    # === COMPUTE

    @api.depends("outbox_ids.state")
    def _compute_outbox_counts(self):
        groups = self.env["payt.outbox"]._read_group(
            [("backend_id", "in", self.ids), ("state", "in", ("pending", "refused", "error"))],
            ["backend_id", "state"],
            ["__count"],
        )
        counts = {(backend.id, state): count for backend, state, count in groups}
        for backend in self:
            backend.waiting_count = counts.get((backend.id, "pending"), 0)
            backend.attention_count = sum(counts.get((backend.id, state), 0) for state in ("refused", "error"))

    # === CRUD

    @api.ondelete(at_uninstall=False)
    def _unlink_except_used(self):
        if self.env["payt.outbox"].sudo().search_count([("backend_id", "in", self.ids)], limit=1):
            raise UserError(self.env._("Something was sent through this connection already. Pause it instead."))

    # === ACTIONS

    def action_open_outbox(self):
        """Open what has to go out, or needs attention."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_outbox_action")
        return {**action, "domain": [("backend_id", "=", self.id)]}

    # === BUSINESS

    def _wake_outbox(self):
        # EXTENDS 'bfocused_payt_connector' (connection)
        self.env["payt.outbox"]._wake()

    def _drop_waiting(self, reason):
        # EXTENDS 'bfocused_payt_connector' (connection)
        waiting = self.env["payt.outbox"].search([("backend_id", "in", self.ids), ("state", "=", "pending")])
        waiting.try_lock_for_update(allow_referencing=True)._mark_superfluous(reason)
