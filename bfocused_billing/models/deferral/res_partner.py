from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    billing_deferral = fields.Selection(
        selection=[
            ("never", "Never: send each invoice"),
            ("always", "Always: one invoice a quarter"),
        ],
        string="Wait for the quarter turn",
        company_dependent=True,
        help="Empty: invoices under the company's minimum amount wait. Set on the company the customer belongs to.",
    )
    deferred_amount = fields.Monetary(
        string="Deferred invoices",
        compute="_compute_deferred_amount",
        help="Total, VAT included, of the invoices that wait for the quarter turn, in the company's currency.",
    )

    # === COMPUTE

    @api.depends_context("company")
    def _compute_deferred_amount(self):
        commercial = self.commercial_partner_id
        totals = dict(
            self.env["account.move"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "=", self.env.company.id),
                    ("deferral_state", "=", "deferred"),
                    ("state", "=", "draft"),
                    ("commercial_partner_id", "in", commercial.ids),
                ],
                groupby=["commercial_partner_id"],
                aggregates=["amount_total_signed:sum"],
            )
        )
        for partner in self:
            partner.deferred_amount = totals.get(partner.commercial_partner_id, 0.0)

    # === BUSINESS

    def _get_deferral_wish(self, company):
        """What this customer wants (R5): "always" to wait, "never" to wait, or empty: as the minimum has it."""
        return self.commercial_partner_id.with_company(company).billing_deferral
