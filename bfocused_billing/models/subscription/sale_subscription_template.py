from odoo import api, fields, models
from odoo.exceptions import UserError

from ...periods import MONTHS_PER_CYCLE, Cycle


class SaleSubscriptionTemplate(models.Model):
    _inherit = "sale.subscription.template"
    _order = "sequence, id"

    sequence = fields.Integer(default=10)
    name = fields.Char(translate=True)
    billing_cycle = fields.Selection(
        selection=[("month", "Month"), ("quarter", "Quarter"), ("year", "Year")],
        help="Makes this template a cycle of the billing runs.",
    )
    billing_timing = fields.Selection(
        selection=[("advance", "In advance"), ("arrears", "In arrears")],
        default="advance",
        help="In advance: billed at the turn of the month in which the period begins. "
        "In arrears: billed at the first turn after the period's last day.",
    )
    billing_alignment = fields.Selection(
        selection=[("calendar", "Calendar"), ("anniversary", "Anniversary of the start date")],
        compute="_compute_billing_alignment",
        store=True,
        readonly=False,
        precompute=True,
        help="Calendar: periods are calendar months, quarters and years; the first is billed by day. "
        "Anniversary: each period begins on the day of the month on which the subscription started.",
    )
    recurring_interval = fields.Integer(compute="_compute_recurrence", store=True, readonly=False, default=None)
    recurring_rule_type = fields.Selection(compute="_compute_recurrence", store=True, readonly=False, default=None)

    # === COMPUTE

    @api.depends("billing_cycle")
    def _compute_billing_alignment(self):
        for template in self:
            template.billing_alignment = "anniversary" if template.billing_cycle == "year" else "calendar"

    @api.depends("billing_cycle")
    def _compute_recurrence(self):
        for template in self:
            if template.billing_cycle:
                template.recurring_interval = MONTHS_PER_CYCLE[template.billing_cycle]
                template.recurring_rule_type = "months"
            else:
                template.recurring_interval = template.recurring_interval or 1
                template.recurring_rule_type = template.recurring_rule_type or "months"

    # === CRUD

    def write(self, vals):
        if "billing_cycle" in vals:
            for template in self.filtered("subscription_ids"):
                if template.billing_cycle != vals["billing_cycle"]:
                    raise UserError(
                        self.env._(
                            "%s has subscriptions with prices per cycle, so its cycle is fixed. Make another one.",
                            template.name,
                        )
                    )
        return super().write(vals)

    # === BUSINESS

    def _get_cycle(self, anchor):
        """How this template cuts time for a subscription that started on ``anchor``.

        :param anchor: date
        :rtype: periods.Cycle
        """
        self.ensure_one()
        return Cycle(
            months=MONTHS_PER_CYCLE[self.billing_cycle],
            anchor=anchor,
            on_calendar=self.billing_alignment == "calendar",
        )
