from odoo import api, models


class SaleSubscriptionStage(models.Model):
    _inherit = "sale.subscription.stage"

    @api.constrains("type")
    def _check_mandates(self):
        """A stage that becomes "In progress" starts its subscriptions: that takes mandates too (R1)."""
        running = self.filtered(lambda stage: stage.type == "in_progress")
        self.env["sale.subscription"].sudo().search([("stage_id", "in", running.ids)])._check_mandate()
