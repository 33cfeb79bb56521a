from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

# What decides whether a subscription runs, and what it is collected with.
GATE_FIELDS = frozenset(
    {
        "active",
        "company_id",
        "in_progress",
        "mandate_id",
        "partner_id",
        "partner_invoice_id",
        "payment_mode_id",
        "stage_id",
    }
)


class SaleSubscription(models.Model):
    """No subscription runs without a valid mandate (R1), by whatever way it is started."""

    _name = "sale.subscription"
    _inherit = ["sale.subscription", "bfocused.mandate.action.mixin"]

    awaits_mandate = fields.Boolean(
        string="Waits for a mandate",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="It starts by itself, from its start date on, as soon as the customer's mandate is valid. "
        "Until then billing runs show what it owes as held.",
    )
    mandate_problem = fields.Char(compute="_compute_mandate_problem", search="_search_mandate_problem")

    # === COMPUTE

    @api.depends("mandate_id.state", "partner_invoice_id", "partner_id", "payment_mode_id", "company_id", "stage_id")
    def _compute_mandate_problem(self):
        for subscription in self:
            asks = subscription.use_billing and bool(subscription.partner_id) and subscription.stage_type != "post"
            subscription.mandate_problem = asks and subscription._get_mandate_problem()

    @api.model
    def _search_mandate_problem(self, operator, value):
        """Subscriptions that run or wait although nothing can be collected; only "is (not) set" has a meaning."""
        if operator not in ("in", "not in", "=", "!=") or (value and list(value) != [False]):
            return NotImplemented
        concerned = self.search(
            Domain("company_id.use_billing", "=", True)
            & (Domain("stage_id.type", "=", "in_progress") | Domain("awaits_mandate", "=", True))
        )
        found = concerned.filtered(lambda subscription: subscription._get_mandate_problem())
        return Domain("id", "not in" if operator in ("in", "=") else "in", found.ids)

    # === BUSINESS

    def _guard_mandate(self, vals):
        """Every way to start a subscription, or to give it another payer, ends in ``write``.

        One that runs without a mandate already may be changed, or nobody could set it right.

        :param vals: dict as given to ``write``
        :return: the subscriptions of which the mandate has to be checked once ``vals`` are written
        """
        if not GATE_FIELDS & vals.keys():
            return self.browse()
        return self.filtered(lambda sub: not sub._is_running() or not sub._get_mandate_problem())

    @api.model
    def _prepare_stage_values(self, vals):
        """``vals`` as they are written: one that gets another stage waits no longer, unless it says so itself."""
        if "stage_id" in vals and "awaits_mandate" not in vals:
            return {**vals, "awaits_mandate": False}
        return vals

    def _is_running(self):
        self.ensure_one()
        return self.use_billing and self.active and (self.in_progress or self.stage_type == "in_progress")

    def _check_mandate(self):
        """Refuse that subscriptions run without a valid mandate.

        :raise UserError: with what is wrong and what to do
        """
        for subscription in self:
            problem = subscription._is_running() and subscription._get_mandate_problem()
            if problem:
                raise UserError(
                    self.env._(
                        "%(subscription)s can't run without a valid mandate. %(problem)s",
                        subscription=subscription.display_name,
                        problem=problem,
                    )
                )

    def _start_or_wait(self):
        """Start those that can be collected; the others get ready, and start as soon as their mandate is valid."""
        waiting = self.filtered(lambda subscription: subscription.use_billing and subscription._get_mandate_problem())
        for subscription in self - waiting:
            subscription.action_start_subscription()
        waiting.write(
            {"stage_id": self.env.ref("subscription_oca.subscription_stage_ready").id, "awaits_mandate": True}
        )

    @api.model
    def _get_awaiting_domain(self, company):
        """Subscriptions of ``company`` that would run if their mandate were valid."""
        return (
            Domain("company_id", "=", company.id)
            & Domain("active", "=", True)
            & Domain("awaits_mandate", "=", True)
            & Domain("template_id.billing_cycle", "!=", False)
        )

    def _release(self):
        # EXTENDS 'bfocused.mandate.action.mixin'
        self.action_start_subscription()

    def _get_failure_message(self, reason):
        # EXTENDS 'bfocused.mandate.action.mixin'
        return self.env._("The mandate is valid, but the subscription could not be started: %s", reason)

    def _get_unstarted_problem(self):
        """One that has just got its mandate is started before anything is billed: a sentence, or an empty text."""
        self.ensure_one()
        if not self.awaits_mandate:
            return ""
        return self.env._("%s has not started yet. Try again.", self.display_name)

    # === CRON

    @api.model
    def _release_all_waiting(self):
        """Start and confirm what waited for a mandate that became usable without anybody writing on it."""
        waiting = Domain("company_id.use_billing", "=", True) & Domain("awaits_mandate", "=", True)
        self.search(waiting)._release_each()
        self.env["sale.order"].search(waiting & Domain("state", "in", ("draft", "sent")))._release_each()
