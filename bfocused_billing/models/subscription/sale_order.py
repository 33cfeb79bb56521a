from odoo import Command, api, fields, models
from odoo.exceptions import UserError


class SaleOrder(models.Model):
    """An order that makes subscriptions, one per cycle, when it is confirmed or added to."""

    _inherit = "sale.order"

    use_billing = fields.Boolean(related="company_id.use_billing")
    subscription_start_date = fields.Date(
        string="Subscriptions start on",
        copy=False,
        help="First day of service of the subscriptions this order makes. Empty: the day it is confirmed. A product "
        "added later starts on the day it is added at the earliest.",
    )

    # === ACTIONS

    def action_confirm(self):
        # EXTENDS 'sale'
        self._check_subscription_cycles()
        known = self.filtered("subscription_ids")
        result = super(SaleOrder, self.with_context(billing_known_orders=known.ids)).action_confirm()
        self._stop_awaiting_mandate()
        known._note_ended_subscriptions()
        return result

    def _action_cancel(self):
        # EXTENDS 'sale'
        self._stop_awaiting_mandate()
        result = super()._action_cancel()
        self._note_running_subscriptions()
        return result

    # === BUSINESS

    def _check_subscription_cycles(self):
        for line in self.order_line:
            if not line.product_id.subscribable or line.subscription_template_id or not line.order_id.use_billing:
                continue
            if line.allowed_subscription_template_ids:
                problem = self.env._("Choose a billing cycle for %s: it is sold as a subscription.", line.name)
            else:
                problem = self.env._("%s is a subscription, but its product category has no billing cycle.", line.name)
            raise UserError(problem)

    @api.model
    def _create_subscriptions(self, lines):
        """Make the subscriptions of lines that were added to confirmed orders, and of no other line of those.

        :param lines: ``sale.order.line`` records
        """
        for order, added in lines._filter_starting().grouped("order_id").items():
            known = order.with_context(billing_known_orders=order.ids)
            for template, of_cycle in added.grouped("subscription_template_id").items():
                known.create_subscription(of_cycle, template)

    def _get_subscription_start(self):
        """First day of the subscriptions made now; what is added to an order that ran before isn't billed back."""
        self.ensure_one()
        today = fields.Date.context_today(self)
        start = self.subscription_start_date or today
        return max(start, today) if self.id in self.env.context.get("billing_known_orders", ()) else start

    def _note_running_subscriptions(self):
        """Say what goes on: the end of these orders isn't the end of their subscriptions."""
        for order in self:
            running = order.subscription_ids.filtered(lambda sub: sub.use_billing and sub.in_progress)
            if running:
                names = ", ".join(running.mapped("display_name"))
                order.message_post(body=self.env._("These subscriptions go on until you close them: %s.", names))

    def _note_ended_subscriptions(self):
        """Say what doesn't start again by confirming these orders again."""
        for order in self.filtered("use_billing"):
            ended = order.order_line.filtered(lambda line: line._has_ended_subscription())
            if ended:
                names = ", ".join(ended.mapped("product_id.display_name"))
                order.message_post(
                    body=self.env._(
                        "These subscriptions have ended and don't start again: %s. To go on with one, sell it again by "
                        "a new line.",
                        names,
                    )
                )

    def group_subscription_lines(self):
        # OVERRIDE 'subscription_oca': by the cycle chosen on the line; what runs or has ended doesn't start again
        if not self.use_billing:
            return super().group_subscription_lines()
        return self.order_line._filter_starting().grouped("subscription_template_id")

    def create_subscription(self, lines, subscription_tmpl):
        # OVERRIDE 'subscription_oca': in the order's company and with what the order agreed
        if not self.use_billing:
            return super().create_subscription(lines, subscription_tmpl)
        subscription = (
            self.env["sale.subscription"]
            .with_company(self.company_id)
            .create(self._prepare_subscription(lines, subscription_tmpl))
        )
        subscription.action_start_subscription()
        return subscription

    def _prepare_subscription(self, lines, template):
        self.ensure_one()
        pricelist = self.pricelist_id or self.company_id._ensure_billing_pricelist(self.currency_id)
        values = {
            "company_id": self.company_id.id,
            "partner_id": self.partner_id.id,
            "partner_invoice_id": self.partner_invoice_id.id,
            "partner_shipping_id": self.partner_shipping_id.id,
            "user_id": self.user_id.id,
            "template_id": template.id,
            "pricelist_id": pricelist.id,
            "fiscal_position_id": self.fiscal_position_id.id,
            "date_start": self._get_subscription_start(),
            "sale_order_id": self.id,
            "sale_subscription_line_ids": [Command.create(line.get_subscription_line_values()) for line in lines],
        }
        if self.payment_mode_id.payment_method_id.mandate_required:
            values["payment_mode_id"] = self.payment_mode_id.id
        return values
