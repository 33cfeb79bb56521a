from odoo import fields, models


class BillingRunLine(models.Model):
    """What came out of a billing run for one customer."""

    _name = "bfocused.billing.run.line"
    _description = "Billing Run Outcome"
    _order = "run_id desc, outcome, partner_id, id"

    run_id = fields.Many2one(
        "bfocused.billing.run", string="Billing run", required=True, index=True, ondelete="cascade"
    )
    active = fields.Boolean(default=True, help="Not active: another try of this run came to something else.")
    company_id = fields.Many2one(related="run_id.company_id", store=True, index=True)
    date = fields.Date(related="run_id.date", store=True)
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="restrict")
    outcome = fields.Selection(
        selection=[("invoiced", "Invoiced"), ("deferred", "Deferred"), ("held", "Held"), ("failed", "Failed")],
        required=True,
        help="Deferred: under the minimum amount, waits for the quarter turn. Held: can't be collected yet. "
        "Failed: something went wrong for this customer only.",
    )
    currency_id = fields.Many2one("res.currency", required=True)
    amount_untaxed = fields.Monetary(string="Untaxed amount", help="Excluding VAT.")
    amount_total = fields.Monetary(string="Total", help="Including VAT.")
    move_id = fields.Many2one("account.move", string="Invoice", index="btree_not_null", ondelete="set null")
    message = fields.Char(string="Reason")

    def action_open(self):
        """Open what the outcome is about: the invoice, or else the customer whose data needs mending."""
        self.ensure_one()
        return (self.move_id or self.partner_id)._get_records_action()
