from odoo import api, fields, models

from ...deferral import DeferralTerms


class ResPartner(models.Model):
    """What holds for a customer under the deferral of small invoices (R5), and how much of theirs waits."""

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

    def _get_deferral_terms(self, company):
        """What holds for this customer under R5: their own wish, and the minimum of the company.

        The one place that reads it, for the run, the confirmation, the release and the reason shown. What it reads of
        customers has to be prefetched, as a run asks it for each of them.

        :return: DeferralTerms
        """
        return DeferralTerms(
            wish=self.commercial_partner_id.with_company(company).billing_deferral,
            minimum=company.billing_min_amount,
            amount_field="amount_untaxed" if company.billing_min_amount_base == "untaxed" else "amount_total",
            release=company.billing_deferral_release,
        )

    @api.model
    def _get_deferral_terms_depends(self):
        """The fields, from an invoice, that change the reason shown on it by changing its customer's terms."""
        return ["commercial_partner_id", "company_id.billing_min_amount"]

    def _is_under_minimum(self, company, amounts, currency, date):
        """Whether an invoice of this customer is under the minimum (R5).

        :param amounts: dict or record with ``amount_total`` and ``amount_untaxed``
        :param currency: ``res.currency`` of the amounts; the minimum is in the company's
        :param date: date of the invoice, whose rate counts
        """
        terms = self._get_deferral_terms(company)
        minimum = company.currency_id._convert(terms.minimum, currency, company, date)
        return currency.compare_amounts(amounts[terms.amount_field], minimum) < 0
