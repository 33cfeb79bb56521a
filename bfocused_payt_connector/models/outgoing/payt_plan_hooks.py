from odoo import models


class PaytPlanHooks(models.AbstractModel):
    """What rooms above have to do when a payment plan changes.

    Each is empty here and defined once, by the room its docstring names.
    """

    _name = "payt.plan.hooks"
    _description = "PAYT: what rooms above do for a payment plan"

    def _follow_payt_plan_again(self):
        """Take over what PAYT said last of the plan, once more. Defined in dunning."""
