from odoo import Command, api, fields, models

from ..explanation import AMOUNT


class BillingExplanation(models.TransientModel):
    """Why a line stands on an invoice, as it is explained to one user at one moment."""

    _name = "bfocused.billing.explanation"
    _description = "Explanation of an Invoice Line"

    move_line_id = fields.Many2one("account.move.line", required=True, ondelete="cascade")
    move_id = fields.Many2one(related="move_line_id.move_id", string="Invoice")
    company_id = fields.Many2one(related="move_line_id.company_id")
    currency_id = fields.Many2one(related="move_line_id.currency_id")
    name = fields.Char(related="move_line_id.name", string="Text")
    booked_amount = fields.Monetary(compute="_compute_booked_amount", string="Untaxed amount")
    amount_ids = fields.One2many(
        "bfocused.billing.explanation.line", "explanation_id", domain=[("section", "=", AMOUNT)]
    )
    fact_ids = fields.One2many(
        "bfocused.billing.explanation.line", "explanation_id", string="Background", domain=[("section", "!=", AMOUNT)]
    )

    @api.depends("move_line_id")
    def _compute_booked_amount(self):
        for explanation in self:
            explanation.booked_amount = explanation.move_line_id._get_booked_amount()

    @api.model
    def _create_for(self, move_line):
        """:param move_line: ``account.move.line`` to explain, in the user's language"""
        components = move_line._explain_billing()
        values = [
            {"sequence": number, **self.env["bfocused.billing.explanation.line"]._prepare_values(part, move_line)}
            for number, part in enumerate(components)
        ]
        return self.create({"move_line_id": move_line.id, "amount_ids": [Command.create(row) for row in values]})

    def _get_action(self):
        return {
            **self._get_records_action(name=self.env._("Explanation")),
            "target": "new",
            "context": {"create": False, "edit": False, "dialog_size": "large"},
        }
