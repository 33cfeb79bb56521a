from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.fields import Domain

from odoo.addons.base.models.res_partner import _tz_get

DEFAULT_COUNTRY_CODE = "31"
GOODS_TAXES = ("btw_0", "btw_9", "btw_21", "btw_overig")  # of the Dutch chart; those on services end in "_d"
MANNERS = [("hold", "Hold the invoice"), ("issue", "Issue it now, collect it at the quarter turn")]


class ResCompany(models.Model):
    """Settings of billing: the runs, the minimum and deferral, usage and payment arrangements."""

    _inherit = "res.company"

    use_billing = fields.Boolean(
        string="Use B/Focused billing",
        help="Subscriptions of this company are billed by billing runs: per customer, once, with the rules below.",
    )
    billing_min_amount = fields.Monetary(
        string="Minimum invoice amount",
        help="An invoice under this amount waits for the quarter turn. 0: none waits.",
    )
    billing_min_amount_base = fields.Selection(
        selection=[("total", "Including VAT"), ("untaxed", "Excluding VAT")],
        string="Minimum compared with",
        default="total",
    )
    billing_deferral_release = fields.Selection(
        selection=[
            ("quarter", "At the quarter turn"),
            ("threshold", "At the quarter turn, or as soon as the waiting total reaches the minimum"),
        ],
        string="Release deferred invoices",
        default="quarter",
    )
    billing_day = fields.Integer(
        string="Billing day",
        default=1,
        help="Day of the month (1 to 28) on which the month turn is billed.",
    )
    billing_auto = fields.Boolean(
        string="Run automatically",
        help="A scheduled action makes and executes the billing run of the month on the billing day.",
    )
    billing_auto_send = fields.Boolean(
        string="Send automatically",
        help="The invoices of a run are sent as soon as it has made them, each by the customer's sending method. "
        "Otherwise they wait for Send & Print on the run.",
    )
    billing_embeds_facturx = fields.Boolean(
        string="Second e-invoice in the PDF",
        help="Odoo puts a Factur-X e-invoice (CII) into each PDF, beside the e-invoice in the customer's own format. "
        "In many cases it breaks the rules of EN 16931 and says nothing of the direct debit. Customers whose format is "
        "Factur-X get theirs in any case.",
    )
    billing_background_from = fields.Integer(
        string="Work in the background above (customers)",
        default=200,
        help="A run with more customers than this is executed in the background, by as many workers as there are.",
    )
    billing_payment_mode_id = fields.Many2one(
        comodel_name="account.payment.mode",
        string="Direct debit payment mode",
        domain="[('payment_method_id.mandate_required', '=', True), ('company_id', '=', id)]",
        help="Payment mode of subscriptions whose customer has no direct-debit payment mode of its own.",
    )
    billing_payment_term_id = fields.Many2one(
        comodel_name="account.payment.term",
        string="Direct debit payment term",
        check_company=True,
        help="Payment term of invoices collected by direct debit. Empty: the customer's own payment term.",
    )

    billing_orders = fields.Boolean(
        string="Bill orders with the month turn",
        help="Hours, delivered products and one-off lines of orders of the months before go on the customer's invoice.",
    )
    billing_orders_from = fields.Date(
        string="Orders from",
        help="Orders before this day are left to be invoiced by hand. Empty: all orders.",
    )
    billing_difference_percent = fields.Float(
        string="Mark differences over (%)",
        default=20.0,
        help="Outcomes of a billing run that differ more than this from the customer's previous run are marked. "
        "0: none is.",
    )
    # --- interim invoices (R4): "or as usage demands"
    billing_limit_amount = fields.Monetary(
        string="Limit on what is unbilled",
        help="A customer whose calls and hours so far come to more than this, excluding VAT, is billed before the "
        "month turn. 0: no limit.",
    )
    billing_limit_action = fields.Selection(
        selection=[("bill", "Make an interim invoice"), ("ask", "Ask a person, by an activity")],
        string="Over the limit",
        default="bill",
    )
    # --- the deferral of small invoices (R5), as the law on invoice dates asks for
    billing_deferral_continuing = fields.Selection(
        selection=MANNERS,
        string="Continuing services",
        default="hold",
        help="What waits for the quarter turn when an invoice of subscriptions or calls is too small.",
    )
    billing_deferral_separate = fields.Selection(
        selection=MANNERS,
        string="Separate supplies",
        default="hold",
        help="What waits for the quarter turn when an invoice of products or hours is too small.",
    )
    billing_deferral_warning_days = fields.Integer(
        string="Warn before the lawful date",
        default=14,
        help="Number of days before its last lawful invoice date on which somebody is told of a deferred invoice.",
    )
    # --- usage
    billing_tz = fields.Selection(
        selection=_tz_get,
        string="Time zone of billing",
        default="Europe/Amsterdam",
        help="Decides in which month a call or an order falls.",
    )
    usage_product_id = fields.Many2one(
        comodel_name="product.product",
        string="Product of call costs",
        help="Product of the invoice lines of numbers without one of their own.",
    )
    # --- payment arrangements
    arrangement_grace_days = fields.Integer(
        string="Days of grace",
        default=5,
        help="A payment arrangement is broken when an instalment isn't paid this number of days after its due date.",
    )
    arrangement_max_terms = fields.Integer(
        string="Maximum number of instalments",
        default=6,
        help="Of a payment arrangement that a customer asks for on the portal. 0: customers can't ask there.",
    )

    _arrangement_days = models.Constraint(
        "CHECK (arrangement_grace_days >= 0 AND arrangement_max_terms >= 0)",
        "Days of grace and numbers of instalments are not below zero.",
    )

    # === CONSTRAINTS

    @api.constrains("billing_difference_percent")
    def _check_billing_difference_percent(self):
        if any(company.billing_difference_percent < 0 for company in self):
            raise ValidationError(self.env._("The percentage can't be negative; use 0 to mark no differences."))

    @api.constrains("billing_day")
    def _check_billing_day(self):
        for company in self:
            if not 1 <= company.billing_day <= 28:
                raise ValidationError(
                    self.env._(
                        "The billing day is %s; choose a day from 1 to 28, which every month has.", company.billing_day
                    )
                )

    @api.constrains("billing_min_amount")
    def _check_billing_min_amount(self):
        for company in self:
            if company.billing_min_amount < 0:
                raise ValidationError(self.env._("The minimum invoice amount can't be negative; use 0 for no minimum."))

    @api.constrains("billing_limit_amount")
    def _check_billing_limit_amount(self):
        for company in self:
            if company.billing_limit_amount < 0:
                raise ValidationError(
                    self.env._("The limit on what is unbilled can't be negative; use 0 for no limit.")
                )

    @api.constrains("billing_payment_mode_id")
    def _check_billing_payment_mode(self):
        for company in self:
            mode = company.billing_payment_mode_id
            if mode and not mode.payment_method_id.mandate_required:
                raise ValidationError(
                    self.env._(
                        "%s is not a direct-debit payment mode; subscriptions are paid by direct debit.", mode.name
                    )
                )
            if mode and mode.company_id != company:
                raise ValidationError(
                    self.env._(
                        "The payment mode %(mode)s belongs to another company than %(company)s.",
                        mode=mode.name,
                        company=company.name,
                    )
                )

    @api.constrains("use_billing", "billing_tz")
    def _check_billing_tz(self):
        if any(company.use_billing and not company.billing_tz for company in self):
            raise ValidationError(self.env._("Choose the time zone that decides in which month calls and orders fall."))

    @api.constrains("billing_deferral_warning_days")
    def _check_billing_deferral_warning_days(self):
        for company in self:
            if company.billing_deferral_warning_days < 0:
                raise ValidationError(
                    self.env._("The number of days to warn before the lawful date can't be negative.")
                )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        companies = super().create(vals_list)
        for company, vals in zip(companies, vals_list, strict=True):
            if company.use_billing:
                company._apply_published_billing_values(vals)
        return companies

    def write(self, vals):
        # EXTENDS 'base'
        switched_on = self.filtered(lambda company: not company.use_billing) if vals.get("use_billing") else self[:0]
        days = vals.get("mandate_prenotification_days")
        following_modes = self._find_modes_with_company_notice() if days else self.env["account.payment.mode"]
        result = super().write(vals)
        for company in switched_on:
            company._apply_published_billing_values(vals)
        following_modes.write({"pre_notification_days": days})
        return result

    def _find_modes_with_company_notice(self):
        """The payment modes that follow the company's pre-notification; those with another number keep theirs."""
        modes = self.env["account.payment.mode"].sudo().with_context(active_test=False)
        return modes.search([("company_id", "in", self.ids)]).filtered(
            lambda mode: mode.pre_notification_days == mode.company_id.mandate_prenotification_days
        )

    # === BUSINESS

    # --- switching billing on

    @api.model
    def _get_published_billing_values(self):
        """The company's published billing rules (R3, R4, R5): what billing starts with when it is switched on.

        :return: values of the settings; amounts in the company's currency
        """
        return {"billing_min_amount": 50.0, "billing_orders": True}

    def _apply_published_billing_values(self, given):
        """Fill in what was left empty when billing was switched on.

        :param given: the values that were set in the same breath, which win
        """
        self.ensure_one()
        values = {
            name: value
            for name, value in self._get_published_billing_values().items()
            if name not in given and not self[name]
        }
        if not self.billing_payment_mode_id and "billing_payment_mode_id" not in given:
            values["billing_payment_mode_id"] = self._ensure_direct_debit_mode().id
        self.write(values)
        self._ensure_billing_pricelist(self.currency_id)

    def _check_uses_billing(self):
        """
        :raise UserError: when billing isn't switched on
        """
        for company in self:
            if not company.use_billing:
                raise UserError(
                    self.env._(
                        "%s doesn't use B/Focused billing. Switch it on under Billing > Configuration > Settings.",
                        company.name,
                    )
                )

    # --- VAT on services

    def _get_service_taxes(self):
        """The taxes on services of the Dutch chart, by the tax on goods of the same rate.

        Elsewhere in the EU only those on services become reverse-charged services; a tax on goods becomes an
        intra-Community supply of goods.

        :rtype: dict of ``account.tax`` by ``account.tax``; empty for another chart
        """
        self.ensure_one()
        chart = self.env["account.chart.template"].with_company(self)
        pairs = ((chart.ref(name, False), chart.ref(f"{name}_d", False)) for name in GOODS_TAXES)
        return {goods: services for goods, services in pairs if goods and services}

    def _get_goods_taxed_domain(self):
        """Domain of the ``product.template`` records that are services sold as subscriptions, with a tax on goods."""
        self.ensure_one()
        goods = [tax.id for tax in self._get_service_taxes()]
        return (
            Domain("subscribable", "=", True)
            & Domain("type", "=", "service")
            & Domain("company_id", "in", (False, self.id))
            & Domain("taxes_id", "in", goods)
        )

    def _ensure_direct_debit_mode(self):
        """The company's SEPA direct debit payment mode; made where there is none yet."""
        self.ensure_one()
        modes = self.env["account.payment.mode"].sudo()
        method = self.env.ref("account_banking_sepa_direct_debit.sepa_direct_debit")
        return modes.search(
            [("company_id", "=", self.id), ("payment_method_id", "=", method.id)], limit=1
        ) or modes.create(self._prepare_direct_debit_mode(method))

    def _prepare_direct_debit_mode(self, method):
        return {
            "name": self.env._("SEPA direct debit"),
            "company_id": self.id,
            "payment_method_id": method.id,
            "bank_account_link": "variable",
            "show_bank_account": "last",
            "show_bank_account_chars": 5,  # the last four digits of an IBAN in groups, and the space between them
        }

    def _ensure_billing_pricelist(self, currency):
        """A price list in ``currency`` without special prices, which a subscription can't do without.

        Made where there is none yet. As Odoo does with its own, it is archived while price lists aren't in use: opening
        the settings would else warn of, and saving them cause, just that.
        """
        self.ensure_one()
        pricelists = self.env["product.pricelist"].sudo().with_context(active_test=False)
        domain = [
            ("company_id", "in", [False, self.id]),
            ("currency_id", "=", currency.id),
            ("item_ids", "=", False),
        ]
        found = pricelists.search(domain, order="active desc, company_id, sequence, id", limit=1)
        return found or pricelists.create(self._prepare_billing_pricelist(currency))

    def _prepare_billing_pricelist(self, currency):
        return {
            **self._get_default_pricelist_vals(),
            "currency_id": currency.id,
            "active": self.env.user.has_group("product.group_product_pricelist"),
        }

    # --- deferral

    def _issues_small_invoices(self, natures):
        """Whether a small invoice is sent at once and only its collection waits.

        :param natures: the supply natures on it; one that can't wait takes the others along
        """
        self.ensure_one()
        settings = {"continuing": self.billing_deferral_continuing, "separate": self.billing_deferral_separate}
        return any(settings.get(nature) == "issue" for nature in natures)

    def _get_deferral_warning_time(self):
        """How long before its last lawful invoice date somebody is told of a deferred invoice."""
        self.ensure_one()
        return timedelta(days=self.billing_deferral_warning_days)

    # --- usage

    def _get_usage_country_code(self):
        """Digits that stand for the leading zero of national numbers."""
        self.ensure_one()
        return str(self.country_id.phone_code or DEFAULT_COUNTRY_CODE)

    def _get_usage_product(self):
        """The product of call costs: the company's choice, or else the first of the product group."""
        self.ensure_one()
        return self.usage_product_id or self.env["product.product"].search(
            [
                ("categ_id", "child_of", self.env.ref("bfocused_billing.categ_call_costs").id),
                ("company_id", "in", [False, self.id]),
            ],
            order="default_code, id",
            limit=1,
        )
