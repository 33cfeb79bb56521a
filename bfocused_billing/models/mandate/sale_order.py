from contextlib import contextmanager

from odoo import api, fields, models
from odoo.fields import Domain


class SaleOrder(models.Model):
    """An order with subscriptions is confirmed once its customer has a valid mandate (R1)."""

    _name = "sale.order"
    _inherit = ["sale.order", "bfocused.mandate.action.mixin"]

    awaits_mandate = fields.Boolean(
        string="Accepted, waits for a mandate",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="The customer has accepted it. It is confirmed by itself as soon as the mandate is valid.",
    )
    mandate_problem = fields.Char(compute="_compute_mandate_problem")

    # === COMPUTE

    @api.depends("state", "company_id", "partner_invoice_id", "payment_mode_id", "order_line.subscription_template_id")
    def _compute_mandate_problem(self):
        for order in self:
            order.mandate_problem = order.state in ("draft", "sent") and order._get_mandate_problem()

    # === CRUD

    def write(self, vals):
        # EXTENDS 'sale'
        with self._watch_acceptance():
            return super().write(vals)

    # === ACTIONS

    def _confirmation_error_message(self):
        # EXTENDS 'sale'
        return super()._confirmation_error_message() or self._get_mandate_problem()

    def _validate_order(self):
        # EXTENDS 'sale': accepted on the portal, where the mandate comes after; nothing of the acceptance is lost
        waiting = self.filtered(lambda order: order._get_mandate_problem())
        waiting._await_mandate()
        return super(SaleOrder, self - waiting)._validate_order()

    # === BUSINESS

    def _has_subscriptions(self):
        """Whether this order makes subscriptions."""
        self.ensure_one()
        return self.use_billing and bool(self.order_line.filtered("subscription_template_id"))

    def _get_mandate_problem(self):
        """Why the subscriptions of this order can't be collected, as a sentence in the user's language.

        :return: an empty text when they can, and for an order without subscriptions
        """
        self.ensure_one()
        if not self._has_subscriptions():
            return ""
        if not self._get_subscription_payment_mode().payment_method_id.mandate_required:
            return self.env._("No direct-debit payment mode. Choose one here, or in the settings.")
        partner, company = self.partner_invoice_id or self.partner_id, self.company_id
        return partner._get_mandate_problem(company, partner._get_billing_mandate(company))

    def _get_subscription_payment_mode(self):
        """How the subscriptions of this order are paid, whatever the order itself is paid by."""
        self.ensure_one()
        if self.payment_mode_id.payment_method_id.mandate_required:
            return self.payment_mode_id
        return self.partner_id._get_debit_payment_mode(self.company_id)

    def _prepare_mandate_request(self):
        # EXTENDS 'bfocused.mandate.action.mixin'
        return {**super()._prepare_mandate_request(), "order_id": self.id}

    def _await_mandate(self):
        """Keep that these quotations were accepted, until there is a mandate to confirm them with."""
        for order in self.filtered(lambda order: not order.awaits_mandate):
            order.awaits_mandate = True
            order.message_post(
                body=self.env._("Accepted by the customer. It is confirmed as soon as the mandate is valid.")
            )

    def _stop_awaiting_mandate(self):
        """What is confirmed or cancelled waits no longer."""
        self.filtered("awaits_mandate").awaits_mandate = False

    @contextmanager
    def _watch_acceptance(self):
        """An accepted quotation that is changed meanwhile isn't what the customer accepted any more."""
        accepted = [(order, order._get_accepted_terms()) for order in self.filtered("awaits_mandate")]
        yield
        for order, terms in accepted:
            is_open = order.awaits_mandate and order.state in ("draft", "sent")
            if is_open and order._get_accepted_terms() != terms:
                order._withdraw_acceptance()

    def _get_accepted_terms(self):
        """What a customer accepts with a quotation."""
        order = self.sudo()
        return (
            order.partner_id,
            order.currency_id,
            order.amount_total,
            order.payment_term_id,
            order.note,
            order.subscription_start_date,
            [line._get_accepted_terms() for line in order.order_line.sorted("id")],
        )

    def _withdraw_acceptance(self):
        """Have the customer accept again: with a signature in place the portal doesn't ask for one."""
        self.write({"awaits_mandate": False, "signature": False, "signed_by": False, "signed_on": False})
        self.message_post(
            body=self.env._("The quotation was changed after the customer accepted it, so it has to be accepted again.")
        )

    @api.model
    def _get_awaiting_domain(self, company):
        """The accepted quotations of ``company`` that are confirmed once their customer has a valid mandate."""
        return (
            Domain("company_id", "=", company.id)
            & Domain("state", "in", ("draft", "sent"))
            & Domain("awaits_mandate", "=", True)
        )

    def _release(self):
        # EXTENDS 'bfocused.mandate.action.mixin'
        self._validate_order()

    def _get_failure_message(self, reason):
        # EXTENDS 'bfocused.mandate.action.mixin'
        return self.env._("The mandate is valid, but the order could not be confirmed: %s", reason)
