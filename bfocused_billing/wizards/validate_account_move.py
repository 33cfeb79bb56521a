from odoo import models


class ValidateAccountMove(models.TransientModel):
    _inherit = "validate.account.move"

    def validate_move(self):
        # EXTENDS 'account': confirming many at once defers the small ones too, and what waits goes on waiting
        waiting = self.move_ids.filtered(lambda move: move._is_waiting())
        deferred = (self.move_ids - waiting)._defer_small()
        self.move_ids -= waiting + deferred
        result = super().validate_move()
        return deferred._get_deferred_notification() if deferred else result
