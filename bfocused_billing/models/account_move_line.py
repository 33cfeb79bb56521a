from odoo import fields, models


class AccountMoveLine(models.Model):
    _inherit = "account.move.line"

    subscription_line_id = fields.Many2one(
        comodel_name="sale.subscription.line",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        copy=False,
        help="The subscription line whose period, from start date to end date, this line bills.",
    )
    billing_cycle = fields.Selection(
        selection=[("month", "Month"), ("quarter", "Quarter"), ("year", "Year")], copy=False
    )
    charge_ids = fields.One2many(comodel_name="bfocused.billing.charge", inverse_name="move_line_id", string="Charges")
