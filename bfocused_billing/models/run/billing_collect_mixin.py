from psycopg2 import OperationalError

from odoo import models
from odoo.fields import Domain
from odoo.tools import format_date

from .billing_group import BillingGroup, GroupKey


class BillingCollectMixin(models.AbstractModel):
    """The first two steps of a billing run: collect what is due, and group it by the invoice it belongs on.

    What else can be billed is added by extending :meth:`_get_customers` and :meth:`_collect`.
    """

    _name = "bfocused.billing.collect.mixin"
    _description = "Billing: collect and group"

    # === COLLECT

    def _prepare_collecting(self, customers=None):
        """Set right what decides who has something to bill: once per run, and a preview, which undoes it, per chunk.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        """
        subscriptions = self.env["sale.subscription"]
        awaiting = Domain(subscriptions._get_awaiting_domain(self.company_id)) & self._get_payer_domain(customers)
        subscriptions.search(awaiting)._release_each()

    def _get_customers(self):
        """Whoever may have something to bill on the date of the run.

        :return: ``res.partner`` records, commercial entities of those the invoices are addressed to
        """
        moves = self.env["account.move"]
        subscriptions = self._find_due_lines().sale_subscription_id | self._find_incomplete()
        payers = subscriptions.partner_invoice_id | subscriptions.partner_id
        return (
            payers.commercial_partner_id
            | moves.search(moves._get_waiting_domain(self.company_id)).commercial_partner_id
        )

    def _collect(self, customers):
        """What the customers have to be billed for, each part with the invoice it belongs on.

        :param customers: ``res.partner`` records, commercial entities
        :return: iterator of BillingGroup, several of them for one invoice
        """
        lines = self._find_due_lines(customers).sorted(self._get_line_order)
        memo = {}
        for subscription, its_lines in lines.grouped("sale_subscription_id").items():
            yield self._collect_safely(
                subscription.partner_id, self._collect_subscription, subscription, its_lines, memo
            )

    def _collect_safely(self, partner, collect, *args):
        """A group made by ``collect``; whatever is wrong with one must not stop the others, so it may be an error."""
        try:
            return collect(*args)
        except OperationalError:
            raise
        except Exception as error:
            group = BillingGroup(self._get_error_key(partner), partner)
            group.error = error
            return group

    def _collect_subscription(self, subscription, lines, memo):
        key, partner = self._get_group_key(subscription, memo), subscription._get_billing_partner()
        items, products = lines._get_items(self.date), lines.product_id
        if all(item.due.is_credit for item in items):  # what the customer gets back needs no mandate and no range
            reason, products = "", products.browse()
        else:
            reason = subscription._get_hold_reason(self.date)
        return BillingGroup(key, partner, reason or self._get_obstacle(key, partner, products, memo), items=items)

    def _find_due_lines(self, customers=None):
        """The subscription lines that owe something on the date of the run.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        :return: ``sale.subscription.line`` records
        """
        subscriptions = self.env["sale.subscription"]
        # What waits for a mandate is due as if it ran, so that it is held with the reason and not forgotten.
        billable = subscriptions._get_billable_domain(self.company_id) | subscriptions._get_awaiting_domain(
            self.company_id
        )
        return self.env["sale.subscription.line"].search(
            Domain("next_billing_date", "<=", self.date)
            & Domain("sale_subscription_id", "any", billable & self._get_payer_domain(customers))
        )

    def _get_payer_domain(self, customers):
        """Domain of the subscriptions whose invoices are addressed to ``customers``; all when it is ``None``."""
        if customers is None:
            return Domain.TRUE
        return Domain("partner_invoice_id.commercial_partner_id", "in", customers.ids) | (
            Domain("partner_invoice_id", "=", False) & Domain("partner_id.commercial_partner_id", "in", customers.ids)
        )

    @staticmethod
    def _get_line_order(line):
        """How lines stand on an invoice: by cycle, then by age."""
        subscription = line.sale_subscription_id
        return subscription.template_id.sequence, subscription.id, line.id

    # === GROUP

    def _get_groups(self, customers):
        """Put together what goes on one invoice, and what waits for the quarter turn.

        :param customers: ``res.partner`` records, commercial entities
        :return: list of BillingGroup
        """
        groups, failed = {}, []
        for part in self._collect(customers):
            if part.error:
                failed.append(part)
            if not part.items:
                continue
            group = groups.setdefault((part.key, part.hold_reason), part)
            if group is not part:
                group.items += part.items
        incomplete = [self._make_incomplete_group(subscription) for subscription in self._find_incomplete(customers)]
        return [*groups.values(), *failed, *self._add_waiting(groups, customers), *incomplete]

    def _find_incomplete(self, customers=None):
        """Running subscriptions that can't even be said to be due."""
        return self.env["sale.subscription"].search(
            Domain("company_id", "=", self.company_id.id)
            & Domain("stage_id.type", "=", "in_progress")
            & (Domain("template_id.billing_cycle", "=", False) | Domain("date_start", "=", False))
            & self._get_payer_domain(customers)
        )

    def _make_incomplete_group(self, subscription):
        """A group without charges, held, so that nobody waits for their invoice in silence."""
        reason = self.env._("%s has no billing cycle or no start date, so it is never due.", subscription.display_name)
        return BillingGroup(self._get_error_key(subscription.partner_id), subscription.partner_id, reason)

    def _get_error_key(self, partner):
        return GroupKey(partner.id, self.company_id.currency_id.id, False, False, False, False)

    def _get_group_key(self, subscription, memo):
        """The invoice on which a subscription belongs."""
        partner = subscription._get_billing_partner()
        position = subscription.fiscal_position_id or self._get_fiscal_position(
            partner, subscription.partner_shipping_id, memo
        )
        return GroupKey(
            partner.id,
            subscription.currency_id.id,
            subscription._get_billing_payment_mode().id,
            subscription._get_billing_mandate().id,
            position.id,
            subscription.journal_id.id,
        )

    def _get_fiscal_position(self, partner, delivery, memo):
        """The fiscal position Odoo finds for an address.

        :param memo: dict that remembers what was found
        """
        if (partner, delivery) not in memo:
            positions = self.env["account.fiscal.position"].with_company(self.company_id)
            memo[partner, delivery] = positions._get_fiscal_position(partner, delivery)
        return memo[partner, delivery]

    def _get_obstacle(self, key, partner, products, memo):
        """What nobody wants to be billed with, as a sentence in the user's language, or an empty text.

        :param key: GroupKey of the invoice
        :param partner: ``res.partner`` the invoice is addressed to
        :param products: ``product.product`` records that are billed
        """
        for record in (partner, *products):
            if not record.active:
                return self.env._("%s is archived. Restore it, or end what is billed.", record.display_name)
        currency = self.env["res.currency"].browse(key.currency_id)
        if currency not in memo:
            memo[currency] = self._has_rate(currency)
        if not memo[currency]:
            return self.env._(
                "No exchange rate of %(currency)s on or before %(date)s.",
                currency=currency.name,
                date=format_date(self.env, self.date),
            )
        return ""

    def _has_rate(self, currency):
        """Whether amounts can be converted; Odoo takes a currency without rate for the company's own, one to one."""
        company = self.company_id
        if currency == company.currency_id:
            return True
        rates = self.env["res.currency.rate"].sudo()
        domain = [
            ("currency_id", "=", currency.id),
            ("company_id", "in", [False, company.root_id.id]),
            ("name", "<=", self.date),
        ]
        return bool(rates.search_count(domain, limit=1))

    def _get_collection_problem(self, partner, payment_mode, mandate):
        """Why nothing can be collected in this way, as a sentence in the user's language, or an empty text."""
        if not payment_mode.payment_method_id.mandate_required:
            return ""
        return partner._get_mandate_problem(self.company_id, mandate) or ""
