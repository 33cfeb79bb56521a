from odoo import api, models
from odoo.fields import Domain

# a mandate in these states is PAYT's to collect with; also when its answer is still out
COLLECTED_THERE = ("queued", "pushed", "revoking")
NOT_THERE = (False, "none")
# after a reversal (account_move_reversed.py): the customer is to pay by bank transfer
NOT_DEBITED = ("reminder", "dispute", "staff")

# a reversal or a new mandate changes how it is paid; the customer's order number may come later, or another day
CHANGING = {"reversal_state", "mandate_id", "payment_mode_id", "ref", "invoice_date_due"}


class AccountMove(models.Model):
    """What PAYT collects, the company's own payment orders leave alone: nobody pays twice."""

    _inherit = "account.move"

    def write(self, vals):
        # EXTENDS 'account': what may still change on an invoice that PAYT has
        result = super().write(vals)
        if CHANGING & vals.keys():
            self._queue_payt_update()
        return result

    def _is_collected_by_payt(self):
        self.ensure_one()
        return self.payt_state not in NOT_THERE and self.mandate_id.sudo().payt_state in COLLECTED_THERE

    @api.model
    def _get_to_collect_domain(self, mode):
        # EXTENDS 'bfocused_billing'
        at_payt = Domain("move_id.payt_state", "not in", NOT_THERE)
        with_mandate = Domain("move_id.mandate_id.payt_state", "in", COLLECTED_THERE)
        return super()._get_to_collect_domain(mode) & ~(at_payt & with_mandate)

    def _get_debit_problem(self, day):
        # EXTENDS 'bfocused_billing'
        if self._is_collected_by_payt():
            return self.env._("PAYT collects it with mandate %s.", self.mandate_id.unique_mandate_reference)
        return super()._get_debit_problem(day)

    def _get_payt_payment_method(self):
        """PAYT's word for how the customer pays: by direct debit only while there is something to collect with."""
        self.ensure_one()
        is_debit = self._get_collecting_mandate() and self.reversal_state not in NOT_DEBITED
        return "direct_debit" if is_debit else "bank_transfer"
