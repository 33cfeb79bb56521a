from odoo import api, fields, models
from odoo.exceptions import ValidationError


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

    @api.constrains("line_ids")
    def _check_duplicate_move_line(self):
        # EXTENDS 'account_payment_return': what was returned in part can be returned for the rest
        ours = self.filtered(lambda payment_return: payment_return.company_id.use_billing)
        result = super(PaymentReturn, self - ours)._check_duplicate_move_line()
        for payment_return in ours.filtered(lambda payment_return: payment_return.state != "done"):
            seen = self.env["account.move.line"]
            for line in payment_return.line_ids:
                if line.move_line_ids & seen:
                    raise ValidationError(line._describe_twice())
                seen |= line.move_line_ids
            payment_return.line_ids.filtered(lambda line: line.move_line_ids._get_return_partials())._check_returnable()
        return result

    def action_confirm(self):
        # EXTENDS 'account_payment_return': of a payment, parts can be returned, one after another
        if not self.company_id.use_billing:
            return super().action_confirm()
        self.line_ids._check_returnable()
        items = self.line_ids.move_line_ids
        earlier = items._get_returns()
        paid = {item: item._get_paid_items() for item in items}
        result = super().action_confirm()
        items._restore_returns(earlier, paid)
        for line in self.line_ids:
            line._apply_policy()
        return result

    def action_cancel(self):
        # EXTENDS 'account_payment_return'
        ours = self.filtered(lambda payment_return: payment_return.company_id.use_billing)
        items = ours.line_ids.move_line_ids
        others = [link for link in items._get_returns() if link[1].move_id not in ours.move_id]
        paid = {item: item._get_paid_items(also_returned=True) for item in items}
        result = super().action_cancel()
        items._restore_returns(others, paid)
        domain = [("return_line_id", "in", self.line_ids.ids)]
        self.env["bfocused.payment.reversal"].sudo().search(domain)._withdraw()
        return result

    def action_open_reversals(self):
        return {
            **self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.payment_reversal_action"),
            "domain": [("return_line_id", "in", self.line_ids.ids)],
        }
