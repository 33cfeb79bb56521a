from datetime import date
from decimal import Decimal
from itertools import chain, takewhile

from odoo import Command, api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from ...drafting.group import BillingGroup, Due, Item
from ...drafting.terms import InvoiceTerms
from ...periods import ONE_DAY, Period, due_date, prorate


class SaleSubscriptionLine(models.Model):
    """What a subscription line owes on a day, what it gives back, and how that stands on the invoice."""

    _name = "sale.subscription.line"
    _inherit = ["sale.subscription.line", "bfocused.billing.source.mixin"]

    next_billing_date = fields.Date(
        compute="_compute_next_billing_date",
        store=True,
        index="btree_not_null",
        help="The first day on which the next period that isn't billed yet may be billed.",
    )

    # === COMPUTE

    @api.depends(
        "date_start",
        "date_end",
        "charge_ids.state",
        "charge_ids.credit_ids.state",
        "charge_ids.move_line_id.refund_line_ids.parent_state",
        "charge_ids.period_start",
        "charge_ids.period_end",
        "sale_subscription_id.date_start",
        "sale_subscription_id.date",
        "sale_subscription_id.pause_ids.date_start",
        "sale_subscription_id.pause_ids.date_end",
        "sale_subscription_id.pause_ids.effect",
        "sale_subscription_id.template_id.billing_cycle",
        "sale_subscription_id.template_id.billing_timing",
        "sale_subscription_id.template_id.billing_alignment",
        "company_id.use_billing",
    )
    def _compute_next_billing_date(self):
        for line in self:
            part = next(line._get_unbilled_parts(), None)
            dates = [credit.part.period.start for credit in line._get_credits()]
            if part:
                dates.append(line._get_due_date(part))
            line.next_billing_date = min(dates, default=False)

    # === WHAT IS DUE

    def _get_cycle(self):
        """How time is cut for this line; ``None`` when it isn't billed by billing runs.

        :rtype: periods.Cycle
        """
        self.ensure_one()
        subscription = self.sale_subscription_id
        start = subscription.date_start or self._get_start()
        if not (start and subscription.template_id.billing_cycle and subscription.use_billing):
            return None
        return subscription.template_id._get_cycle(start)

    def _get_unbilled_parts(self):
        """The periods this line has still to be billed for, oldest first; endless for a line without end.

        :rtype: iterator of periods.Part
        """
        self.ensure_one()
        cycle, start = self._get_cycle(), self._get_start()
        if not (cycle and start):
            return iter(())
        billed = [
            period
            for charge in self._get_live_charges()
            if not charge.is_credit
            for period in charge._get_uncredited_periods()
        ]
        return chain.from_iterable(
            cycle.parts(served.start, None if served.end == date.max else served.end + ONE_DAY, billed)
            for served in self._get_service_periods()
        )

    def _get_credits(self):
        """What was billed and is not to be paid any more: the line ends earlier, starts later or is paused.

        :rtype: list of Due, each the days of one charge
        """
        self.ensure_one()
        if not self._get_cycle():
            return []
        service = self._get_service_periods()
        credits = []
        for charge in self._get_live_charges():
            if charge.is_credit or any(
                charge.period_start in served and charge.period_end in served for served in service
            ):
                continue
            days = [rest for period in charge._get_uncredited_periods() for rest in period.without(service)]
            credits += [
                Due(self, part, amount, charge.billing_round, charge)
                for part, amount in charge._get_credit_amounts(days)
            ]
        return credits

    def _get_service_periods(self):
        """The days the customer pays for: the life of the line less its free pauses; up to ``date.max`` without end.

        :rtype: list of periods.Period
        """
        self.ensure_one()
        start, stop = self._get_start(), self._get_stop()
        if stop and stop <= start:
            return []
        life = Period(start, stop - ONE_DAY if stop else date.max)
        return list(life.without(self.sale_subscription_id._get_free_periods()))

    def _get_due_date(self, part):
        self.ensure_one()
        return due_date(
            part, self._get_start(), in_arrears=self.sale_subscription_id.template_id.billing_timing == "arrears"
        )

    def _get_due_parts(self, date):
        """The unbilled periods that may be billed on ``date``, oldest first.

        :rtype: list of periods.Part
        """
        return list(takewhile(lambda part: self._get_due_date(part) <= date, self._get_unbilled_parts()))

    def _get_dues(self, date):
        """What may be billed on ``date``, and what has to be given back by then.

        :rtype: list of Due
        """
        credits = [credit for credit in self._get_credits() if credit.part.period.start <= date]
        parts = self._get_due_parts(date)
        if not parts:
            return credits
        price, rounding = Decimal(str(self._get_cycle_amount())), Decimal(str(self.currency_id.rounding))
        return credits + [Due(self, part, prorate(price, part, rounding), self._get_round(part)) for part in parts]

    def _get_round(self, part):
        """How many times days of ``part`` were billed, and given back, before."""
        charges = self._get_live_charges()
        return max(
            (
                charge.billing_round + 1
                for charge in charges
                if not charge.is_credit and charge._get_period().overlaps(part.period)
            ),
            default=0,
        )

    def _get_chain_round(self, period, but=()):
        """How many times days of ``period`` were billed, and given back, before, on any line of the chain.

        What this line and another one both serve counts as not given back: the database then refuses to bill it twice.

        :param but: charges that don't count
        """
        self.ensure_one()
        charges = self.chain_id.chain_line_ids._get_live_charges().filtered(lambda charge: not charge.is_credit)
        if but:
            charges -= but
        own = self._get_service_periods()
        return max(
            (
                charge.chain_round + 1
                for charge in charges
                if charge._get_period().overlaps(period)
                and not charge._get_uncredited_in(period, own, charge.subscription_line_id._get_service_periods())
            ),
            default=0,
        )

    def _get_charge_kind(self, due):
        """``adjustment`` for what sets right a period that was billed otherwise before, else ``subscription``."""
        self.ensure_one()
        is_rest = self.predecessor_id and due.part.period.start == self._get_start() and not due.part.is_whole
        return "adjustment" if due.is_credit or due.billing_round or is_rest else "subscription"

    # === SOURCE

    @api.model
    def _get_charge_kinds(self):
        # OVERRIDES 'bfocused.billing.source.mixin'
        return ("subscription", "adjustment")

    @api.model
    def _settle_before_billing(self, run, customers=None):
        # OVERRIDES 'bfocused.billing.source.mixin': subscriptions of which the mandate came meanwhile start
        subscriptions = self.env["sale.subscription"]
        awaiting = Domain(subscriptions._get_awaiting_domain(run.company_id))
        subscriptions.search(awaiting & subscriptions._get_payer_domain(customers))._release_each()

    @api.model
    def _get_billing_customers(self, run):
        # OVERRIDES 'bfocused.billing.source.mixin'
        subscriptions = self._find_due(run).sale_subscription_id
        subscriptions |= subscriptions._find_incomplete(run.company_id)
        payers = subscriptions.partner_invoice_id | subscriptions.partner_id
        return payers.commercial_partner_id

    @api.model
    def _find_due(self, run, customers=None):
        """The lines that owe something on the date of the run.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        :return: ``sale.subscription.line`` records
        """
        subscriptions = self.env["sale.subscription"]
        # What waits for a mandate is due as if it ran, so that it is held with the reason and not forgotten.
        billable = subscriptions._get_billable_domain(run.company_id) | subscriptions._get_awaiting_domain(
            run.company_id
        )
        return self.search(
            Domain("next_billing_date", "<=", run.date)
            & Domain("sale_subscription_id", "any", billable & subscriptions._get_payer_domain(customers))
            & run._get_scope_product_domain("product_id")
        )

    @api.model
    def _get_billing_parts(self, run, customers):
        # OVERRIDES 'bfocused.billing.source.mixin': one part per subscription, incomplete ones without lines
        lines = self._find_due(run, customers).sorted(self._get_billing_order)
        for subscription, due in lines.grouped("sale_subscription_id").items():
            yield subscription.partner_id, (subscription, due)
        for subscription in self.env["sale.subscription"]._find_incomplete(run.company_id, customers):
            yield subscription.partner_id, (subscription, self.browse())

    @staticmethod
    def _get_billing_order(line):
        """How lines stand on an invoice: by cycle, then by age."""
        subscription = line.sale_subscription_id
        return subscription.template_id.sequence, subscription.id, line.id

    @api.model
    def _get_billing_group(self, run, part, memo):
        # OVERRIDES 'bfocused.billing.source.mixin'
        subscription, lines = part
        if not lines:
            return self._get_incomplete_group(subscription, run)
        items = lines._get_items(run.date)
        if not items:
            return None
        if all(item.due.gives_back for item in items):
            return self._get_credit_group(subscription, items, run, memo)
        terms, partner = subscription._get_invoice_terms(run.company_id, memo), subscription._get_billing_partner()
        reason = subscription._get_hold_reason(run.date) or self._get_payment_mode_obstacle(run, terms)
        given = self._get_given_back(items) if reason else []
        reason = reason or self._get_billing_obstacle(run, terms, (partner, *lines.product_id), memo, items)
        group = BillingGroup(terms, partner, reason, items=[item for item in items if item not in given])
        if given:
            group.aside = self._get_credit_group(subscription, given, run, memo)
        return group

    @api.model
    def _get_credit_group(self, subscription, items, run, memo):
        """A group of what the customer only gets back, which needs no mandate and no range."""
        terms, partner = subscription._get_invoice_terms(run.company_id, memo), subscription._get_billing_partner()
        obstacle = self._get_billing_obstacle(run, terms, partner, memo, items)
        return BillingGroup(terms, partner, obstacle, items=items)

    @api.model
    def _get_given_back(self, items):
        """What of ``items`` is given back for good: not days that are charged anew, on the same line or its successor.

        :param items: list of Item of one subscription
        :rtype: list of Item
        """
        charged = {item.source.chain_id for item in items if not item.due.is_credit}
        credits = [item for item in items if item.due.is_credit and item.due.gives_back]
        return [item for item in credits if item.source.chain_id not in charged]

    @api.model
    def _get_incomplete_group(self, subscription, run):
        """A group without charges, held, so that nobody waits for their invoice in silence."""
        reason = self.env._("%s has no billing cycle or no start date, so it is never due.", subscription.display_name)
        partner = subscription.partner_id
        return BillingGroup(InvoiceTerms.without_invoice(partner, run.company_id.currency_id), partner, reason)

    @api.model
    def _find_billed_items(self, items):
        # OVERRIDES 'bfocused.billing.source.mixin'
        lines = [item.due.line.id for item in items]
        charges = self.env["bfocused.billing.charge"].search(
            [("subscription_line_id", "in", lines), ("state", "!=", "void")]
        )
        return [item for item in items if any(charge._is_of(item.due) for charge in charges)]

    @api.model
    def _get_supply_nature(self, has_period=True):
        # OVERRIDES 'bfocused.billing.source.mixin': agreed periods, whatever the invoice line says
        return "continuing"

    @api.model
    def _get_first_billing_date(self, charge):
        # OVERRIDES 'bfocused.billing.source.mixin'
        if charge.subscription_line_id and not charge.is_credit:
            return charge.subscription_line_id._get_due_date(charge._get_part())
        return charge.period_start

    # --- on the invoice

    def _get_billing_document(self):
        # OVERRIDES 'bfocused.billing.source.mixin'
        return self.sale_subscription_id

    def _get_items(self, date):
        """The invoice lines for what these lines owe or give back on ``date``.

        :rtype: list of Item
        """
        return [Item(line, line._prepare_due_move_line(due), due) for line in self for due in line._get_dues(date)]

    def _prepare_due_move_line(self, due):
        """Values of the invoice line for ``due``, text in the customer's language."""
        self.ensure_one()
        return {
            **(self._prepare_credit_move_line(due) if due.is_credit else self._prepare_period_move_line(due)),
            "start_date": due.part.period.start,
            "end_date": due.part.period.end,
            "subscription_line_id": self.id,
            "billing_cycle": self.sale_subscription_id.template_id.billing_cycle,
        }

    def _prepare_credit_move_line(self, due):
        """What gives days back, on the terms on which they were billed."""
        billed = due.credited.move_line_id
        quantity = abs(billed.quantity)
        period = self._get_period_label(due.part.period)
        return {
            "product_id": billed.product_id.id,
            "product_uom_id": billed.product_uom_id.id,
            "name": self._get_localized_env()._("Credit: %(what)s\n%(period)s", what=self.name, period=period),
            "quantity": -quantity,
            "price_unit": self._get_price_of(due.amount, quantity, billed.discount),
            "discount": billed.discount,
            "account_id": billed.account_id.id,
            "analytic_distribution": billed.analytic_distribution,
            "tax_ids": [Command.set(billed.tax_ids.ids)],
            "is_billing_credit": True,
        }

    def _prepare_period_move_line(self, due):
        """What bills a period; Odoo finds the account itself, with the company's default and the fiscal position."""
        values = self._prepare_account_move_line()
        for name in ("account_id", "price_subtotal"):
            values.pop(name)
        if not due.part.is_whole:
            values["price_unit"] = self._get_price_of(due.amount, self.product_uom_qty, self.discount)
        values["name"] = f"{self.name}\n{self._get_period_label(due.part.period)}"
        return values

    @staticmethod
    def _get_price_of(amount, quantity, discount):
        """The unit price with which an invoice line comes to exactly ``amount``.

        Not rounded: Odoo rounds the line's amount, not its price.
        """
        factor = quantity * (1 - discount / 100)
        return float(amount) / factor if factor else 0.0

    def _prepare_charge(self, item, move_line, run):
        # OVERRIDES 'bfocused.billing.source.mixin'
        due = item.due
        return {
            "company_id": run.company_id.id,
            "currency_id": move_line.currency_id.id,
            "kind": self._get_charge_kind(due),
            "partner_id": move_line.move_id.commercial_partner_id.id,
            "subscription_line_id": self.id,
            "period_start": due.part.period.start,
            "period_end": due.part.period.end,
            "billing_round": due.billing_round,
            "chain_round": due.credited.chain_round if due.is_credit else self._get_chain_round(due.part.period),
            "is_credit": due.is_credit,
            "credited_charge_id": due.credited.id if due.is_credit else False,
            "cycle_start": due.part.whole.start,
            "cycle_end": due.part.whole.end,
            "cycle_amount": due.credited.cycle_amount if due.is_credit else self._get_cycle_amount(),
            "amount_untaxed": move_line._get_booked_amount(),
            "move_line_id": move_line.id,
            "run_id": run.id,
            **self._prepare_explained_terms(due, move_line),
        }

    def _prepare_explained_terms(self, due, move_line):
        """The terms on which ``due`` was drafted: its explanation needs them when those of the line have changed."""
        drafted = move_line.move_id._get_billing_sign() * move_line.price_subtotal
        amount = float(due.amount)
        if due.is_credit:
            billed = due.credited
            return {
                "base_amount": float(billed._get_whole()[1]),
                "due_amount": -amount,
                "drafted_amount": drafted,
                "cycle_quantity": billed.cycle_quantity,
                "cycle_price_unit": billed.cycle_price_unit,
                "cycle_discount": billed.cycle_discount,
            }
        return {
            "base_amount": self._get_cycle_amount(),
            "due_amount": amount,
            "drafted_amount": drafted,
            "cycle_quantity": self.product_uom_qty,
            "cycle_price_unit": self.price_unit,
            "cycle_discount": self.discount,
        }

    def _get_cycle_amount(self):
        """What a whole period costs: quantity times price less discount, rounded, in the subscription's currency."""
        self.ensure_one()
        return self.currency_id.round(self.price_unit * self.product_uom_qty * (1 - self.discount / 100))

    def _get_period_label(self, period):
        """For example "1 januari 2026 t/m 31 maart 2026", in the customer's language."""
        localized = self._get_localized_env()
        start, end = (
            format_date(localized, date, lang_code=localized.lang, date_format="d MMMM y")
            for date in (period.start, period.end)
        )
        return localized._("%(start)s to %(end)s", start=start, end=end)

    def _get_localized_env(self):
        """An environment in the customer's language."""
        self.ensure_one()
        lang = self.sale_subscription_id._get_billing_partner().lang or self.env.lang
        return self.with_context(lang=lang).env
