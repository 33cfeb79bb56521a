from odoo import fields, models


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    has_charges = fields.Boolean(compute="_compute_has_charges")
    bill_again = fields.Boolean(
        help="The next billing run bills again what this credit note credits, as soon as it is posted. "
        "Otherwise the periods stay billed.",
    )

    def _compute_has_charges(self):
        for wizard in self:
            charges = wizard.move_ids.sudo().line_ids.charge_ids
            wizard.has_charges = any(charge.subscription_line_id or charge.sale_line_id for charge in charges)

    def reverse_moves(self, is_modify=False):
        # EXTENDS 'account'
        action = super().reverse_moves(is_modify=is_modify)
        if self.bill_again:
            self.new_move_ids.filtered(lambda move: move.move_type == "out_refund")._bill_again()
        return action
