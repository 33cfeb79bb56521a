from odoo import api, models
from odoo.fields import Domain

from ...drafting.terms import InvoiceTerms


class SaleSubscription(models.Model):
    """What a billing run needs of subscriptions: who pays them, and the invoice they belong on."""

    _inherit = "sale.subscription"

    @api.model
    def _get_payer_domain(self, customers):
        """Domain of the subscriptions whose invoices are addressed to ``customers``; all when it is ``None``."""
        if customers is None:
            return Domain.TRUE
        return Domain("partner_invoice_id.commercial_partner_id", "in", customers.ids) | (
            Domain("partner_invoice_id", "=", False) & Domain("partner_id.commercial_partner_id", "in", customers.ids)
        )

    @api.model
    def _find_incomplete(self, company, customers=None):
        """Running subscriptions that can't even be said to be due."""
        return self.search(
            Domain("company_id", "=", company.id)
            & Domain("stage_id.type", "=", "in_progress")
            & (Domain("template_id.billing_cycle", "=", False) | Domain("date_start", "=", False))
            & self._get_payer_domain(customers)
        )

    def _get_invoice_terms(self, company, memo):
        """The terms of the invoice on which this subscription belongs.

        :param company: ``res.company`` that bills
        :param memo: dict that remembers fiscal positions
        """
        self.ensure_one()
        partner = self._get_billing_partner()
        sources = self.env["bfocused.billing.source.mixin"]
        position = self.fiscal_position_id or sources._get_billing_position(
            company, partner, self.partner_shipping_id, memo
        )
        return InvoiceTerms.of_subscription(self, position)
