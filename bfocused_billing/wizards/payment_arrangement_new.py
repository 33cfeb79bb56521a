from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class PaymentArrangementNew(models.TransientModel):
    """Propose equal monthly instalments for open invoices."""

    _name = "bfocused.payment.arrangement.new"
    _description = "New Payment Arrangement"

    move_ids = fields.Many2many("account.move", string="Invoices", required=True)
    company_id = fields.Many2one("res.company", compute="_compute_whose")
    partner_id = fields.Many2one("res.partner", string="Customer", compute="_compute_whose")
    currency_id = fields.Many2one("res.currency", compute="_compute_whose")
    amount = fields.Monetary(string="Open", compute="_compute_whose")
    count = fields.Integer(string="Number of instalments", required=True, default=3)
    first_date = fields.Date(
        string="First instalment",
        required=True,
        default=lambda self: fields.Date.add(fields.Date.context_today(self), months=1),
        help="Due date of the first instalment; the others follow each month.",
    )
    asked_by = fields.Selection(
        [("staff", "Us"), ("customer", "The customer")], string="Asked by", required=True, default="customer"
    )
    reason = fields.Char(help="For your colleagues, such as: waits for a large payment.")
    summary = fields.Char(string="Instalments", compute="_compute_summary")

    # === COMPUTE

    @api.model
    def default_get(self, fields):
        values = super().default_get(fields)
        if self.env.context.get("active_model") == "account.move" and "move_ids" in fields:
            moves = self.env["account.move"].browse(self.env.context.get("active_ids", []))
            values["move_ids"] = [Command.set(moves._get_for_arrangement().ids)]
        return values

    @api.depends("move_ids")
    def _compute_whose(self):
        for wizard in self:
            moves = wizard.move_ids
            wizard.company_id = moves.company_id[:1]
            wizard.partner_id = moves.commercial_partner_id[:1]
            wizard.currency_id = moves.currency_id[:1] or self.env.company.currency_id
            wizard.amount = sum(moves.mapped("amount_residual"))

    @api.depends("amount", "count", "first_date")
    def _compute_summary(self):
        for wizard in self:
            try:
                instalments = wizard._get_instalments() if wizard.first_date else []
            except UserError:
                instalments = []
            wizard.summary = "; ".join(
                f"{format_date(self.env, day)} {wizard.currency_id.format(float(amount))}"
                for day, amount in instalments
            )

    # === ACTIONS

    def action_make(self):
        """Make the arrangement, and open it to be agreed with."""
        self.ensure_one()
        arrangement = self.env["bfocused.payment.arrangement"].create(self._prepare_arrangement())
        return {
            "type": "ir.actions.act_window",
            "res_model": arrangement._name,
            "res_id": arrangement.id,
            "view_mode": "form",
        }

    # === BUSINESS

    def _get_instalments(self):
        return self.move_ids._get_equal_instalments(self.count, self.first_date)

    def _prepare_arrangement(self):
        return self.move_ids._prepare_arrangement(
            self.count, self.first_date, asked_by=self.asked_by, reason=self.reason
        )
