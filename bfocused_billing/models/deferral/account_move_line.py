from odoo import api, fields, models

from ...periods import last_invoice_day


class AccountMoveLine(models.Model):
    """What the law says of a line whose invoice waits: the nature of the supply, and by when it has to be invoiced."""

    _inherit = "account.move.line"

    supply_date = fields.Date(
        copy=False,
        readonly=True,
        help="Day of a separate supply whose invoice waits: its delivery, or else the day it was confirmed.",
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

    @api.depends("start_date", "end_date", "subscription_line_id", "display_type", "charge_ids.kind")
    def _compute_supply_nature(self):
        for line in self:
            line.supply_nature = line.display_type == "product" and line._get_nature()

    @api.depends("supply_nature", "end_date", "supply_date", "move_id.invoice_date", "charge_ids.period_end")
    def _compute_last_invoice_date(self):
        today = fields.Date.context_today(self)
        for line in self:
            charged = line.sudo().charge_ids.mapped("period_end")
            supplied = line.supply_date or min(charged, default=False) or line.move_id.invoice_date or today
            if line.supply_nature == "continuing":
                supplied = line.end_date or supplied
            line.last_invoice_date = line.supply_nature and last_invoice_day(supplied)

    # === BUSINESS

    def _get_nature(self):
        """The nature of what this line charges, as its sources say; one separate supply makes the line separate."""
        self.ensure_one()
        sources = [charge._get_source() for charge in self.sudo().charge_ids]
        sources = sources or [self.subscription_line_id or self.env["bfocused.billing.source.mixin"]]
        has_period = bool(self.start_date and self.end_date)
        natures = {source._get_supply_nature(has_period) for source in sources}
        return "separate" if "separate" in natures else "continuing"
