import logging

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain
from odoo.tools import format_date

from ...tools import changed_values
from ...transactions import process_isolated

_logger = logging.getLogger(__name__)


class SaleSubscription(models.Model):
    """A subscription that is billed by billing runs: its terms, what holds it, and its start and end."""

    _inherit = "sale.subscription"

    use_billing = fields.Boolean(related="company_id.use_billing")
    # EXTENDS 'subscription_oca': its defaults are the day on which the server was started
    date_start = fields.Date(default=fields.Date.context_today)
    recurring_next_date = fields.Date(
        compute="_compute_recurring_next_date",
        store=True,
        readonly=False,
        index="btree_not_null",
        default=fields.Date.context_today,
    )
    date = fields.Date(help="First day that is no longer billed.")
    pricelist_id = fields.Many2one(default=lambda self: self._default_pricelist_id())
    payment_mode_id = fields.Many2one(
        comodel_name="account.payment.mode",
        string="Payment mode",
        compute="_compute_payment_mode_id",
        store=True,
        readonly=False,
        check_company=True,
        domain="[('payment_method_id.mandate_required', '=', True), ('company_id', '=', company_id)]",
        help="A subscription is paid by direct debit. Proposed: the customer's payment mode, or else the company's.",
    )
    mandate_id = fields.Many2one(
        comodel_name="account.banking.mandate",
        check_company=True,
        ondelete="restrict",
        domain="[('partner_id', 'parent_of', partner_id), ('company_id', '=', company_id)]",
        help="Collect with this mandate. Empty: the customer's most recently signed valid mandate.",
    )

    def _default_pricelist_id(self):
        company = self.env.company
        return company._ensure_billing_pricelist(company.currency_id) if company.use_billing else False

    # === COMPUTE

    @api.depends("partner_id", "company_id")
    def _compute_payment_mode_id(self):
        for subscription in self:
            company = subscription.company_id
            own = subscription.partner_id.with_company(company).customer_payment_mode_id
            if own.payment_method_id.mandate_required:
                subscription.payment_mode_id = own
            else:
                subscription.payment_mode_id = company.billing_payment_mode_id

    @api.depends("sale_subscription_line_ids.next_billing_date", "stage_id", "company_id.use_billing")
    def _compute_recurring_next_date(self):
        for subscription in self:
            if subscription.use_billing:
                dates = [date for date in subscription.sale_subscription_line_ids.mapped("next_billing_date") if date]
                subscription.recurring_next_date = min(dates, default=False)
            else:
                subscription.recurring_next_date = subscription._get_next_date_without_billing()

    @api.depends("template_id", "date_start")
    def _compute_rule_boundary(self):
        # EXTENDS 'subscription_oca': a billing cycle has no fixed duration, the finish date is the user's
        billed = self.filtered(lambda subscription: subscription.use_billing and subscription.template_id.billing_cycle)
        for subscription in billed:
            subscription.recurring_rule_boundary = True
            subscription.date = subscription.date
        return super(SaleSubscription, self - billed)._compute_rule_boundary()

    @api.depends("sale_subscription_line_ids.price_subtotal", "sale_subscription_line_ids.amount_tax_line_amount")
    def _compute_total(self):
        # EXTENDS 'subscription_oca': a changed price is another total (T9)
        return super()._compute_total()

    @api.depends("sale_subscription_line_ids")
    def _compute_account_invoice_ids_count(self):
        # EXTENDS 'subscription_oca': an invoice of the billing run may hold several subscriptions
        result = super()._compute_account_invoice_ids_count()
        for subscription in self.filtered("use_billing"):
            subscription.account_invoice_ids_count = len(subscription._get_invoices())
        return result

    @api.onchange("template_id")
    def _onchange_billing_cycle(self):
        # Not a dependency of the price: for companies without billing another template is no other price.
        if self.use_billing:
            self.sale_subscription_line_ids._compute_price_unit()

    @api.onchange("partner_id")
    def onchange_partner_id(self):
        # EXTENDS 'subscription_oca': without price lists in use, the customer has none
        result = super().onchange_partner_id()
        self.pricelist_id = self.pricelist_id or self._default_pricelist_id()
        return result

    # === CONSTRAINTS

    @api.constrains("payment_mode_id", "company_id")
    def _check_payment_mode(self):
        for subscription in self.filtered("use_billing"):
            mode = subscription.payment_mode_id
            if mode and not mode.payment_method_id.mandate_required:
                raise ValidationError(
                    self.env._(
                        "%(subscription)s can't be paid by %(mode)s: a subscription is paid by direct debit.",
                        subscription=subscription.display_name,
                        mode=mode.name,
                    )
                )

    @api.constrains("date_start")
    def _check_lines_taken_over(self):
        self.sale_subscription_line_ids._check_taken_over()

    @api.constrains("active")
    def _check_active(self):
        for subscription in self:
            if subscription.use_billing and not subscription.active and subscription.recurring_next_date:
                raise ValidationError(
                    self.env._("%s has still to be billed. Close it before you archive it.", subscription.display_name)
                )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'subscription_oca': it moves the start date to the form's next invoice date, which we compute
        companies = self.env["res.company"]
        for vals in vals_list:
            if companies.browse(vals.get("company_id", self.env.company.id)).use_billing:
                vals.pop("recurring_next_date", None)
                vals["stage_id"] = vals.get("stage_id") or self.env.ref("subscription_oca.subscription_stage_draft").id
        subscriptions = super().create(vals_list)
        running = subscriptions.filtered(lambda sub: sub.use_billing and sub.stage_type == "in_progress")
        running.in_progress = True
        subscriptions._check_mandate()
        return subscriptions

    def copy_data(self, default=None):
        # EXTENDS 'subscription_oca': a copy is a new subscription, not a running one
        own = {"stage_id", "in_progress", "date", "sale_order_id", "code"} - set(default or {})
        return [
            {name: value for name, value in vals.items() if name not in own} if subscription.use_billing else vals
            for subscription, vals in zip(self, super().copy_data(default), strict=True)
        ]

    def write(self, vals):
        # EXTENDS 'subscription_oca': it sets the start date to today with every move into "in progress" (T4)
        guarded = self._guard_mandate(vals)
        vals = self._keep_start_date(self._prepare_stage_values(vals))
        billed, stage = self.filtered("use_billing"), self._get_new_stage(vals)
        billed._check_billed_terms(vals)
        if stage.type == "in_progress":
            billed._check_reopening(vals)
        changing = self._filter_changing_cycle(vals)
        subscriptions = self.with_context(billing_keeps_dates=True) if stage else self
        result = super(SaleSubscription, subscriptions).write(vals)
        if stage.type == "post":
            billed._end_today()
        self._follow_pause_mark(vals)
        changing._reprice_changed_cycle(vals)
        if "date" in vals:
            self.sale_subscription_line_ids._end_planned()
        guarded._check_mandate()
        return result

    def unlink(self):
        # EXTENDS 'subscription_oca': what lines of other subscriptions were planned to go on as goes with it
        self.sale_subscription_line_ids._take_back()
        return super().unlink()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed(self):
        if self.sale_subscription_line_ids.sudo().charge_ids:
            raise UserError(self.env._("A subscription that was billed can't be deleted. Close it instead."))

    def _keep_start_date(self, vals):
        """``vals`` as they are written: within a move to another stage the agreed start dates stay."""
        billed = self.filtered("use_billing")
        if self.env.context.get("billing_keeps_dates") and self == billed and all(billed.mapped("date_start")):
            return {name: value for name, value in vals.items() if name != "date_start"}
        return vals

    def _get_new_stage(self, vals):
        """The stage these subscriptions get by ``vals``; empty when they keep theirs."""
        field = self._fields["stage_id"]
        if not vals.get("stage_id"):
            return self.env["sale.subscription.stage"]
        return field.convert_to_record(field.convert_to_cache(vals["stage_id"], self), self[:1])

    def _filter_changing_cycle(self, vals):
        """Those of these subscriptions that get another cycle by ``vals``."""
        if "template_id" not in vals:
            return self.browse()
        return self.filtered(lambda sub: sub.use_billing and sub.template_id.id != vals["template_id"])

    def _reprice_changed_cycle(self, vals):
        """Another cycle is another price, but for the lines that are given one."""
        priced = self._get_priced_lines(vals)
        self.sale_subscription_line_ids.filtered(lambda line: line.id not in priced)._compute_price_unit()

    @api.model
    def _get_priced_lines(self, vals):
        """The ids of the lines that are given a price by ``vals`` themselves."""
        commands = vals.get("sale_subscription_line_ids") or []
        return {
            command[1] for command in commands if command[0] == Command.UPDATE and "price_unit" in (command[2] or {})
        }

    def _end_today(self):
        """Give closed subscriptions a finish date: what was used up to now is still billed, and nothing after it."""
        today = fields.Date.context_today(self)
        self.filtered(lambda subscription: not subscription.date or subscription.date > today).date = today

    def _check_reopening(self, vals):
        """A closed subscription can be opened again on the day itself; later the days in between would be billed."""
        today = fields.Date.context_today(self)
        for subscription in self.filtered(lambda subscription: subscription.stage_type == "post"):
            if subscription.date and subscription.date < today:
                raise UserError(
                    self.env._(
                        "%(subscription)s ended on %(date)s. Make a new subscription instead.",
                        subscription=subscription.display_name,
                        date=format_date(self.env, subscription.date),
                    )
                )
            if "date" not in vals:
                subscription.date = False

    def _check_billed_terms(self, vals):
        """Refuse what would make billed periods untrue: another start, cycle, payer or currency.

        What is given back goes to whom it was billed to, in the same currency.

        :raise UserError: with what to do instead
        """
        for subscription in self:
            problem = (
                subscription._get_start_problem(vals)
                or subscription._get_payer_problem(vals)
                or subscription._get_currency_problem(vals)
            )
            if problem and subscription.sale_subscription_line_ids._get_live_charges():
                raise UserError(problem)

    def _get_start_problem(self, vals):
        """Why ``vals`` can't be written once something is billed, or an empty text.

        :param vals: dict as given to ``write``
        """
        self.ensure_one()
        fixed = {name: vals[name] for name in ("date_start", "template_id") if name in vals}
        if not changed_values(self, fixed):
            return ""
        return self.env._(
            "%s is billed already, so its start date and cycle are fixed. End it with a finish date "
            "and start a new subscription.",
            self.display_name,
        )

    def _get_payer_problem(self, vals):
        """Why ``vals`` can't be written once something is billed, or an empty text; another address of the payer can.

        :param vals: dict as given to ``write``
        """
        self.ensure_one()
        partner = self.partner_id.browse(vals.get("partner_id", self.partner_id.id))
        payer = self._get_billing_partner()
        if vals.get("partner_invoice_id"):
            payer = partner.browse(vals["partner_invoice_id"])
        elif "partner_invoice_id" in vals or partner != self.partner_id:
            payer = partner.browse(partner.address_get(["invoice"])["invoice"])
        if (
            partner.commercial_partner_id == self.partner_id.commercial_partner_id
            and payer.commercial_partner_id == self._get_billing_partner().commercial_partner_id
        ):
            return ""
        return self.env._(
            "%(subscription)s is billed to %(customer)s already, and what is given back of that is theirs. End it with "
            "a finish date and start a new subscription for the other customer.",
            subscription=self.display_name,
            customer=self._get_billing_partner().display_name,
        )

    def _get_currency_problem(self, vals):
        """Why ``vals`` can't be written once something is billed, or an empty text."""
        self.ensure_one()
        currency = self.pricelist_id.browse(vals.get("pricelist_id", self.pricelist_id.id)).currency_id
        if currency == self.currency_id:
            return ""
        return self.env._(
            "%(subscription)s is billed in %(old)s already, so it can't go on in %(new)s. End it with a finish date "
            "and start a new subscription with the other price list.",
            subscription=self.display_name,
            old=self.currency_id.name,
            new=currency.name,
        )

    def calculate_recurring_next_date(self, start_date):
        # OVERRIDE 'subscription_oca': the next date follows from what is billed, whatever day it counts from (T4)
        if self.use_billing:
            self._compute_recurring_next_date()
            return None
        return super().calculate_recurring_next_date(start_date)

    # === ACTIONS

    def action_start_subscription(self):
        # EXTENDS 'subscription_oca': keep the agreed start date, which it only knows as "today"
        for subscription in self.filtered(lambda sub: sub.use_billing and not sub.date_start):
            subscription.date_start = fields.Date.context_today(subscription)
        return super().action_start_subscription()

    def action_view_account_invoice_ids(self):
        # EXTENDS 'subscription_oca'
        action = super().action_view_account_invoice_ids()
        if self.use_billing:
            action["domain"] = [("id", "in", self._get_invoices().ids)]
        return action

    def generate_invoice(self):
        # OVERRIDE 'subscription_oca': one way to bill, or a period could be billed twice
        self._check_billed_by_run()
        return super().generate_invoice()

    def create_invoice(self):
        # OVERRIDE 'subscription_oca'
        self._check_billed_by_run()
        return super().create_invoice()

    def create_sale_order(self):
        # OVERRIDE 'subscription_oca': confirming that order would start the subscription a second time
        self._check_billed_by_run()
        return super().create_sale_order()

    def _check_billed_by_run(self):
        if any(self.mapped("use_billing")):
            raise UserError(
                self.env._(
                    "Subscriptions of this company are invoiced by a billing run. Make one under Billing > Runs."
                )
            )

    # === BUSINESS

    def _get_invoices(self):
        moves = self.sale_subscription_line_ids.move_line_ids.move_id
        return moves | self.invoice_ids | self.sale_order_ids.invoice_ids

    def _get_billing_price(self, product, quantity, template):
        """The price list's price of a billing cycle, also under the list price; in the price list's currency.

        :param template: ``sale.subscription.template``, the cycle
        """
        list_price = self.pricelist_id._get_product_price(product, quantity or 1.0)
        return self._get_price_per_cycle(list_price, product, quantity, template)

    def _get_price_per_cycle(self, list_price, product, quantity, template):
        """What a product costs this customer per cycle, given its price on the price list."""
        return product.product_tmpl_id._get_price_per_cycle(
            list_price, template, quantity=quantity, partner=self.partner_id, pricelist=self.pricelist_id
        )

    def _get_billing_payment_mode(self):
        self.ensure_one()
        return self.payment_mode_id or self.company_id.billing_payment_mode_id

    def _get_billing_partner(self):
        """Whom the invoice is addressed to."""
        self.ensure_one()
        return self.partner_invoice_id or self.partner_id

    def _get_billing_mandate(self):
        """The mandate this subscription is collected with: the one chosen for it, or else the customer's current."""
        self.ensure_one()
        return self.mandate_id or self._get_billing_partner()._get_billing_mandate(self.company_id)

    def _get_mandate_problem(self):
        """Why this subscription can't be collected, as a sentence; an empty text when it can."""
        self.ensure_one()
        if not self._get_billing_payment_mode().payment_method_id.mandate_required:
            return self.env._("No direct-debit payment mode. Choose one here, or in the settings.")
        partner = self._get_billing_partner()
        return partner._get_mandate_problem(self.company_id, self._get_billing_mandate())

    def _get_hold_reason(self, date=None):
        """Why this subscription isn't billed although it is due, as a sentence; an empty text when it is.

        Nothing of a held subscription is lost: its periods are billed once the reason is gone.

        :param date: of the billing run; today when left out
        """
        self.ensure_one()
        return self._get_pause_reason(date) or self._get_mandate_problem() or self._get_unstarted_problem()

    @api.model
    def _get_billable_domain(self, company):
        """Subscriptions of which days may be left to bill: running, or ended with days before their end."""
        return (
            Domain("company_id", "=", company.id)
            & Domain("active", "=", True)
            & Domain("template_id.billing_cycle", "!=", False)
            & (
                Domain("stage_id.type", "=", "in_progress")
                | (Domain("stage_id.type", "=", "post") & Domain("date", "!=", False))
            )
        )

    def _get_next_date_without_billing(self):
        """The next invoice date for 'subscription_oca' alone, whose cron stops at a running one without (T2)."""
        self.ensure_one()
        if self.recurring_next_date or not self.in_progress:
            return self.recurring_next_date
        return self.date or fields.Date.context_today(self)

    @api.model
    def _leave_to_subscription_oca(self):
        """Give running subscriptions without a next date, for all is billed, one that 'subscription_oca' can read."""
        for subscription in self.search([("in_progress", "=", True), ("recurring_next_date", "=", False)]):
            subscription.recurring_next_date = subscription._get_next_date_without_billing()

    # === CRON

    @api.model
    def cron_subscription_management(self):
        # EXTENDS 'subscription_oca': companies with billing runs are billed by those, and only start and end here
        self._cron_resume_due_subscriptions()
        self._start_and_end_billed(fields.Date.context_today(self))
        others = self.with_context(billing_without_runs=True)
        return super(SaleSubscription, others).cron_subscription_management()

    @api.model
    def _start_and_end_billed(self, date):
        """Start what is ready and close what has ended by ``date``; one that fails doesn't stop the others.

        :param date: company day
        """
        self._release_all_waiting()
        managed = Domain("company_id.use_billing", "=", True)
        ready = managed & Domain("stage_id.type", "=", "pre") & Domain("awaits_mandate", "=", False)
        starting = self.search(ready & Domain("date_start", "<=", date))
        ending = self.search(managed & Domain("in_progress", "=", True) & Domain("date", "<=", date))
        starting._turn_each(lambda one: one._start_or_wait())
        (ending - starting)._turn_each(lambda one: one.close_subscription(one.close_reason_id.id))

    def _turn_each(self, turn):
        """Do what the day brings to each of these; one that fails doesn't stop the others."""
        for subscription in self:
            process_isolated(self.env.cr, subscription, turn, lambda one, error: one._log_failed_turn(error))

    def _log_failed_turn(self, error):
        _logger.error("Subscription %s could not be started or closed", self.id, exc_info=error)

    @api.model
    def _search(self, domain, *args, **kwargs):
        # The cron of 'subscription_oca' searches with an empty domain: this is its only hook.
        if self.env.context.get("billing_without_runs"):
            domain = Domain(domain) & Domain("company_id.use_billing", "=", False)
        return super()._search(domain, *args, **kwargs)
