from odoo import api, fields, models


class ResPartner(models.Model):
    """How often, and when last, a direct debit of a customer was reversed."""

    _inherit = "res.partner"

    reversal_count = fields.Integer(
        compute="_compute_reversals",
        help="Direct debits of this customer and the current company that were reversed and count as late payment.",
    )
    last_reversal_date = fields.Date(compute="_compute_reversals")

    @api.depends_context("company")
    def _compute_reversals(self):
        groups = (
            self.env["bfocused.payment.reversal"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "=", self.env.company.id),
                    ("commercial_partner_id", "in", self.commercial_partner_id.ids),
                    ("is_counted", "=", True),
                    ("state", "=", "applied"),
                ],
                groupby=["commercial_partner_id"],
                aggregates=["__count", "date:max"],
            )
        )
        found = {partner: (count, last) for partner, count, last in groups}
        for partner in self:
            partner.reversal_count, partner.last_reversal_date = found.get(partner.commercial_partner_id, (0, False))

    def action_open_reversals(self):
        return {
            **self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.payment_reversal_action"),
            "domain": [("commercial_partner_id", "in", self.commercial_partner_id.ids)],
        }
