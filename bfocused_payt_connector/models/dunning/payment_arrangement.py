from odoo import models


class PaymentArrangement(models.Model):
    """What PAYT said of a plan."""

    _inherit = "bfocused.payment.arrangement"

    def _follow_payt_plan_again(self):
        # EXTENDS 'bfocused_payt_connector' (outgoing)
        rows = (
            self.env["payt.mirror"]
            .sudo()
            .search(
                [
                    ("backend_id", "in", self._get_payt_backend().ids),
                    ("resource", "=", "payment_plans"),
                    ("payt_id", "=", self.payt_plan_id or ""),
                ]
            )
        )
        rows.filtered(lambda row: row.state == "done")._follow_again()
