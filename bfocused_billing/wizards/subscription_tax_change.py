from dateutil.relativedelta import relativedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..transactions import process_isolated


class SubscriptionTaxChange(models.TransientModel):
    """What new taxes of a product mean for subscription lines that run: apply from a day on, or leave.

    A service is taxed at the rate of the days it is for, so the lines change on the day itself, whatever period it lies
    in: a period that crosses it is split there, and what was billed beyond it is credited at the former rate and
    charged at the new one by the next run.
    """

    _name = "bfocused.subscription.tax.change"
    _description = "Taxes of Running Subscriptions"

    product_tmpl_id = fields.Many2one("product.template", string="Product", required=True, ondelete="cascade")
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    choice = fields.Selection(
        selection=[("apply", "Apply the new taxes from a day on"), ("leave", "Leave them as they are")],
        string="Running lines",
        required=True,
        default="apply",
    )
    date = fields.Date(
        string="From",
        default=lambda self: self._default_date(),
        help="First day of the new taxes. A period that crosses it is split there: the days before it keep the former "
        "taxes, also where they are billed later.",
    )
    line_ids = fields.One2many(
        comodel_name="bfocused.subscription.tax.change.line",
        inverse_name="change_id",
        string="Lines",
        compute="_compute_line_ids",
        store=True,
        readonly=False,
        precompute=True,
    )

    @api.model
    def _default_date(self):
        return fields.Date.context_today(self) + relativedelta(months=1, day=1)

    # === COMPUTE

    @api.depends("product_tmpl_id", "company_id")
    def _compute_line_ids(self):
        for wizard in self:
            rows = wizard._prepare_lines() if wizard.product_tmpl_id and wizard.company_id else []
            wizard.line_ids = [Command.clear(), *(Command.create(values) for values in rows)]

    def _prepare_lines(self):
        """Values of a row for each running line with other taxes than the product would give it now."""
        product = self.product_tmpl_id
        lines, rows = product._find_running_lines(product, self.company_id), []
        for line in lines:
            new = product._get_taxes_of(line, product.taxes_id)
            if line.tax_ids == new:
                continue
            former = product._get_taxes_of(line, product.billing_former_tax_ids)
            rows.append(
                {
                    "subscription_line_id": line.id,
                    "tax_ids": [Command.set(line.tax_ids.ids)],
                    "new_tax_ids": [Command.set(new.ids)],
                    "is_applied": line.tax_ids == former,  # one with taxes of its own was given them by somebody
                }
            )
        return rows

    # === ACTIONS

    def action_apply(self):
        """Do what was chosen, and say so on the product and on each subscription."""
        self.ensure_one()
        self.company_id._check_uses_billing()
        if self.choice == "leave":
            self._leave()
        else:
            self._plan()
        failed = self.line_ids.filtered("problem")
        return failed and self._get_records_action(target="new") or {"type": "ir.actions.act_window_close"}

    # === BUSINESS

    def _leave(self):
        product = self.product_tmpl_id.sudo()
        product._message_log(body=self.env._("Running subscription lines keep the taxes they have."))
        product._close_running_taxes()

    def _plan(self):
        """Let lines with the new taxes take over on the day; one that can't says why, and the others go on.

        :raise UserError: without a day
        """
        if not self.date:
            raise UserError(self.env._("Choose the first day of the new taxes."))
        rows = self.line_ids.filtered("is_applied")
        rows.problem = False
        reason = self.env._("New taxes from %s", format_date(self.env, self.date, date_format="d MMMM y"))
        process_isolated(
            self.env.cr,
            rows,
            lambda some: some._apply(self.date, reason),
            lambda row, error: row._give_up(error),
        )
        self._tell(rows.filtered(lambda row: not row.problem), reason)
        product = self.product_tmpl_id.sudo()
        product.billing_taxes_from = self.date
        if not rows.filtered("problem"):
            product._close_running_taxes()

    def _tell(self, rows, reason):
        """Say on each subscription, and on the product, which lines have new taxes from which day on."""
        subscriptions = rows.subscription_line_id.sale_subscription_id
        subscriptions._message_log_batch(bodies=dict.fromkeys(subscriptions.ids, reason))
        named = ", ".join(f"{row.subscription_id.display_name} ({row.name})" for row in rows)
        self.product_tmpl_id.sudo()._message_log(
            body=self.env._("%(reason)s: %(number)s lines. %(lines)s", reason=reason, number=len(rows), lines=named)
        )
