from datetime import date
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ...tools import changed_values, indexed_price

# What a successor has from the line before it, unless it was changed itself.
KEPT_FIELDS = ("name", "product_uom_qty", "price_unit", "discount", "tax_ids", "analytic_distribution")


class SaleSubscriptionLine(models.Model):
    """A line of a subscription and its days; other terms take over as a successor, and what was planned follows it."""

    _inherit = "sale.subscription.line"

    date_start = fields.Date(
        string="From",
        compute="_compute_date_start",
        store=True,
        readonly=False,
        precompute=True,  # while it is still known whether the subscription runs already
        help="First day billed. Empty: together with the subscription. A line added to a running subscription starts "
        "today, unless you say otherwise.",
    )
    date_end = fields.Date(
        string="Until", help="First day that is no longer billed. Empty: as long as the subscription runs."
    )
    charge_ids = fields.One2many(
        comodel_name="bfocused.billing.charge",
        inverse_name="subscription_line_id",
        string="Charges",
        groups="bfocused_billing.group_billing_user",
    )
    move_line_ids = fields.One2many(
        comodel_name="account.move.line", inverse_name="subscription_line_id", string="Invoice lines"
    )
    sale_order_line_id = fields.Many2one(
        comodel_name="sale.order.line", string="Order line", index="btree_not_null", copy=False, ondelete="set null"
    )
    discount = fields.Float(digits="Discount")  # as on invoice lines, or the two would differ by cents
    predecessor_id = fields.Many2one(
        comodel_name="sale.subscription.line",
        string="Changed from",
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        help="The line that this one took over from, when its price, quantity, product or cycle was changed.",
    )
    successor_ids = fields.One2many(
        comodel_name="sale.subscription.line", inverse_name="predecessor_id", string="Changed to"
    )
    change_reason = fields.Char(copy=False, help="Why this line took over from the one before it.")
    chain_id = fields.Many2one(
        comodel_name="sale.subscription.line",
        string="First of the chain",
        compute="_compute_chain_id",
        store=True,
        recursive=True,
        index="btree_not_null",
        ondelete="set null",
        help="The line with which the chain of lines that took over from each other began. No day of a chain is billed "
        "twice, on whichever of its lines.",
    )
    chain_line_ids = fields.One2many("sale.subscription.line", "chain_id", string="Lines of the chain")

    # === COMPUTE

    @api.depends("predecessor_id.chain_id")
    def _compute_chain_id(self):
        for line in self:
            line.chain_id = line.predecessor_id.chain_id or line._origin

    @api.depends("sale_subscription_id")
    def _compute_date_start(self):
        today = fields.Date.context_today(self)
        for line in self:
            subscription = line.sale_subscription_id
            if subscription.in_progress and not line.date_start and not line._origin:
                line.date_start = max(today, subscription.date_start or today)
            else:
                line.date_start = line.date_start

    def _compute_price_unit(self):
        # EXTENDS 'subscription_oca': a price that was billed is an agreed price
        return super(
            SaleSubscriptionLine, self.filtered(lambda line: not line._get_live_charges())
        )._compute_price_unit()

    def _compute_discount(self):
        # OVERRIDE 'subscription_oca': the price is the price list's, discounts taken off; more is for the user to give
        billed = self.filtered("sale_subscription_id.use_billing")
        for line in billed:
            line.discount = line.discount
        return super(SaleSubscriptionLine, self - billed)._compute_discount()

    @api.depends("company_id")
    def _compute_tax_ids(self):  # pylint: disable=missing-return
        # EXTENDS 'subscription_oca': it takes the taxes of whichever company the user happens to be in
        for company, lines in self.grouped(lambda line: line.sale_subscription_id.company_id).items():
            super(SaleSubscriptionLine, lines.with_company(company))._compute_tax_ids()

    # === CONSTRAINTS

    @api.constrains("date_start", "date_end")
    def _check_dates(self):
        for line in self:
            start = line._get_start()
            if start and line.date_end and line.date_end < start:
                raise ValidationError(
                    self.env._(
                        "%(line)s can't end on %(end)s, before it starts on %(start)s.",
                        line=line.name,
                        end=format_date(self.env, line.date_end),
                        start=format_date(self.env, start),
                    )
                )

    @api.constrains("predecessor_id")
    def _check_predecessor(self):
        if self._has_cycle("predecessor_id"):
            raise ValidationError(self.env._("A line can't take over from itself, nor from one that came after it."))

    @api.constrains("date_start", "date_end", "predecessor_id")
    def _check_taken_over(self):
        """No day is on two lines of a chain: who takes over starts when the line before it has ended, and alone."""
        if self.env.context.get("billing_taking_over"):
            return  # the end of the line before is written next, and checked then
        for line in self:
            for successor in line._get_next():
                if line._runs_beside(successor):
                    raise ValidationError(
                        self.env._(
                            "%(line)s was changed from %(start)s on. Give the end on the line that starts then, or "
                            "end or remove that line first.",
                            line=line.name,
                            start=format_date(self.env, successor._get_start()),
                        )
                    )
            if line._is_ever_served():
                line._check_starts_after()
                line._check_alone()

    def _check_starts_after(self):
        """:raise ValidationError: when the line from which this one takes over runs on beside it"""
        before = self._get_previous()
        if before and before._runs_beside(self):
            raise ValidationError(
                self.env._(
                    "%(line)s can't start on %(start)s: it takes over from %(before)s, which runs until %(end)s. "
                    "Change that one from another day on instead.",
                    line=self.name,
                    start=format_date(self.env, self._get_start()),
                    before=before.name,
                    end=format_date(self.env, before.date_end)
                    if before.date_end
                    else self.env._("its subscription ends"),
                )
            )

    def _check_alone(self):
        """:raise ValidationError: when another line took over from the same one, and both have days in common"""
        others = self._get_previous()._get_next() - self
        start, stop = self._get_start(), self.date_end
        for other in others:
            if (not stop or other._get_start() < stop) and (not other.date_end or start < other.date_end):
                raise ValidationError(
                    self.env._(
                        "%(line)s is taken over by two lines at the same time: end %(other)s before %(start)s, or "
                        "remove it.",
                        line=self._get_previous().name,
                        other=other.name,
                        start=format_date(self.env, max(start, other._get_start())),
                    )
                )

    # === CRUD

    def write(self, vals):
        # EXTENDS 'subscription_oca': what ends earlier has no planned changes any more
        result = super().write(vals)
        if "date_end" in vals:
            self._end_planned()
        return result

    def unlink(self):
        # EXTENDS 'subscription_oca': without what was planned, the line before it goes on
        self._take_back()
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed(self):
        if self.sudo().charge_ids:
            raise ValidationError(
                self.env._('A line that was billed can\'t be removed. Give it an end date under "Until" instead.')
            )

    # === ACTIONS

    def action_change(self):
        """Open the form for another price, quantity, product or cycle from a day on."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Change %s", self.name),
            "res_model": "bfocused.subscription.change",
            "view_mode": "form",
            "target": "new",
            "context": {"default_line_id": self.id},
        }

    # === BUSINESS

    def _get_live_charges(self):
        return self.sudo().charge_ids._get_live()

    def _get_display_price(self, product):
        # OVERRIDE 'subscription_oca': the price list's price, also under the list price, times the cycle
        subscription = self.sale_subscription_id
        if not subscription.use_billing:
            return super()._get_display_price(product)
        return subscription._get_billing_price(product, self.product_uom_qty, subscription.template_id)

    def _get_start(self):
        """The first day this line is billed for."""
        self.ensure_one()
        return self.date_start or self.sale_subscription_id.date_start

    def _get_stop(self):
        """The first day this line is no longer billed for; ``None`` for a line without end."""
        self.ensure_one()
        return min((date for date in (self.date_end, self.sale_subscription_id.date) if date), default=None)

    # --- other terms from a day on

    def _change(self, day, values, reason=""):
        """Let new terms take over from these lines on a day; what was billed beyond it is settled by the next run.

        :param day: date, the first day of the new terms
        :param values: dict of what changes: quantity, price, discount, product; ``sale_subscription_id`` moves the
            line to another subscription, and so to its cycle
        :param reason: text for the explanation of later invoices
        :return: the lines that take over
        """
        return self._change_each(day, dict.fromkeys(self, values), reason)

    @api.model
    def _change_each(self, day, terms, reason=""):
        """The same, where each line has its own new terms.

        :param terms: dict of the values that change, by line
        :return: the lines that take over, in the order of ``terms``
        """
        lines = self.browse([line.id for line in terms])
        planned = [line._get_planned() for line in lines]
        later = [line.successor_ids for line in lines]
        taking_over = self.with_context(billing_taking_over=True)
        created = taking_over.create([line._prepare_successor(day, terms[line], reason) for line in lines])
        successors = self.browse(created.ids)
        for others, successor in zip(later, successors, strict=True):
            others.predecessor_id = successor
        for end, ending in lines.grouped(lambda line: max(day, line._get_start())).items():
            ending.date_end = end
        for line, planned_lines in zip(lines, planned, strict=True):
            self._carry(terms[line], planned_lines, reason)
        return successors

    @api.model
    def _carry(self, values, planned, reason):
        """Give changed values to the lines that were planned to take over later, but for what these change themselves.

        :param values: dict of what was changed before them
        :param planned: from :meth:`_get_planned`, as it was before the change
        """
        values = {name: value for name, value in values.items() if name in KEPT_FIELDS}
        for line, own in planned:
            kept = {name for name in values if name in own}
            if kept:
                line._tell(line._get_planned_note(kept))
            values = {name: value for name, value in values.items() if name not in own}
            if not changed_values(line, values):
                continue
            if line._get_live_charges():  # what was billed is settled, as with any change
                self._change_each(line._get_start(), {line: values}, reason)
                return
            line.write(values)

    def _get_planned(self):
        """The lines that take over later, one after the other.

        :return: list of (line, set of the names of the kept fields that it changed itself)
        """
        self.ensure_one()
        planned, line = [], self
        while line := line.successor_ids.sorted(lambda other: (other._get_start(), other.id))[:1]:
            if line._is_ever_served():
                planned.append((line, {name for name in KEPT_FIELDS if line._is_own(name)}))
        return planned

    def _is_own(self, name):
        """Whether this line changed a field when it took over; the price of another product or cycle is its own."""
        self.ensure_one()
        before = self.predecessor_id
        while before.predecessor_id and not before._is_ever_served():
            before = before.predecessor_id  # such as one that was settled because it was billed on old terms
        is_other = self.sale_subscription_id != before.sale_subscription_id or self.product_id != before.product_id
        return self[name] != before[name] or (name == "price_unit" and is_other)

    def _get_planned_notes(self, names):
        """What stays as it was planned whatever this line is changed to now, as sentences in the user's language.

        :param names: set of names of the fields that are changed
        """
        notes, names = [], set(names)
        for line, own in self._get_planned():
            if names & own:
                notes.append(line._get_planned_note(names & own))
            names -= own
        return notes

    def _get_planned_note(self, names):
        self.ensure_one()
        labels = [self._fields[name]._description_string(self.env) for name in KEPT_FIELDS if name in names]
        return self.env._(
            "%(line)s: from %(start)s on these stay as they were planned before: %(fields)s.",
            line=self.name,
            start=format_date(self.env, self._get_start()),
            fields=", ".join(labels),
        )

    def _is_ever_served(self):
        """Whether this line has a day; one that was ended on its first day never starts."""
        self.ensure_one()
        start = self._get_start()
        return not (start and self.date_end) or self.date_end > start

    def _runs_beside(self, successor):
        """Whether this line has days in common with the one that takes over from it."""
        self.ensure_one()
        start = successor._get_start()
        return bool(start) and (not self.date_end or self.date_end > start)

    def _get_next(self):
        """The lines that take over directly; not those that never start, but who took over from them."""
        found, level = self.browse(), self.successor_ids
        while level:
            served = level.filtered(lambda line: line._is_ever_served())
            found |= served
            level = (level - served).successor_ids
        return found

    def _get_previous(self):
        """The line from which this one takes over its days; none that never started. Empty for the first of a chain."""
        self.ensure_one()
        before = self.predecessor_id
        while before and not before._is_ever_served():
            before = before.predecessor_id
        return before

    def _take_back(self):
        """Let the lines before these have the days of these, as if they had never been planned."""
        for line in self.sorted(lambda line: (line._get_start() or date.min, line.id), reverse=True):
            before, start = line.predecessor_id, line._get_start()
            if not before or before.date_end != start:
                continue
            before._check_can_go_on(line)
            later = line.successor_ids
            line.predecessor_id = False
            later.predecessor_id = before
            if before.sale_subscription_id.date == start and line.sale_subscription_id != before.sale_subscription_id:
                before.sale_subscription_id.date = line.sale_subscription_id.date
            before.date_end = line.date_end
            before._tell(
                self.env._(
                    "%(line)s goes on: what was planned from %(start)s on was removed.",
                    line=before.name,
                    start=format_date(self.env, start),
                )
            )

    def _check_can_go_on(self, successor):
        """:raise UserError: when the end of this line, which ``successor`` took over from, can't be withdrawn"""
        subscription = self.sale_subscription_id
        if subscription.stage_type == "post":
            raise UserError(
                self.env._(
                    "%(line)s can't be removed: %(subscription)s, from which it took over, is closed. Give it an end "
                    'date under "Until" instead.',
                    line=successor.name,
                    subscription=subscription.display_name,
                )
            )

    def _end_planned(self):
        """Let what was planned for after the end of these lines never start, and say so."""
        for line in self:
            for other in line._get_next():
                # The end of a subscription holds for its own lines by itself, and may be withdrawn.
                is_elsewhere = other.sale_subscription_id != line.sale_subscription_id
                end, start = line._get_stop() if is_elsewhere else line.date_end, other._get_start()
                if not end or start <= end:
                    continue
                other.date_end = start
                note = self.env._(
                    "%(line)s ends on %(end)s, so what was planned from %(start)s on doesn't start.",
                    line=line.name,
                    end=format_date(self.env, end),
                    start=format_date(self.env, start),
                )
                (line | other)._tell(note)

    def _tell(self, note):
        self.sale_subscription_id._message_log_batch(bodies=dict.fromkeys(self.sale_subscription_id.ids, note))

    def _check_nothing_planned(self, values):
        """Another product or cycle has other prices, so what was planned for the present one can't follow.

        :raise UserError: with what to do instead
        """
        self.ensure_one()
        planned = self._get_next()[:1]
        is_other = values.get("product_id", self.product_id.id) != self.product_id.id
        if planned and (is_other or "sale_subscription_id" in values):
            raise UserError(
                self.env._(
                    "%(line)s changes on %(start)s, as planned before. Give another product or cycle to the line that "
                    "starts then, or end that line on its first day and then change this one.",
                    line=self.name,
                    start=format_date(self.env, planned._get_start()),
                )
            )

    def _prepare_successor(self, day, values, reason):
        """Values of the line that takes over; another product or cycle has its own price unless one is given.

        :raise UserError: where this line has ended by that day
        """
        self.ensure_one()
        stop = self._get_stop()
        if stop and stop <= day:
            raise UserError(
                self.env._(
                    "%(line)s ends on %(end)s, so it can't be changed from %(day)s on.",
                    line=self.name,
                    end=format_date(self.env, stop),
                    day=format_date(self.env, day),
                )
            )
        self._check_nothing_planned(values)
        return {
            **self._prepare_kept_values(values),
            "date_start": max(day, self._get_start()),
            "date_end": self.date_end,
            "predecessor_id": self.id,
            "change_reason": reason,
            **values,
        }

    def _prepare_kept_values(self, values):
        """What of this line goes on in the one that takes over.

        :param values: dict of what changes; the price of another product or cycle is its own
        """
        kept = {
            "sale_subscription_id": self.sale_subscription_id.id,
            "product_id": self.product_id.id,
            "name": self.name,
            "product_uom_qty": self.product_uom_qty,
            "price_unit": self.price_unit,
            "discount": self.discount,
            "tax_ids": [Command.set(self.tax_ids.ids)],
            "analytic_distribution": self.analytic_distribution,
            "sale_order_line_id": self.sale_order_line_id.id,
        }
        if values.get("product_id", self.product_id.id) != self.product_id.id:
            for name in ("name", "price_unit", "tax_ids"):
                del kept[name]
        elif "sale_subscription_id" in values:
            del kept["price_unit"]
        return kept

    def _get_indexed_price(self, percentage):
        """The unit price a percentage higher, in whole cents, or in as many decimals as it has.

        :param float percentage: 3.2 for 3.2 %
        """
        self.ensure_one()
        digits = self.env["decimal.precision"].precision_get("Product Price")
        decimals = -Decimal(str(self.price_unit)).normalize().as_tuple().exponent
        return indexed_price(self.price_unit, percentage, Decimal(1).scaleb(-max(digits, decimals)))
