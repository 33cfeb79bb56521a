from odoo import models


class ValidateAccountMove(models.TransientModel):
    _inherit = "validate.account.move"

    def validate_move(self):
        # EXTENDS 'account': confirming many at once defers the small ones too, and what waits goes on waiting
        waiting, self.move_ids = self.move_ids._defer_small()
        result = super().validate_move()
        close = {"type": "ir.actions.act_window_close"}
        return waiting._get_deferred_notification(close) if waiting else result
