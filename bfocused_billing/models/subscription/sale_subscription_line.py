from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date


class SaleSubscriptionLine(models.Model):
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
    next_billing_date = fields.Date(
        compute="_compute_next_billing_date",
        store=True,
        index="btree_not_null",
        help="The first day on which the next period that isn't billed yet may be billed.",
    )

    # === COMPUTE

    @api.depends("sale_subscription_id")
    def _compute_date_start(self):
        today = fields.Date.context_today(self)
        for line in self:
            subscription = line.sale_subscription_id
            if subscription.in_progress and not line.date_start and not line._origin:
                line.date_start = max(today, subscription.date_start or today)
            else:
                line.date_start = line.date_start

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
