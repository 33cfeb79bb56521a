from odoo import api, models


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        # EXTENDS 'account': it marks an invoice as sent once its PDF is made, also where there is nobody to send it to
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, move_data in moves_data.items():
            if move.company_id.use_billing:
                move.is_move_sent = self._is_handed_over(move, move_data)
                if not move.is_move_sent:
                    self._tell_not_sent(move, move_data)
        return result

    @api.model
    def _tell_not_sent(self, move, move_data):
        """Say on the invoice why it isn't sent."""
        move.message_post(body=self.env._("Not sent: %s has no e-mail address.", move.partner_id.name))

    @api.model
    def _is_handed_over(self, move, move_data):
        """Whether at least one of the ways of sending could do its work."""
        methods = move_data["sending_methods"]
        return not methods or any(self._is_applicable_to_move(method, move, **move_data) for method in methods)
