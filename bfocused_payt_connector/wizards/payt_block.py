from odoo import fields, models


class PaytBlock(models.TransientModel):
    """Why PAYT has to stop following up an invoice."""

    _name = "payt.block"
    _description = "Stop PAYT's follow-up"

    move_id = fields.Many2one(comodel_name="account.move", required=True)
    reason = fields.Char(required=True)

    def action_block(self):
        """Stop the follow-up and say why on the invoice."""
        self.ensure_one()
        self.move_id._payt_block(self.reason)
