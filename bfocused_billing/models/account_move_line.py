from dateutil.relativedelta import relativedelta

from odoo import api, fields, models


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
    supply_date = fields.Date(
        copy=False, readonly=True, help="Day of a separate supply whose invoice waits: the day it was confirmed."
    )
    supply_nature = fields.Selection(
        selection=[("continuing", "Continuing service"), ("separate", "Separate supply")],
        string="Nature",
        compute="_compute_supply_nature",
        help="A continuing service is settled per agreed period, a separate supply by the month in which it was done.",
    )
    last_invoice_date = fields.Date(
        string="Last lawful invoice date",
        compute="_compute_last_invoice_date",
        help="The 15th of the month after the supply, or after the last day of the period.",
    )

    # === COMPUTE

    @api.depends("start_date", "end_date", "subscription_line_id", "display_type")
    def _compute_supply_nature(self):
        for line in self:
            continuing = (line.start_date and line.end_date) or line.subscription_line_id
            nature = "continuing" if continuing else "separate"
            line.supply_nature = nature if line.display_type == "product" else False

    @api.depends("supply_nature", "end_date", "supply_date", "move_id.invoice_date")
    def _compute_last_invoice_date(self):
        for line in self:
            supplied = line.supply_date or line.move_id.invoice_date or fields.Date.context_today(line)
            if line.supply_nature == "continuing":
                supplied = line.end_date or supplied
            line.last_invoice_date = line.supply_nature and supplied + relativedelta(months=1, day=15)
