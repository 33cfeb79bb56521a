from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...periods import Part, Period, common, last_invoice_day, prorate


class BillingCharge(models.Model):
    """The ledger: one row per thing charged per period.

    The database itself refuses a second charge of the same days, whatever runs at the same time. A charge follows its
    invoice line: drafted, billed, and void when that line or its invoice goes, which frees its days to be billed again.
    """

    _name = "bfocused.billing.charge"
    _inherit = ["bfocused.billing.charge.hooks"]
    _description = "Billing Charge"
    _order = "period_start desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True)
    kind = fields.Selection(
        selection=[
            ("subscription", "Subscription"),
            ("usage", "Usage"),
            ("sale", "Order"),
            ("adjustment", "Adjustment"),
        ],
        required=True,
        default="subscription",
    )
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="restrict")
    subscription_line_id = fields.Many2one(
        "sale.subscription.line", index="btree_not_null", ondelete="restrict", check_company=True
    )
    subscription_id = fields.Many2one(related="subscription_line_id.sale_subscription_id", store=True, index=True)
    # A line that was billed can't be deleted; one whose invoice is gone can, and the void charge stays as history.
    sale_line_id = fields.Many2one(
        "sale.order.line", string="Order line", index="btree_not_null", ondelete="set null", check_company=True
    )
    sale_order_id = fields.Many2one(related="sale_line_id.order_id", string="Order")
    usage_number_id = fields.Many2one(
        "bfocused.usage.number", string="Number", index="btree_not_null", ondelete="restrict", check_company=True
    )
    usage_destination_id = fields.Many2one(
        "bfocused.usage.destination", string="Destination class", index="btree_not_null", ondelete="restrict"
    )
    usage_record_ids = fields.One2many("bfocused.usage.record", inverse_name="charge_id", string="Calls")
    usage_calls = fields.Integer(string="Number of calls")
    usage_seconds = fields.Integer(string="Duration (s)", help="In seconds.")
    usage_amount = fields.Float(
        string="Amount of the calls",
        digits=(16, 6),
        help="Their sum, before it is rounded to cents once for the whole charge.",
    )
    quantity = fields.Float(digits=(16, 2), help="Of calls: minutes. Of orders: in the order line's unit.")
    product_id = fields.Many2one("product.product", compute="_compute_product_id", compute_sudo=True)
    period_start = fields.Date(required=True, string="First day")
    period_end = fields.Date(required=True, string="Last day")
    amount_untaxed = fields.Monetary(
        string="Untaxed amount",
        compute="_compute_amount_untaxed",
        store=True,
        readonly=False,
        help="What was charged, excluding VAT.",
    )
    state = fields.Selection(
        selection=[("open", "Open"), ("drafted", "Draft invoice"), ("billed", "Billed"), ("void", "Void")],
        compute="_compute_state",
        store=True,
        index=True,
        help="Draft invoice: on an invoice that isn't posted. Billed: on a posted invoice. "
        "Void: the invoice was cancelled or deleted, so the period can be billed again.",
    )
    move_line_id = fields.Many2one(
        "account.move.line", string="Invoice line", index="btree_not_null", ondelete="set null", copy=False
    )
    billing_round = fields.Integer(
        string="Times billed before",
        default=0,
        help="How many times these days were billed, and credited, before.",
    )
    chain_id = fields.Many2one(related="subscription_line_id.chain_id", store=True, precompute=True)
    chain_round = fields.Integer(
        default=0,
        help="How many times these days were billed, and credited, before on any line of the chain.",
    )
    is_credit = fields.Boolean(
        string="Credit", help="Gives back days that were billed and are not to be paid: after a change, end or pause."
    )
    credited_charge_id = fields.Many2one(
        "bfocused.billing.charge", string="Credit of", index="btree_not_null", ondelete="restrict"
    )
    credit_ids = fields.One2many("bfocused.billing.charge", "credited_charge_id", string="Credits")
    cycle_start = fields.Date(string="Cycle from", help="First day of the whole period the price is for.")
    cycle_end = fields.Date(string="Cycle to", help="Last day of the whole period the price is for.")
    cycle_amount = fields.Monetary(
        string="Price of the cycle",
        help="Quantity times price less discount for the whole period, as agreed when this was billed.",
    )
    base_amount = fields.Monetary(
        string="Price of the whole",
        help="Of the days from the cycle's first to its last: by its share of them this charge was reckoned. Including "
        "VAT where that is included in the price.",
    )
    due_amount = fields.Monetary(
        string="Share by day", help="What these days came to; including VAT where that is included in the price."
    )
    drafted_amount = fields.Monetary(
        string="Amount drafted",
        help="What the run put on the invoice line, excluding VAT. What the line says now beyond that was changed by "
        "hand.",
    )
    cycle_quantity = fields.Float(digits="Product Unit", help="When this was drafted.")
    cycle_price_unit = fields.Float(string="Cycle price", help="Per unit and cycle, when this was drafted.")
    cycle_discount = fields.Float(digits="Discount", help="In percent, when this was drafted.")
    reversal_line_id = fields.Many2one(
        "account.move.line",
        string="Billed again after",
        index="btree_not_null",
        ondelete="set null",
        copy=False,
        help="Line of the credit note that, once posted, frees the period to be billed again.",
    )
    move_id = fields.Many2one(related="move_line_id.move_id", string="Invoice", store=True, index="btree_not_null")
    run_id = fields.Many2one("bfocused.billing.run", string="Billing run", index="btree_not_null", ondelete="set null")
    last_invoice_date = fields.Date(
        string="Last lawful invoice date",
        compute="_compute_last_invoice_date",
        help="The 15th of the month after the last day that is charged. Empty once it is billed.",
    )

    _billed_once = models.UniqueIndex(
        "(subscription_line_id, kind, period_start, billing_round, is_credit) "
        "WHERE state <> 'void' AND subscription_line_id IS NOT NULL",
        "This period was billed already.",
    )
    # A day of a chain of lines is billed once in each round, and given back once; an even number bills, an odd one
    # gives back. A round begins when the days are given back: two lines that both serve a day are in the same one.
    _no_overlap = models.Constraint(
        "EXCLUDE USING gist ("
        "int4range(chain_id, chain_id, '[]') WITH &&, "
        "int4range(2 * chain_round + (is_credit IS TRUE)::int, 2 * chain_round + (is_credit IS TRUE)::int, '[]') "
        "WITH &&, "
        "daterange(period_start, period_end, '[]') WITH &&"
        ") WHERE (kind IN ('subscription', 'adjustment') AND state <> 'void' AND chain_id IS NOT NULL)",
        "A part of this period was billed already.",
    )
    _period_order = models.Constraint("CHECK (period_start <= period_end)", "A charge can't end before it starts.")
    _sale_once = models.UniqueIndex(
        "(sale_line_id, billing_round) WHERE kind = 'sale' AND state <> 'void' AND sale_line_id IS NOT NULL",
        "This was billed already.",
    )
    _usage_once = models.UniqueIndex(
        "(usage_number_id, usage_destination_id, period_start) WHERE kind = 'usage' AND state <> 'void'",
        "These calls are charged already.",
    )
    _usage_complete = models.Constraint(
        "CHECK (usage_number_id IS NULL OR (kind = 'usage' AND usage_destination_id IS NOT NULL))",
        "A charge of calls has a number and a destination class.",
    )

    # === COMPUTE

    @api.depends("kind", "move_line_id.parent_state", "reversal_line_id.parent_state")
    def _compute_state(self):
        states = {"draft": "drafted", "posted": "billed", "cancel": "void"}
        for charge in self:
            if charge.reversal_line_id.parent_state == "posted":
                charge.state = "void"
            elif charge.move_line_id:
                charge.state = states[charge.move_line_id.parent_state]
            else:
                charge.state = "open" if charge._waits_in_ledger() else "void"

    @api.depends("usage_amount", "move_line_id.amount_currency", "move_line_id.move_id.move_type")
    def _compute_amount_untaxed(self):
        for charge in self:
            line = charge.move_line_id
            if line:  # a void charge keeps what it was
                charge.amount_untaxed = line.move_id._get_billing_sign() * line._get_booked_amount()
            elif charge.usage_number_id:  # calls that are off their invoice again cost what they came to
                charge.amount_untaxed = charge.currency_id.round(charge.usage_amount)
            else:
                charge.amount_untaxed = charge.amount_untaxed

    @api.depends("kind", "product_id", "period_start", "period_end", "usage_number_id", "usage_destination_id")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for charge in self:
            if charge.usage_number_id:
                what = f"{charge.usage_number_id.name} {charge.usage_destination_id.name}"
            else:
                what = charge.product_id.display_name or kinds[charge.kind]
            start, end = (format_date(charge.env, day) for day in (charge.period_start, charge.period_end))
            charge.display_name = f"{what} {start} – {end}"

    @api.depends("subscription_line_id.product_id", "sale_line_id.product_id")
    def _compute_product_id(self):
        for charge in self:
            charge.product_id = charge.subscription_line_id.product_id or charge.sale_line_id.product_id

    @api.depends("period_end", "state")
    def _compute_last_invoice_date(self):
        for charge in self:
            is_waiting = charge.state in ("open", "drafted") and charge.period_end
            charge.last_invoice_date = is_waiting and last_invoice_day(charge.period_end)

    # === CRUD

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(
            self.env._("The ledger of charges keeps what was billed. Cancel or delete the draft invoice instead.")
        )

    # === ACTIONS

    def action_open_invoice(self):
        self.ensure_one()
        return self.move_id._get_records_action(name=self.env._("Invoice"))

    # === BUSINESS

    def _is_of(self, due):
        """Whether this row of the ledger stands in the way of billing ``due``."""
        self.ensure_one()
        return (
            self.subscription_line_id.id == due.line.id
            and self.billing_round == due.billing_round
            and self.is_credit == due.is_credit
            and self._get_period().overlaps(due.part.period)
        )

    def _get_overlapping(self):
        """The live charges of the same days of the same subscription line, this one left out."""
        self.ensure_one()
        charges = self.subscription_line_id.sudo().charge_ids._get_live() - self
        period = self._get_period()
        return charges.filtered(lambda other: other._get_period().overlaps(period))

    def _get_billed_again(self):
        """The charges that stand in the way of this void one counting again: its days were billed, or given back, anew.

        What is given back of a charge that is void itself stands in the way too: it would be given back for nothing.
        Of an order line it is whatever the line was billed for after the credit note.
        """
        self.ensure_one()
        if self.sale_line_id:
            later = self.sale_line_id.sudo().billing_charge_ids._get_live()
            return later.filtered(lambda other: other.move_line_id.id > self.reversal_line_id.id)
        period, others = self._get_period(), self._get_overlapping()
        if self.is_credit:
            credited = self.credited_charge_id
            same = others.filtered(lambda other: other.is_credit and other.billing_round == self.billing_round)
            return same | credited.filtered(lambda charge: charge.state == "void")
        return others.filtered(
            lambda other: (
                not other.is_credit
                and (
                    other.billing_round >= self.billing_round
                    or any(days.overlaps(period) for days in other._get_uncredited_periods())
                )
            )
        )

    def _get_rebilled(self):
        """The live charges that billed once more what the credits among these gave back."""
        rebilled = self.browse()
        for credit in self._get_live().filtered("is_credit"):
            rebilled |= credit._get_overlapping().filtered(
                lambda other, credit=credit: not other.is_credit and other.billing_round > credit.billing_round
            )
        return rebilled

    def _get_live(self):
        return self.filtered(lambda charge: charge.state != "void")

    def _get_live_credits(self):
        return self.credit_ids._get_live()

    def _get_period(self):
        self.ensure_one()
        return Period(self.period_start, self.period_end)

    def _get_part(self):
        """The days, and the whole of which they are a part; periods.Part."""
        whole = Period(self.cycle_start, self.cycle_end) if self.cycle_start else self._get_period()
        return Part(self._get_period(), whole)

    def _get_uncredited_periods(self):
        """The days of this charge that weren't given back by a credit of the ledger, oldest first.

        :rtype: iterator of periods.Period
        """
        self.ensure_one()
        return self._get_period().without(credit._get_period() for credit in self._get_live_credits())

    def _get_uncredited_in(self, *others):
        """The days of this charge that weren't given back and lie in each of ``others``.

        :param others: each a periods.Period or a list of them
        :rtype: list of periods.Period
        """
        found = list(self._get_uncredited_periods())
        for other in others:
            found = common(found, [other] if isinstance(other, Period) else other)
        return found

    def _get_whole(self):
        """The period the price is for, and that price; where the invoice line was changed by hand, what it says.

        :return: periods.Period and Decimal
        """
        self.ensure_one()
        period = self._get_period()
        billed = self._get_line_amount()
        if self.cycle_start:
            whole, amount = Period(self.cycle_start, self.cycle_end), Decimal(str(self.cycle_amount))
            agreed = prorate(amount, Part(period, whole), Decimal(str(self.currency_id.rounding)))
            if self.currency_id.compare_amounts(float(agreed), billed) == 0:
                return whole, amount
        return period, Decimal(str(billed))

    def _get_line_amount(self):
        """What the invoice line says: its price for the whole quantity, negative where it gives back."""
        self.ensure_one()
        return self.move_line_id._get_charged_amount() * self.move_line_id.move_id._get_billing_sign()

    def _get_credit_amounts(self, periods):
        """What days of this charge are worth, by their share of the price, as far as it wasn't given back by hand.

        Of a negative charge, such as a discount, amounts are negative: it is taken back.

        :param periods: list of periods.Period
        :return: iterator of (periods.Part, Decimal); days of which nothing is left to give back are left out
        """
        self.ensure_one()
        if not periods:
            return
        whole, price = self._get_whole()
        rounding = Decimal(str(self.currency_id.rounding))
        by_hand = self._get_credited_by_hand()
        given_back = -sum(Decimal(str(credit._get_line_amount())) for credit in self._get_live_credits())
        left = prorate(price, Part(self._get_period(), whole), rounding) - by_hand - given_back
        nearest_zero = max if price < 0 else min
        is_last = sum(period.days for period in periods) == sum(rest.days for rest in self._get_uncredited_periods())
        for period in periods:
            part = Part(period, whole)
            amount = prorate(price, part, rounding)
            if by_hand:
                amount = nearest_zero(amount, left)
                if not amount or (amount < 0) != (price < 0):
                    return
            elif is_last and period == periods[-1]:
                amount = left  # cents that were moved on its draft since other days of it were given back
            left -= amount
            yield part, amount

    def _get_credited_by_hand(self):
        """What reversals that somebody made give back of this charge, as a Decimal of the charge's own sign."""
        self.ensure_one()
        refunds = self.move_line_id.sudo().refund_line_ids.filtered(lambda line: line.parent_state == "posted")
        amounts = (-line.move_id._get_billing_sign() * line._get_charged_amount() for line in refunds)
        return Decimal(str(self.currency_id.round(sum(amounts))))
