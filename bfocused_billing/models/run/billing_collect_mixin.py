from psycopg2 import OperationalError

from odoo import models

from .billing_group import BillingGroup, GroupKey


class BillingCollectMixin(models.AbstractModel):
    """The first two steps of a billing run: collect what is due, and group it by the invoice it belongs on.

    What can be billed is told by the sources, see ``bfocused.billing.source.mixin``.
    """

    _name = "bfocused.billing.collect.mixin"
    _description = "Billing: collect and group"

    # === COLLECT

    def _get_sources(self):
        return self.env["bfocused.billing.source.mixin"]._get_billing_sources()

    def _prepare_collecting(self, customers=None):
        """Set right what decides who has something to bill: once per run, and a preview, which undoes it, per chunk.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        """
        for source in self._get_sources():
            source._prepare_billing(self, customers)

    def _get_customers(self):
        """Whoever may have something to bill on the date of the run.

        :return: ``res.partner`` records, commercial entities of those the invoices are addressed to
        """
        moves, sources = self.env["account.move"], self._get_sources()
        customers = self.env["res.partner"].union(*(source._get_billing_customers(self) for source in sources))
        return customers | moves.search(moves._get_waiting_domain(self.company_id)).commercial_partner_id

    def _collect(self, customers):
        """What the customers have to be billed for, each part with the invoice it belongs on.

        :param customers: ``res.partner`` records, commercial entities
        :return: iterator of BillingGroup, several of them for one invoice
        """
        memo = {}
        for source in self._get_sources():
            for partner, part in source._get_billing_parts(self, customers):
                group = self._collect_safely(partner, source._get_billing_group, self, part, memo)
                if group:
                    yield group

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

    # === GROUP

    def _get_groups(self, customers):
        """Put together what goes on one invoice, and what waits for the quarter turn.

        :param customers: ``res.partner`` records, commercial entities
        :return: list of BillingGroup
        """
        groups, failed, incomplete = {}, [], []
        for part in self._collect(customers):
            if not part.items:
                (failed if part.error else incomplete).append(part)
                continue
            group = groups.setdefault((part.key, part.hold_reason), part)
            if group is not part:
                group.items += part.items
        return [*groups.values(), *failed, *self._add_waiting(groups, customers), *incomplete]

    def _get_error_key(self, partner):
        return GroupKey(partner.id, self.company_id.currency_id.id, False, False, False, False)

    def _get_collection_problem(self, partner, payment_mode, mandate):
        """Why nothing can be collected in this way, as a sentence in the user's language, or an empty text."""
        if not payment_mode.payment_method_id.mandate_required:
            return ""
        return partner._get_mandate_problem(self.company_id, mandate) or ""
