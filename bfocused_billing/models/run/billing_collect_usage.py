from odoo import models
from odoo.fields import Domain

from .billing_group import BillingGroup, GroupKey


class BillingCollectMixin(models.AbstractModel):
    """Calls of months that are over go on the customer's invoice, or on one of their own."""

    _inherit = "bfocused.billing.collect.mixin"

    def _prepare_collecting(self, customers=None):
        # EXTENDS 'bfocused_billing'
        names = None if customers is None else self._get_usage_names(customers)
        self.env["bfocused.billing.charge"]._rebook_void_usage(self.company_id, names)
        return super()._prepare_collecting(customers)

    def _get_usage_names(self, customers):
        """The numbers whose calls are, or were for some time, paid by ``customers``."""
        numbers = self.env["bfocused.usage.number"].search(
            Domain("company_id", "=", self.company_id.id) & self._get_usage_number_domain(customers)
        )
        return numbers.mapped("name")

    def _get_customers(self):
        # EXTENDS 'bfocused_billing'
        charges = self.env["bfocused.billing.charge"]
        domain = charges._get_open_usage_domain(self.company_id, self.date)
        numbers = self.env["bfocused.usage.number"].union(
            *(number for [number] in charges._read_group(domain, ["usage_number_id"]))
        )
        subscriptions = numbers.subscription_id
        payers = subscriptions.partner_invoice_id | subscriptions.partner_id | numbers.partner_id
        return super()._get_customers() | payers.commercial_partner_id

    def _collect(self, customers):
        # EXTENDS 'bfocused_billing'
        yield from super()._collect(customers)
        charges = self.env["bfocused.billing.charge"]._get_open_usage_charges(
            self.company_id, self.date, self._get_usage_payer_domain(customers)
        )
        memo = {}
        for numbers in charges.grouped(lambda charge: charge.usage_number_id._get_line_key()).values():
            yield self._collect_safely(numbers[:1].partner_id, self._collect_usage, numbers, memo)

    def _get_usage_payer_domain(self, customers):
        """Domain of the charges of calls that ``customers`` pay."""
        return Domain("usage_number_id", "any", self._get_usage_number_domain(customers))

    def _get_usage_number_domain(self, customers):
        """Domain of the numbers whose calls ``customers`` pay."""
        return Domain("subscription_id", "any", self._get_payer_domain(customers)) | (
            Domain("subscription_id", "=", False) & Domain("partner_id.commercial_partner_id", "in", customers.ids)
        )

    def _collect_usage(self, charges, memo):
        """The group of charges of calls that have their terms in common."""
        charge = next(iter(charges))  # unlike charges[:1] it has what it refers to read together with the others
        subscription, partner = charge._get_usage_terms()
        if subscription:
            key, reason = self._get_group_key(subscription, memo), subscription._get_hold_reason(self.date) or ""
        else:
            key, reason = self._get_usage_key(partner, memo)
        key = key._replace(currency_id=charges.currency_id.id)  # calls are in the company's, whatever the subscription
        position = self.env["account.fiscal.position"].browse(key.fiscal_position_id)
        reason = reason or self._get_obstacle(key, partner, charge.usage_number_id._get_product(), memo)
        return BillingGroup(key, partner, reason, items=charges._get_items(partner, position))

    def _get_usage_key(self, partner, memo):
        """The invoice on which calls belong that are no subscription's: on the customer's own terms.

        :param partner: ``res.partner`` the invoice is addressed to
        :return: GroupKey, and the reason for which it is held
        """
        company = self.company_id
        mode = partner.with_company(company).customer_payment_mode_id or company.billing_payment_mode_id
        mandate = self.env["account.banking.mandate"]
        if mode.payment_method_id.mandate_required:
            mandate = partner._get_billing_mandate(company)
        position = self._get_fiscal_position(partner, self.env["res.partner"], memo)
        key = GroupKey(partner.id, company.currency_id.id, mode.id, mandate.id, position.id, False)
        return key, self._get_collection_problem(partner, mode, mandate)
