from psycopg2 import OperationalError

from odoo import models
from odoo.fields import Domain

from .billing_group import BillingGroup, GroupKey


class BillingCollectMixin(models.AbstractModel):
    """The first two steps of a billing run: collect what is due, and group it by the invoice it belongs on."""

    _name = "bfocused.billing.collect.mixin"
    _description = "Billing: collect and group"

    def _collect_lines(self):
        """The subscription lines that owe something on the date of the run, in the order they stand on invoices.

        :return: ``sale.subscription.line`` records
        """
        subscriptions = self.env["sale.subscription"]
        lines = self.env["sale.subscription.line"].search(
            Domain("next_billing_date", "<=", self.date)
            & Domain("sale_subscription_id", "any", subscriptions._get_billable_domain(self.company_id))
        )
        return lines.sorted(self._get_line_order)

    @staticmethod
    def _get_line_order(line):
        """How lines stand on an invoice: by cycle, then by age."""
        subscription = line.sale_subscription_id
        return subscription.template_id.sequence, subscription.id, line.id

    def _group_lines(self, lines):
        """Put together what goes on one invoice, and what waits for the quarter turn.

        :param lines: ``sale.subscription.line`` records
        :return: list of BillingGroup
        """
        groups = {}
        for subscription, its_lines in lines.grouped("sale_subscription_id").items():
            try:
                key, reason = self._get_group_key(subscription), subscription._get_hold_reason() or ""
                dues = [due for line in its_lines for due in line._get_dues(self.date)]
            except OperationalError:
                raise
            except Exception as error:  # whatever is wrong with one subscription must not stop the others
                key = self._get_error_key(subscription)
                groups[key, subscription] = self._make_group(key, subscription.partner_id)
                groups[key, subscription].error = error
                continue
            if (key, reason) not in groups:
                groups[key, reason] = self._make_group(key, subscription._get_billing_partner(), reason)
            groups[key, reason].dues += dues
        self._add_usage(groups)
        return [*groups.values(), *self._add_waiting(groups), *self._get_incomplete_groups()]

    def _make_group(self, key, partner, reason=""):
        return BillingGroup(key, partner, reason, usage_charges=self.env["bfocused.billing.charge"])

    def _add_usage(self, groups):
        """Lay the calls of months that are over by the customer's group, or in one of their own.

        :param groups: dict of BillingGroup by (GroupKey, reason for which it is held)
        """
        charges = self.env["bfocused.billing.charge"]._get_open_usage_charges(self.company_id, self.date)
        lines = charges._prepare_usage_move_lines()
        terms = {}
        for charge, values in zip(charges, lines, strict=True):
            payer = charge._get_usage_terms()
            if payer not in terms:
                terms[payer] = self._get_usage_key(*payer)
            key, reason = terms[payer]
            if (key, reason) not in groups:
                groups[key, reason] = self._make_group(key, payer[1], reason)
            groups[key, reason].usage_charges += charge
            groups[key, reason].usage_lines.append(values)

    def _get_usage_key(self, subscription, partner):
        """The invoice on which a customer's calls belong.

        :param subscription: ``sale.subscription`` whose terms apply, or empty: the customer's own
        :param partner: ``res.partner`` the invoice is addressed to
        :return: GroupKey, and the reason for which it is held
        """
        if subscription:
            return self._get_group_key(subscription), subscription._get_hold_reason() or ""
        mode = partner.with_company(self.company_id).customer_payment_mode_id or self.company_id.billing_payment_mode_id
        mandate, reason = self.env["account.banking.mandate"], ""
        if mode.payment_method_id.mandate_required:
            mandate = partner._get_billing_mandate(self.company_id)
            reason = partner._get_mandate_problem(self.company_id, mandate) or ""
        position = self.env["account.fiscal.position"].with_company(self.company_id)._get_fiscal_position(partner)
        key = GroupKey(partner.id, self.company_id.currency_id.id, mode.id, mandate.id, position.id, False)
        return key, reason

    def _get_incomplete_groups(self):
        """Running subscriptions that can't even be said to be due, so that nobody waits for their invoice in silence.

        :return: list of BillingGroup without charges, held
        """
        domain = (
            Domain("company_id", "=", self.company_id.id)
            & Domain("stage_id.type", "=", "in_progress")
            & (Domain("template_id.billing_cycle", "=", False) | Domain("date_start", "=", False))
        )
        return [
            self._make_group(
                self._get_error_key(subscription),
                subscription.partner_id,
                self.env._("%s has no billing cycle or no start date, so it is never due.", subscription.display_name),
            )
            for subscription in self.env["sale.subscription"].search(domain)
        ]

    def _get_error_key(self, subscription):
        return GroupKey(subscription.partner_id.id, self.company_id.currency_id.id, False, False, False, False)

    def _get_group_key(self, subscription):
        partner = subscription._get_billing_partner()
        fiscal_position = subscription.fiscal_position_id or self.env["account.fiscal.position"]._get_fiscal_position(
            partner, subscription.partner_shipping_id
        )
        return GroupKey(
            partner.id,
            subscription.currency_id.id,
            subscription._get_billing_payment_mode().id,
            subscription._get_billing_mandate().id,
            fiscal_position.id,
            subscription.journal_id.id,
        )
