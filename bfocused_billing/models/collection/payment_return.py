from odoo import fields, models


class PaymentReturn(models.Model):
    """A payment return that is confirmed is handled by the policy of its reason codes (T15)."""

    _inherit = "payment.return"

    reversal_count = fields.Integer(compute="_compute_reversal_count")

    def _compute_reversal_count(self):
        counts = dict(
            self.env["bfocused.payment.reversal"]._read_group(
                [("return_line_id.return_id", "in", self.ids)], ["return_line_id"], ["__count"]
            )
        )
        for payment_return in self:
            payment_return.reversal_count = sum(counts.get(line, 0) for line in payment_return.line_ids)

    def action_confirm(self):
        # EXTENDS 'account_payment_return'
        result = super().action_confirm()
        if self.company_id.use_billing:
            for line in self.line_ids:
                line._apply_policy()
        return result

    def action_cancel(self):
        # EXTENDS 'account_payment_return'
        result = super().action_cancel()
        domain = [("return_line_id", "in", self.line_ids.ids)]
        self.env["bfocused.payment.reversal"].sudo().search(domain)._withdraw()
        return result

    def action_open_reversals(self):
        return {
            **self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.payment_reversal_action"),
            "domain": [("return_line_id", "in", self.line_ids.ids)],
        }
