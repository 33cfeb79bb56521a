import logging

from odoo import Command, api, fields, models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)


class SubscriptionTaxChangeLine(models.TransientModel):
    """One running subscription line whose taxes differ from those of its product."""

    _name = "bfocused.subscription.tax.change.line"
    _description = "Line with Other Taxes than its Product"

    change_id = fields.Many2one("bfocused.subscription.tax.change", required=True, ondelete="cascade")
    subscription_line_id = fields.Many2one("sale.subscription.line", required=True, readonly=True, ondelete="cascade")
    subscription_id = fields.Many2one(related="subscription_line_id.sale_subscription_id")
    partner_id = fields.Many2one(related="subscription_id.partner_id", string="Customer")
    name = fields.Char(related="subscription_line_id.name")
    tax_ids = fields.Many2many(
        "account.tax", relation="bfocused_tax_change_old_rel", string="Present taxes", readonly=True
    )
    new_tax_ids = fields.Many2many("account.tax", relation="bfocused_tax_change_new_rel", string="New taxes")
    is_applied = fields.Boolean(
        string="Apply", help="Ticked: this line gets the new taxes. Lines with taxes of their own aren't at first."
    )
    is_billed = fields.Boolean(
        string="Billed beyond",
        compute="_compute_is_billed",
        help="Days from that day on were billed: the next run credits them and charges them with the new taxes.",
    )
    problem = fields.Char(readonly=True, help="Why this line wasn't changed.")

    # === COMPUTE

    @api.depends("subscription_line_id", "change_id.date")
    def _compute_is_billed(self):
        for row in self:
            charges = row.subscription_line_id._get_live_charges().filtered(lambda charge: not charge.is_credit)
            day = row.change_id.date
            row.is_billed = bool(day) and any(charge.period_end >= day for charge in charges)

    # === BUSINESS

    def _apply(self, day, reason):
        """Let the new taxes hold from ``day`` on, also for what was planned for later.

        :param day: date
        :param reason: text for the explanation of later invoices
        """
        lines = self.env["sale.subscription.line"]
        running = self.filtered(lambda row: row._is_running_on(day))
        lines._change_each(day, {row.subscription_line_id: row._prepare_taxes() for row in running}, reason)
        for row in self - running:
            line = row.subscription_line_id
            start = line._get_start()
            if not start or start < day or line.tax_ids == row.new_tax_ids:  # ended by then, or changed along
                continue
            if line._get_live_charges():
                lines._change_each(start, {line: row._prepare_taxes()}, reason)
            else:
                line.write(row._prepare_taxes())

    def _is_running_on(self, day):
        """Whether the line is in the middle of its life on ``day``."""
        line = self.subscription_line_id
        start, stop = line._get_start(), line._get_stop()
        return bool(start) and start < day and not (stop and stop <= day)

    def _prepare_taxes(self):
        return {"tax_ids": [Command.set(self.new_tax_ids.ids)]}

    def _give_up(self, error):
        if isinstance(error, UserError):
            self.problem = str(error)
        else:
            _logger.error("Subscription line %s got no new taxes", self.subscription_line_id.id, exc_info=error)
            self.problem = self.env._("Unexpected error: %s", error)
