from odoo import fields, models
from odoo.exceptions import UserError


class AccountMoveReversal(models.TransientModel):
    _inherit = "account.move.reversal"

    has_charges = fields.Boolean(compute="_compute_has_charges")
    bill_again = fields.Boolean(
        help="The next billing run bills again what this credit note credits, as soon as it is posted. "
        "Otherwise the periods stay billed.",
    )

    def _compute_has_charges(self):
        for wizard in self:
            wizard.has_charges = bool(wizard.move_ids.sudo().line_ids.charge_ids)

    def reverse_moves(self, is_modify=False):
        # EXTENDS 'account'
        if is_modify and self.bill_again:
            raise UserError(self.env._("The corrected invoice bills it again already. Untick Bill again."))
        moves = self.move_ids
        if waiting := moves.filtered(lambda move: move._is_waiting())[:1]:
            raise UserError(
                self.env._(
                    "%s wasn't sent: it waits for the quarter turn. Change the draft itself, or cancel it.",
                    waiting.display_name,
                )
            )
        billed = moves.filtered("company_id.use_billing")
        hours = {move: move.sudo().timesheet_ids for move in billed}  # 'sale_timesheet' takes them off
        wizard = self.with_context(billing_correction=is_modify)
        action = super(AccountMoveReversal, wizard).reverse_moves(is_modify=is_modify)
        if is_modify:
            # Odoo copies them one after the other, in the order in which the wizard has them.
            for move, copy in zip(moves, self.new_move_ids.sorted("id"), strict=True):
                if move in billed:
                    move._hand_over_charges(copy)
                    hours[move].timesheet_invoice_id = copy
        elif self.bill_again:
            self.new_move_ids._bill_again()
        return action
