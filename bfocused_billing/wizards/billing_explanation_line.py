from odoo import api, fields, models

from ..explanation import format_amount


class BillingExplanationLine(models.TransientModel):
    _name = "bfocused.billing.explanation.line"
    _description = "Part of an Explanation"
    _order = "sequence, id"

    explanation_id = fields.Many2one(
        "bfocused.billing.explanation", string="Explained line", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="explanation_id.company_id")
    sequence = fields.Integer()
    kind = fields.Char(required=True)
    section = fields.Selection(
        selection=[
            ("amount", "Amount"),
            ("terms", "What it is for"),
            ("history", "What came before"),
            ("waiting", "Why it waited"),
        ],
        required=True,
    )
    name = fields.Text(string="Explanation", required=True)
    note = fields.Char()
    amount = fields.Float(string="Exact amount", digits=(16, 6), aggregator=None)
    amount_text = fields.Char(string="Amount")
    opens_model = fields.Char()
    opens_domain = fields.Json()

    @api.model
    def _prepare_values(self, component, move_line):
        """The values of a row.

        :param component: Component of the explanation of ``move_line``
        """
        model, domain = component.opens or (False, False)
        amount = component.amount
        return {
            "kind": component.kind,
            "section": component.section,
            "name": component.label,
            "note": component.note,
            "amount": float(amount or 0),
            "amount_text": format_amount(self.env, amount, move_line.currency_id) if amount is not None else False,
            "opens_model": model,
            "opens_domain": domain,
        }

    def action_open(self):
        """Open the records behind this part, such as the calls."""
        self.ensure_one()
        records = self.env[self.opens_model]
        if self.opens_domain[0][0] == "id":
            return records.browse(self.opens_domain[0][2])._get_records_action()
        return {
            "type": "ir.actions.act_window",
            "name": records._description,
            "res_model": self.opens_model,
            "view_mode": "list,form",
            "domain": self.opens_domain,
            "context": {"create": False},
        }
