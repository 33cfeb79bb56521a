from odoo import Command, fields, models
from odoo.tools import partition

from ...deferral import get_deferral, get_set_off


class BillingInvoiceMixin(models.AbstractModel):
    """The last two steps of a billing run: decide what waits (R5), and draft and post the invoices.

    Everything here works on a list of BillingGroup of different invoices, which it fills in.
    """

    _name = "bfocused.billing.invoice.mixin"
    _description = "Billing: defer, draft and post"

    # === DECIDE

    def _fill_in_amounts(self, group):
        """What the new charges of the group come to, by Odoo's own tax engine, without making an invoice."""
        taxes = self.env["account.tax"]
        currency = self.env["res.currency"].browse(group.terms.currency_id)
        base_lines = [
            taxes._prepare_base_line_for_taxes_computation(
                None, **self._prepare_base_line(item.values), partner_id=group.partner, currency_id=currency, sign=1
            )
            for item in group.items
            if "tax_ids" in item.values  # else it is a heading
        ]
        taxes._add_tax_details_in_base_lines(base_lines, self.company_id)
        taxes._round_base_lines_tax_details(base_lines, self.company_id)
        totals = taxes._get_tax_totals_summary(base_lines, currency, self.company_id)
        group.amount_untaxed = totals["base_amount_currency"]
        group.amount_total = totals["total_amount_currency"]

    def _decide(self, group):
        """Decide whether the group's invoice waits, or is sent now and only its collection waits."""
        group.deferred_until, group.collection_date = self._get_deferral_date(group), None
        if group.deferred_until and self.company_id._issues_small_invoices(self._get_natures(group)):
            group.deferred_until, group.collection_date = None, group.deferred_until
        group.joined = self._get_joined(group)

    def _get_missing_reference_problem(self, group):
        """Why the group's invoice would be refused by a public body; empty where it waits, or gives back.

        A credit note has the reference of the invoices that it credits.
        """
        if group.deferred_until or group.amount_total < 0:
            return ""
        joined = group.joined or self.env["account.move"]
        references = [self._get_customer_reference(group.get_documents()), *joined.mapped("ref")]
        return group.partner._get_missing_reference_problem(" ".join(filter(None, references)))

    def _get_natures(self, group):
        """The natures of what the group charges, as in ``account.move.line.supply_nature``."""
        return {item.source._get_supply_nature(bool(item.values.get("end_date"))) for item in group.items}

    def _get_deferral_date(self, group):
        """Until when the group has to wait because it is too small (R5).

        :return: date of the quarter turn, or ``None`` when it is invoiced now
        """
        deferral = get_deferral(
            self.date,
            self.date,
            group.partner._get_deferral_terms(self.company_id),
            is_small=lambda: self._is_small(group),
            is_completed=lambda: group.is_completed,
            takes_released=self._takes_released(group),
            is_lone_credit=self._gives_back(group) and not self._get_drafts_to_wait_on(group),
        )
        return deferral.until

    def _is_small(self, group):
        """Whether what the group newly charges is under the customer's minimum."""
        currency = self.env["res.currency"].browse(group.terms.currency_id)
        amounts = {"amount_untaxed": group.amount_untaxed, "amount_total": group.amount_total}
        return group.partner._is_under_minimum(self.company_id, amounts, currency, self.date)

    def _gives_back(self, group):
        """Whether nothing is left to pay after what the customer gets back; what is free as such gives back nothing."""
        is_credited = any(item.due and item.due.is_credit for item in group.items)
        return group.amount_total < 0 or (is_credited and group.amount_total == 0)

    # === DRAFT

    def _draft(self, groups):
        """Put the charges of the groups on draft invoices, and in the ledger."""
        self._set_invoice_dates(groups)
        joining, starting = partition(lambda group: group.joined, groups)
        for group in joining:
            group.move = group.joined._merge_waiting()
            group.move.write(self._prepare_joined_move(group))
        moves = self.env["account.move"]._create_in_bulk([self._prepare_move(group) for group in starting])
        for group, move in zip(starting, moves, strict=True):
            group.move = move
        self._create_charges(groups)
        self._tell_sources(groups)

    def _set_invoice_dates(self, groups):
        """Date the invoices on the day of the run; what it held or failed to bill at first, on the day it is billed.

        Otherwise such an invoice would be overdue, and be dunned for, as soon as it is made.
        """
        rows = self.env["bfocused.billing.run.line"].search([("run_id", "=", self.id), ("active", "=", False)])
        tried_before, today = rows.partner_id.commercial_partner_id, fields.Date.context_today(self)
        for group in groups:
            is_late = group.partner.commercial_partner_id in tried_before
            group.invoice_date = max(self.date, today) if is_late else self.date

    def _takes_released(self, group):
        return any(self._is_released(move) for move in group.waiting or ())

    def _get_joined(self, group):
        """The waiting drafts that make one invoice with the group: those to wait on, or all that go with it."""
        waiting = group.waiting or self.env["account.move"]
        if group.deferred_until:
            return self._get_drafts_to_wait_on(group)
        if group.partner._get_deferral_terms(self.company_id).release == "threshold":
            return waiting
        released = waiting.filtered(self._is_released)
        left = group.amount_total + sum(released.mapped("amount_total"))
        return released + self._get_set_off(group, left, waiting - released)

    def _get_drafts_to_wait_on(self, group):
        """The waiting drafts on which the group waits too: one of a run, or those that are larger than its credit."""
        waiting = group.waiting or self.env["account.move"]
        if group.amount_total >= 0:
            return waiting.filtered("billing_run_id")[:1]
        drafts = self._get_set_off(group, group.amount_total, waiting)
        left = group.amount_total + sum(drafts.mapped("amount_total"))
        currency = self.env["res.currency"].browse(group.terms.currency_id)
        return drafts if currency.compare_amounts(left, 0) >= 0 else drafts.browse()

    def _get_set_off(self, group, total, drafts):
        """Those of the drafts against which what a customer is owed is set off, whichever is larger (R5).

        :param total: what is left to pay without them
        """
        rounding = self.env["res.currency"].browse(group.terms.currency_id).rounding
        numbers = get_set_off(total, drafts.mapped("amount_total"), rounding)
        return drafts.browse([drafts[number].id for number in numbers])

    def _prepare_move(self, group):
        """Values of the invoice of a group."""
        values = {
            "move_type": "out_invoice",
            "company_id": self.company_id.id,
            **self._prepare_terms(group),
            **self._prepare_origin(group.get_documents()),
            **self.env["account.move"]._prepare_billing_dates(group.invoice_date),
            "billing_run_id": self.id,
            "deferral_state": "deferred" if group.deferred_until else "none",
            "deferred_until": group.deferred_until,
            "invoice_line_ids": self._prepare_move_lines(group),
        }
        if group.collection_date:
            values.update(self.env["account.move"]._prepare_postponed_collection(group.collection_date))
        if term := self._get_ordered_term(group):
            values["invoice_payment_term_id"] = term.id
        return values

    def _prepare_terms(self, group):
        """Payment mode, mandate, currency and payment term of an invoice are the run's, not what Odoo proposes (T7)."""
        terms = group.terms
        values = {
            "partner_id": terms.partner_id,
            "currency_id": terms.currency_id,
            "fiscal_position_id": terms.fiscal_position_id,
            "payment_mode_id": terms.payment_mode_id,
            "mandate_id": terms.mandate_id,
            "invoice_payment_term_id": self._get_term(group).id,
        }
        if terms.journal_id:
            values["journal_id"] = terms.journal_id
        return values

    def _prepare_origin(self, documents):
        """What an invoice says of the subscriptions and orders it comes from.

        :param documents: list of those, each once
        """
        subscriptions = self._get_subscriptions(documents)
        values = {
            "partner_shipping_id": documents[0].partner_shipping_id.id if documents else False,
            "invoice_origin": ", ".join(document.name for document in documents),
            "invoice_user_id": next((document.user_id.id for document in documents if document.user_id), False),
            "subscription_id": subscriptions.id if len(subscriptions) == 1 else False,
        }
        if reference := self._get_customer_reference(documents):
            values["ref"] = reference
        return values

    def _prepare_joined_move(self, group):
        """Values that put the group on the draft that waits, with the mandate that is valid now."""
        move = group.move
        origins = [move.invoice_origin, *(document.name for document in group.get_documents())]
        values = {
            **move._prepare_billing_dates(max(group.invoice_date, move.invoice_date or self.date)),
            "mandate_id": group.terms.mandate_id,
            "billing_run_id": self.id,
            "subscription_id": False,
            "deferred_until": group.deferred_until or move.deferred_until,
            "invoice_origin": ", ".join(dict.fromkeys(origin for origin in origins if origin)),
            "invoice_line_ids": self._prepare_move_lines(group),
        }
        if move.payment_mode_id.id != group.terms.payment_mode_id:  # made by hand, and collected as the others now
            values.update(payment_mode_id=group.terms.payment_mode_id, invoice_payment_term_id=self._get_term(group).id)
        if group.collection_date:
            values.update(move._prepare_postponed_collection(group.collection_date))
        if reference := self._get_customer_reference(group.get_documents()):
            references = [*(move.ref or "").split(", "), *reference.split(", ")]
            values["ref"] = ", ".join(dict.fromkeys(filter(None, references)))
        return values

    def _get_term(self, group):
        """The payment term of what is collected by direct debit, or else the customer's own."""
        mode = self.env["account.payment.mode"].browse(group.terms.payment_mode_id)
        collected = mode.payment_method_id.mandate_required and self.company_id.billing_payment_term_id
        return collected or group.partner.property_payment_term_id

    def _get_ordered_term(self, group):
        """The payment term on which all of the group was ordered, where that isn't collected by direct debit."""
        documents, mode = group.get_documents(), self.env["account.payment.mode"].browse(group.terms.payment_mode_id)
        orders = self._get_orders(documents)
        term = orders.payment_term_id
        is_orders_only = len(orders) == len(documents) and all(order.payment_term_id for order in orders)
        return term if is_orders_only and len(term) == 1 and not mode.payment_method_id.mandate_required else term[:0]

    def _prepare_move_lines(self, group):
        return [Command.create(item.values) for item in group.items]

    def _prepare_base_line(self, values):
        """The same as the values of an invoice line, for Odoo's tax engine."""
        [(_command, _id, tax_ids)] = values["tax_ids"]
        base_line = {
            "product_id": self.env["product.product"].browse(values["product_id"]),
            "quantity": values["quantity"],
            "price_unit": values["price_unit"],
            "discount": values.get("discount", 0.0),
            "tax_ids": self.env["account.tax"].browse(tax_ids),
        }
        if values.get("extra_tax_data"):  # the taxes of a down payment as they were, to the cent
            base_line["extra_tax_data"] = values["extra_tax_data"]
        return base_line

    def _get_subscriptions(self, documents):
        subscriptions = self.env["sale.subscription"]
        return subscriptions.union(*(document for document in documents if document._name == subscriptions._name))

    def _get_orders(self, documents):
        orders = self.env["sale.order"].sudo()
        return orders.union(*(document for document in documents if document._name == orders._name))

    def _get_customer_reference(self, documents):
        """The numbers under which the customer ordered."""
        references = (order.client_order_ref for order in self._get_orders(documents))
        return ", ".join(dict.fromkeys(filter(None, references)))

    def _create_charges(self, groups):
        """Write in the ledger what the drafts charge. Here the database refuses what was charged before."""
        charges = self.env["bfocused.billing.charge"].sudo()
        charges.flush_model(["state"])  # a charge that was freed just now must not stand in the way of its successor
        known, values = [], []
        for group in groups:
            # lines are made in the order of their values; those of a draft that waited were there before
            lines = group.move.invoice_line_ids.sorted("id")[-len(group.items) :] if group.items else ()
            for item, line in zip(group.items, lines, strict=True):
                rows = known if item.source._name == charges._name else values
                rows.append((item.source, item.source._prepare_charge(item, line, self)))
        charges.create([vals for _source, vals in values if vals])
        for charge, vals in known:  # last, as reading a line in between would compute what depends on it one by one
            charge.sudo().write(vals)

    def _tell_sources(self, groups):
        """Let each source do what else is to be done for what stands on the drafts."""
        drafted = [(item, group.move) for group in groups for item in group.items]
        for source in self._get_sources():
            of_source = [(item, move) for item, move in drafted if item.source._name == source._name]
            if of_source:
                source._after_drafting(self, of_source)

    # === POST

    def _post_invoices(self, groups):
        """Post the invoices of the groups that don't wait; a negative total becomes a credit note, as in Odoo."""
        moves = self.env["account.move"].union(*(group.move for group in groups if not group.deferred_until))
        owed = moves.filtered(lambda move: move.currency_id.compare_amounts(move.amount_total, 0) < 0)
        owed.action_switch_move_type()
        owed.write({"payment_mode_id": False, "mandate_id": False})  # nothing to collect
        moves._post_in_bulk()
        if self.company_id.billing_auto_send:
            moves._hand_to_sending()
