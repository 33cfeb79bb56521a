from odoo import api, fields, models


class ResConfigSettings(models.TransientModel):
    _inherit = "res.config.settings"

    use_billing = fields.Boolean(related="company_id.use_billing", readonly=False)
    billing_min_amount = fields.Monetary(
        related="company_id.billing_min_amount", readonly=False, currency_field="currency_id"
    )
    billing_min_amount_base = fields.Selection(related="company_id.billing_min_amount_base", readonly=False)
    billing_deferral_release = fields.Selection(related="company_id.billing_deferral_release", readonly=False)
    billing_day = fields.Integer(related="company_id.billing_day", readonly=False)
    billing_auto = fields.Boolean(related="company_id.billing_auto", readonly=False)
    billing_auto_send = fields.Boolean(related="company_id.billing_auto_send", readonly=False)
    billing_embeds_facturx = fields.Boolean(related="company_id.billing_embeds_facturx", readonly=False)
    billing_background_from = fields.Integer(related="company_id.billing_background_from", readonly=False)
    billing_payment_mode_id = fields.Many2one(
        related="company_id.billing_payment_mode_id",
        readonly=False,
        domain="[('payment_method_id.mandate_required', '=', True), ('company_id', '=', company_id)]",
    )
    billing_payment_term_id = fields.Many2one(related="company_id.billing_payment_term_id", readonly=False)
    billing_deferral_continuing = fields.Selection(related="company_id.billing_deferral_continuing", readonly=False)
    billing_deferral_separate = fields.Selection(related="company_id.billing_deferral_separate", readonly=False)
    billing_deferral_warning_days = fields.Integer(related="company_id.billing_deferral_warning_days", readonly=False)
    billing_difference_percent = fields.Float(related="company_id.billing_difference_percent", readonly=False)
    billing_limit_amount = fields.Monetary(
        related="company_id.billing_limit_amount", readonly=False, currency_field="currency_id"
    )
    billing_limit_action = fields.Selection(related="company_id.billing_limit_action", readonly=False)
    billing_orders = fields.Boolean(related="company_id.billing_orders", readonly=False)
    billing_orders_from = fields.Date(related="company_id.billing_orders_from", readonly=False)
    billing_tz = fields.Selection(related="company_id.billing_tz", readonly=False)
    usage_product_id = fields.Many2one(related="company_id.usage_product_id", readonly=False)
    mandate_warning_months = fields.Char(related="company_id.mandate_warning_months", readonly=False)
    mandate_scheme = fields.Selection(related="company_id.mandate_scheme", readonly=False)
    mandate_request_days = fields.Integer(related="company_id.mandate_request_days", readonly=False)
    mandate_prenotification_days = fields.Integer(related="company_id.mandate_prenotification_days", readonly=False)
    mandate_staff_check = fields.Boolean(related="company_id.mandate_staff_check", readonly=False)
    mandate_auto_request = fields.Boolean(related="company_id.mandate_auto_request", readonly=False)
    mandate_country_group_id = fields.Many2one(related="company_id.mandate_country_group_id", readonly=False)
    mandate_attempt_limit = fields.Integer(related="company_id.mandate_attempt_limit", readonly=False)
    mandate_attempt_minutes = fields.Integer(related="company_id.mandate_attempt_minutes", readonly=False)
    arrangement_grace_days = fields.Integer(related="company_id.arrangement_grace_days", readonly=False)
    arrangement_max_terms = fields.Integer(related="company_id.arrangement_max_terms", readonly=False)

    billing_goods_taxed_count = fields.Integer(
        string="Services with a tax on goods", compute="_compute_billing_goods_taxed_count"
    )

    @api.depends("company_id", "use_billing")
    def _compute_billing_goods_taxed_count(self):
        products = self.env["product.template"]
        for settings in self:
            company = settings.company_id
            settings.billing_goods_taxed_count = settings.use_billing and products.search_count(
                company._get_goods_taxed_domain()
            )

    def action_view_goods_taxed(self):
        """Open the services that are sold as subscriptions and have a tax on goods."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Services with a tax on goods"),
            "res_model": "product.template",
            "view_mode": "list,form",
            "domain": list(self.company_id._get_goods_taxed_domain()),
        }

    @api.onchange("use_billing")
    def _onchange_use_billing(self):
        # The form saves each setting as it shows it, so the published values have to be in it before it is saved.
        if self.use_billing and not self.company_id.use_billing:
            for name, value in self.company_id._get_published_billing_values().items():
                self[name] = self[name] or value
