from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import changed_values


class SubscriptionChange(models.TransientModel):
    """Another price, quantity, product or cycle from a day on, also in the middle of a period that was billed."""

    _name = "bfocused.subscription.change"
    _description = "Change of a Subscription"

    line_id = fields.Many2one("sale.subscription.line", required=True, ondelete="cascade")
    currency_id = fields.Many2one(related="line_id.currency_id")
    date = fields.Date(
        string="From",
        required=True,
        default=fields.Date.context_today,
        help="First day of the new terms. The rest of a period that was billed already is credited, and charged anew, "
        "with the next invoice.",
    )
    allowed_template_ids = fields.Many2many("sale.subscription.template", compute="_compute_allowed_template_ids")
    product_id = fields.Many2one(
        "product.product",
        required=True,
        compute="_compute_terms",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('subscribable', '=', True)]",
    )
    template_id = fields.Many2one(
        "sale.subscription.template",
        string="Billing cycle",
        required=True,
        compute="_compute_template_id",
        store=True,
        readonly=False,
        precompute=True,
        domain="[('id', 'in', allowed_template_ids)]",
    )
    quantity = fields.Float(
        compute="_compute_terms",
        store=True,
        readonly=False,
        precompute=True,
        min_display_digits="Product Unit",  # not rounded, or it would differ from the line though nobody changed it
        required=True,
    )
    price_unit = fields.Float(
        string="Unit price",
        compute="_compute_price_unit",
        store=True,
        readonly=False,
        precompute=True,
        min_display_digits="Product Price",
        help="Per billing cycle, as on the subscription.",
    )
    discount = fields.Float(
        string="Discount (%)", compute="_compute_terms", store=True, readonly=False, precompute=True
    )
    planned_note = fields.Text(
        compute="_compute_planned_note", help="What was planned for later and isn't altered by this change."
    )
    reason = fields.Char(help="For your colleagues, and for the explanation of the invoice.")

    # === COMPUTE

    @api.depends("line_id")
    def _compute_terms(self):
        for wizard in self:
            wizard.product_id = wizard.line_id.product_id
            wizard.quantity = wizard.line_id.product_uom_qty
            wizard.discount = wizard.line_id.discount

    @api.depends("product_id")
    def _compute_allowed_template_ids(self):
        for wizard in self:
            cycles = wizard.product_id.product_tmpl_id._get_billing_cycles()
            wizard.allowed_template_ids = cycles | wizard.line_id.sale_subscription_id.template_id

    @api.depends("line_id", "product_id")
    def _compute_template_id(self):
        for wizard in self:
            line = wizard.line_id
            current = line.sale_subscription_id.template_id
            cycles = wizard.product_id.product_tmpl_id._get_billing_cycles()
            stays = wizard.product_id == line.product_id or current in cycles or not cycles
            wizard.template_id = current if stays else cycles[:1]

    @api.depends("line_id", "product_id", "template_id")
    def _compute_price_unit(self):
        for wizard in self:
            line = wizard.line_id
            subscription = line.sale_subscription_id
            stays = wizard.product_id == line.product_id and wizard.template_id == subscription.template_id
            if stays and not wizard._is_priced_by_quantity():
                wizard.price_unit = line.price_unit
            else:
                wizard.price_unit = subscription._get_billing_price(
                    wizard.product_id, wizard.quantity, wizard.template_id
                )

    @api.onchange("quantity")
    def _onchange_quantity(self):
        # Not a dependency of the price, or another quantity would undo a price that the user gave.
        if self._is_priced_by_quantity():
            self._compute_price_unit()

    @api.depends("line_id", "product_id", "template_id", "quantity", "price_unit", "discount")
    def _compute_planned_note(self):
        for wizard in self:
            changed = wizard._prepare_change() if wizard.line_id and wizard.product_id else {}
            wizard.planned_note = "\n".join(wizard.line_id._get_planned_notes(changed)) if changed else False

    # === ACTIONS

    def action_apply(self):
        """Make the change and show the subscription that goes on."""
        self.ensure_one()
        values = self._prepare_change()
        if not values:
            raise UserError(self.env._("Nothing is different from now: change the price, quantity, product or cycle."))
        subscription = self.line_id.sale_subscription_id
        if self.template_id != subscription.template_id:
            values["sale_subscription_id"] = self._get_target_subscription().id
        successor = self.line_id._change(self.date, values, self.reason or "")
        if "sale_subscription_id" in values:
            self._close_emptied(subscription)
        return successor.sale_subscription_id._get_records_action()

    # === BUSINESS

    def _is_priced_by_quantity(self):
        """Whether a rule prices the new quantity otherwise than the line's; what the price list has stays as agreed."""
        line, subscription = self.line_id, self.line_id.sale_subscription_id
        if not self.product_id:
            return False
        present, new = (
            subscription._get_price_per_cycle(line.price_unit, self.product_id, quantity, self.template_id)
            for quantity in (line.product_uom_qty, self.quantity)
        )
        return present != new

    def _prepare_change(self):
        """What differs from the line, as values of the line that takes over."""
        line = self.line_id
        terms = {
            "product_id": self.product_id.id,
            "product_uom_qty": self.quantity,
            "price_unit": self.price_unit,
            "discount": self.discount,
        }
        values = changed_values(line, terms)
        if "product_id" in values or self.template_id != line.sale_subscription_id.template_id:
            values["price_unit"] = self.price_unit
        return values

    def _get_target_subscription(self):
        """A new subscription in the other cycle, with the terms of the present one, running from the day of change."""
        subscription = self.line_id.sale_subscription_id
        target = subscription.copy(
            {
                "template_id": self.template_id.id,
                "date_start": max(self.date, self.line_id._get_start()),
                "date": subscription.date,
                "sale_subscription_line_ids": [],
            }
        )
        if subscription.in_progress or subscription.awaits_mandate:
            target._start_or_wait()
        subscription.pause_ids._copy_to(target)
        return target

    def _close_emptied(self, subscription):
        """End a subscription of which no line goes on."""
        stops = [line.date_end for line in subscription.sale_subscription_line_ids]
        if all(stops) and not subscription.date:
            subscription.date = max(stops)
