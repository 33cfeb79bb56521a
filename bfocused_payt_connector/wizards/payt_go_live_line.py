from odoo import fields, models


class PaytGoLiveLine(models.TransientModel):
    """A customer or an open invoice that is to be handed over, and what is in the way."""

    _name = "payt.go.live.line"
    _description = "Record to hand over to PAYT"
    _order = "problem desc, kind, id"

    wizard_id = fields.Many2one(comodel_name="payt.go.live", required=True, ondelete="cascade")
    kind = fields.Selection(selection=[("customer", "Customer"), ("invoice", "Open invoice")], required=True)
    partner_id = fields.Many2one(comodel_name="res.partner", string="Customer", required=True, ondelete="cascade")
    move_id = fields.Many2one(comodel_name="account.move", string="Invoice", ondelete="cascade")
    problem = fields.Char()

    def action_open(self):
        """The customer or the invoice."""
        self.ensure_one()
        return (self.move_id or self.partner_id)._get_records_action(target="current")
