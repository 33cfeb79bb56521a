from odoo import api, fields, models

from ...periods import last_invoice_day


class BillingCharge(models.Model):
    """What the law says of a charge: its nature, and by when it has to be on an invoice."""

    _inherit = "bfocused.billing.charge"

    supply_nature = fields.Selection(
        selection=[("continuing", "Continuing service"), ("separate", "Separate supply")],
        string="Nature",
        compute="_compute_supply_nature",
        help="A continuing service is settled per agreed period, a separate supply by the month in which it was done.",
    )
    last_invoice_date = fields.Date(
        string="Last lawful invoice date",
        compute="_compute_last_invoice_date",
        help="The 15th of the month after the last day that is charged. Empty once it is billed.",
    )

    # === COMPUTE

    @api.depends("kind")
    def _compute_supply_nature(self):
        for charge in self:
            charge.supply_nature = "separate" if charge.kind == "sale" else "continuing"

    @api.depends("period_end", "state")
    def _compute_last_invoice_date(self):
        for charge in self:
            is_waiting = charge.state in ("open", "drafted") and charge.period_end
            charge.last_invoice_date = is_waiting and last_invoice_day(charge.period_end)
