from odoo import api, fields, models


class PauseSubscriptionWizard(models.TransientModel):
    _inherit = "sale.subscription.pause.wizard"

    subscription_id = fields.Many2one(
        "sale.subscription", default=lambda self: self._default_subscription_id(), ondelete="cascade"
    )
    use_billing = fields.Boolean(related="subscription_id.use_billing")
    date_start = fields.Date(
        string="From",
        default=fields.Date.context_today,
        help="First day of the pause. It may lie in the past: when the pause is free, what was billed is credited.",
    )
    paused_until = fields.Date(
        help="First day on which the service runs again. Leave it empty to pause until somebody resumes it."
    )
    effect = fields.Selection(
        selection=lambda self: self._get_effects(),
        default="free",
        help="Free: the customer doesn't pay for these days; what was billed already is credited.\n"
        "Hold: billed after the pause.",
    )
    reason = fields.Char(help="For your colleagues, such as: shop closed for the summer.")

    @api.model
    def _default_subscription_id(self):
        is_subscription = self.env.context.get("active_model", "sale.subscription") == "sale.subscription"
        return is_subscription and self.env.context.get("active_id")

    @api.model
    def _get_effects(self):
        """What a pause does, said in full."""
        return [
            ("free", self.env._("Free: the customer doesn't pay for these days; what was billed already is credited.")),
            ("hold", self.env._("Hold: billed after the pause.")),
        ]

    def button_confirm(self):
        # EXTENDS 'subscription_oca': pause on the days and with the effect that were chosen
        if not self.use_billing:
            return super().button_confirm()
        self.subscription_id._check_pausable()
        self.env["bfocused.subscription.pause"].create(self._prepare_pause())
        return None

    def _prepare_pause(self):
        return {
            "subscription_id": self.subscription_id.id,
            "date_start": self.date_start or fields.Date.context_today(self),
            "date_end": self.paused_until,
            "effect": self.effect or "free",
            "reason": self.reason,
        }
