from psycopg2 import OperationalError

from odoo import models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...deferral import get_covered, is_released, is_total_released
from ...drafting.group import BillingGroup
from ...drafting.terms import InvoiceTerms


class BillingCollectMixin(models.AbstractModel):
    """The first two steps of a billing run: collect what is due and what waits, and group it by invoice.

    What can be billed is told by the sources, see ``bfocused.billing.source.mixin``.
    """

    _name = "bfocused.billing.collect.mixin"
    _description = "Billing: collect and group"

    # === COLLECT

    def _get_sources(self):
        """The sources the run bills, in their order."""
        sources = self.env["bfocused.billing.source.mixin"]._get_billing_sources()
        return [source for source in sources if self._bills_kinds(source._get_charge_kinds())]

    def _settle_before_collecting(self, customers=None):
        """Set right what decides who has something to bill: once per run, and a preview, which undoes it, per chunk.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        """
        for source in self._get_sources():
            source._settle_before_billing(self, customers)

    def _get_customers(self):
        """Whoever may have something to bill on the date of the run.

        :return: ``res.partner`` records, commercial entities of those the invoices are addressed to
        """
        moves, sources = self.env["account.move"], self._get_sources()
        customers = self.env["res.partner"].union(*(source._get_billing_customers(self) for source in sources))
        if self._bills_whole_customers():
            customers |= moves.search(moves._get_waiting_domain(self.company_id)).commercial_partner_id
        limited_to = self._get_scope_customers()
        return customers if limited_to is None else customers & limited_to

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
                if group and group.aside:
                    yield group.aside

    def _collect_safely(self, partner, collect, *args):
        """A group made by ``collect``; whatever is wrong with one must not stop the others, so it may be an error."""
        try:
            return collect(*args)
        except OperationalError:
            raise
        except Exception as error:  # collecting writes nothing, so there is nothing to undo
            return BillingGroup(self._get_error_terms(partner), partner, error=error)

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
            group = groups.setdefault((part.terms, part.hold_reason), part)
            if group is not part:
                group.items += part.items
        groups = self._set_off_credits(groups)
        return [*groups.values(), *failed, *self._add_waiting(groups, customers), *incomplete]

    def _set_off_credits(self, groups):
        """Put what a customer is only given back on an invoice of theirs, whatever that one is collected with.

        :param groups: dict of BillingGroup by (InvoiceTerms, reason for which it is held)
        :return: the same without the groups that were put on another
        """
        free = [(terms, group) for (terms, reason), group in groups.items() if not reason]
        charging = [(terms, group) for terms, group in free if not group.is_credit_only]
        journals, left = {}, dict(groups)
        for terms, group in free:
            if not group.is_credit_only:
                continue
            own = self._fill_in_journal(terms, journals)
            takers = (one for other, one in charging if own.nets_with(self._fill_in_journal(other, journals)))
            if taker := next(takers, None):
                taker.items += group.items
                del left[terms, group.hold_reason]
            else:
                charging.append((terms, group))
        return left

    def _get_error_terms(self, partner):
        return InvoiceTerms.without_invoice(partner, self.company_id.currency_id)

    def _get_collection_problem(self, partner, payment_mode, mandate):
        """Why nothing can be collected in this way, as a sentence in the user's language, or an empty text."""
        if not payment_mode.payment_method_id.mandate_required:
            return ""
        return partner._get_mandate_problem(self.company_id, mandate) or ""

    # === WAITING DRAFTS

    def _add_waiting(self, groups, customers):
        """Lay each deferred draft by the group whose invoice it can join.

        :param groups: dict of BillingGroup by (InvoiceTerms, reason for which it is held)
        :param customers: ``res.partner`` records, commercial entities
        :return: list of BillingGroup for the drafts that are released and that no group can take along
        """
        moves = self.env["account.move"]
        of_customers = Domain("commercial_partner_id", "in", customers.ids)
        waiting = moves.search(of_customers & Domain(moves._get_waiting_domain(self.company_id)), order="id")
        self._release_ended(waiting)
        self._release_completed(waiting, groups)
        problems = waiting._get_release_problems()
        takers, alone, journals = {}, [], {}
        for (terms, reason), group in groups.items():
            if not reason:
                self._add_taker(takers, group, self._fill_in_journal(terms, journals))
        # those with terms of their own first, which the others can then adopt
        for move in waiting.sorted(lambda move: (not move.billing_run_id, not move.payment_mode_id, move.id)):
            group = None if move in problems else self._get_taker(takers, move) or self._get_creditor(takers, move)
            if not group and self._bills_whole_customers() and self._is_released(move):
                group = self._make_released_group(move, problems.get(move))
                alone.append(group)
                if move not in problems:
                    self._add_taker(takers, group, group.terms)
            if group:
                group.waiting = (group.waiting or moves) | move
        return alone + self._part_uncollectible(groups)

    @staticmethod
    def _add_taker(takers, group, terms):
        takers.setdefault(terms.partner_id, []).append((terms, group))

    @staticmethod
    def _get_taker(takers, move):
        """The group that takes the draft along. One that is held only holds what can't go otherwise."""
        for terms, group in takers.get(move.partner_id.id, ()):
            if move._get_invoice_terms() == terms if group.hold_reason else move._fits(terms):
                return group
        return None

    def _get_creditor(self, takers, move):
        """The group that still has something to set off against the draft, whatever that one is collected with.

        It goes on with the terms of the draft, which are those of what is left to pay.
        """
        of_partner = takers.get(move.partner_id.id, [])
        for number, (terms, group) in enumerate(of_partner):
            own = move._get_invoice_terms()
            if not group.hold_reason and terms.nets_with(own) and self._is_owed(group):
                group.terms = own
                of_partner[number] = own, group
                return group
        return None

    def _is_owed(self, group):
        """Whether the customer gets something back after the group's new charges and all that waits with them."""
        self._fill_in_amounts(group)
        currency = self.env["res.currency"].browse(group.terms.currency_id)
        waiting = group.waiting.mapped("amount_total") if group.waiting else ()
        return currency.compare_amounts(group.amount_total + sum(waiting), 0) < 0

    def _part_uncollectible(self, groups):
        """Part the released drafts that can't be collected from what is given back to the same customer, which goes.

        What a credit pays for whole goes with it, as nothing has to be collected then.

        :param groups: dict of BillingGroup by (InvoiceTerms, reason for which it is held)
        :return: list of BillingGroup, for the drafts that were parted
        """
        apart, none = {}, self.env["account.move"]
        for group in groups.values():
            released = (group.waiting or none).filtered(self._is_released)
            if not released or group.hold_reason or not self._get_terms_problem(group):
                continue
            self._fill_in_amounts(group)
            moves = released + (group.waiting - released)
            rounding = self.env["res.currency"].browse(group.terms.currency_id).rounding
            covered = get_covered(group.amount_total, moves.mapped("amount_total"), rounding)
            group.waiting = moves.browse([moves[number].id for number in covered])
            for move in released - group.waiting:
                alone = self._make_released_group(move, None)
                alone = apart.setdefault((alone.terms, alone.hold_reason), alone)
                alone.waiting = (alone.waiting or none) | move
        return list(apart.values())

    def _get_terms_problem(self, group):
        """Why nothing can be collected on the terms of this group, as a sentence, or an empty text."""
        mode = self.env["account.payment.mode"].browse(group.terms.payment_mode_id)
        mandate = self.env["account.banking.mandate"].browse(group.terms.mandate_id)
        return self._get_collection_problem(group.partner, mode, mandate)

    def _fill_in_journal(self, terms, journals):
        """The terms with the journal that Odoo gives an invoice without one of its own.

        :param journals: dict of those found already, by currency id
        """
        currency = terms.currency_id
        if terms.journal_id:
            return terms
        if currency not in journals:
            names = {"company_id": self.company_id.id, "move_type": "out_invoice", "currency_id": currency}
            try:
                journals[currency] = self.env["account.move"].new(names)._search_default_journal().id
            except UserError:  # there is none, for which what is new is held
                journals[currency] = False
        return terms._replace(journal_id=journals[currency])

    def _make_released_group(self, move, problem):
        """A group without anything new, held where the draft can't be posted or collected.

        :param problem: why it can't be posted, as a sentence; ``None`` when it can
        """
        return BillingGroup(
            move._get_invoice_terms(), move.partner_id, problem or move._get_collection_problem(), waiting=move.browse()
        )

    # === RELEASE (R5)

    def _is_released(self, move):
        """Whether a deferred draft goes with this run (R5)."""
        return is_released(move.deferred_until, move._get_deferral_terms(), self.date)

    def _release_ended(self, waiting):
        """Ending the last subscription releases what waits.

        A customer who had no subscription while the draft waited has nothing that could end.
        """
        subscriptions = self.env["sale.subscription"].with_context(active_test=False)
        found = subscriptions.search(
            Domain("company_id", "=", self.company_id.id)
            & Domain("stage_id.type", "!=", "draft")
            & subscriptions._get_payer_domain(waiting.commercial_partner_id)
        )
        per_customer = found.grouped(lambda subscription: subscription._get_billing_partner().commercial_partner_id)
        for move in waiting:
            of_customer = per_customer.get(move.commercial_partner_id, subscriptions)
            ends = [subscription.date for subscription in of_customer if subscription.date]
            going_on = of_customer.filtered(
                lambda sub: sub.stage_type != "post" and not (sub.date and sub.date <= self.date)
            )
            if ends and not going_on and (move.billing_run_id or max(ends) >= (move.invoice_date or self.date)):
                self._release(move)

    def _release_completed(self, waiting, groups):
        """Release what waits, and what is new, for customers for whom it comes to the minimum, if the company so wants.

        :param groups: dict of BillingGroup by (InvoiceTerms, reason for which it is held)
        """
        new = {}
        for (_terms, reason), group in groups.items():
            if not reason:
                new.setdefault(group.partner.commercial_partner_id, []).append(group)
        for customer, moves in waiting.grouped("commercial_partner_id").items():
            if self._is_completed(customer, moves, new.get(customer, ())):
                self._release(moves)
                for group in new.get(customer, ()):
                    group.is_completed = True

    def _is_completed(self, customer, waiting, new):
        """Whether what waits for a customer and what is new come to the minimum, where that releases them (R5).

        :param new: list of BillingGroup
        """
        terms = customer._get_deferral_terms(self.company_id)
        field = terms.amount_field
        return is_total_released(
            terms,
            get_total=lambda: (
                sum(waiting.mapped(f"{field}_signed")) + sum(self._get_new_amount(group, field) for group in new)
            ),
            rounding=self.company_id.currency_id.rounding,
        )

    def _get_new_amount(self, group, field):
        """What the group newly charges, in the company's currency."""
        self._fill_in_amounts(group)
        currency = self.env["res.currency"].browse(group.terms.currency_id)
        return currency._convert(getattr(group, field), self.company_id.currency_id, self.company_id, self.date)

    def _release(self, moves):
        for move in moves:
            move.deferred_until = min(move.deferred_until or self.date, self.date)
