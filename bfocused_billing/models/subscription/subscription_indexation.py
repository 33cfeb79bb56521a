from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date, formatLang, split_every

from ...transactions import lock_or_refuse

LINES_AT_ONCE = 500  # changed in one go; more costs memory and saves no time
TERMS = {"company_id", "percentage", "date", "category_ids", "product_ids", "template_ids", "partner_ids"}


class SubscriptionIndexation(models.Model):
    """All prices a percentage higher, or lower, from a day on.

    *Preview* lists the lines and their new prices, where they can be left out or given another price. *Apply* lets a
    successor with the new price take over from each line: what isn't billed yet has the new price from the day on, and
    what is billed beyond it is credited and charged anew by the next run, like any other change.
    """

    _name = "bfocused.subscription.indexation"
    _description = "Indexation of Subscriptions"
    _order = "date desc, id desc"
    _rec_name = "reason"
    _check_company_auto = True

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, readonly=True, index=True
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    percentage = fields.Float(
        required=True, digits=(16, 3), help="By how much prices rise, in percent. A negative percentage lowers them."
    )
    date = fields.Date(
        string="From",
        required=True,
        help="First day of the new prices. In the middle of a period that was billed, the rest is credited and charged "
        "anew with the next invoice; on the first day of a period that isn't billed yet, nothing is.",
    )
    reason = fields.Char(
        compute="_compute_reason",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        help="Stands with each changed line, for your colleagues and for the explanation of the invoice.",
    )
    category_ids = fields.Many2many(
        "product.category", string="Product groups", help="Only products of these groups. Empty: of all."
    )
    product_ids = fields.Many2many(
        "product.product",
        string="Products",
        domain="[('subscribable', '=', True)]",
        help="Only these products. Empty: all.",
    )
    template_ids = fields.Many2many(
        "sale.subscription.template",
        relation="bfocused_indexation_template_rel",
        string="Billing cycles",
        domain="[('billing_cycle', '!=', False)]",
        help="Only subscriptions in these cycles. Empty: in all.",
    )
    partner_ids = fields.Many2many("res.partner", string="Customers", help="Only these customers. Empty: all.")
    state = fields.Selection(
        [("draft", "Draft"), ("done", "Applied")], default="draft", required=True, readonly=True, copy=False
    )
    is_previewed = fields.Boolean(readonly=True, copy=False, help="The list of lines belongs to the present terms.")
    date_done = fields.Datetime(string="Applied on", readonly=True, copy=False)
    user_id = fields.Many2one("res.users", string="Applied by", readonly=True, copy=False)
    line_ids = fields.One2many("bfocused.subscription.indexation.line", "indexation_id", string="Lines")
    line_count = fields.Integer(string="Number of lines", compute="_compute_totals")
    skipped_count = fields.Integer(string="Skipped", compute="_compute_totals")
    year_difference = fields.Monetary(
        string="Difference per year",
        compute="_compute_totals",
        help="What all lines that take part cost more, or less, in a year, excluding VAT, in the company's currency.",
    )

    _percentage_possible = models.Constraint(
        "CHECK (percentage > -100 AND percentage <> 0)", "The percentage is more than -100, and not zero."
    )

    # === COMPUTE

    @api.depends("percentage", "date")
    def _compute_reason(self):
        for indexation in self:
            if not (indexation.date and indexation.percentage):
                indexation.reason = indexation.reason or self.env._("Indexation")
                continue
            decimals = len(f"{abs(indexation.percentage) % 1:.3f}".rstrip("0")) - len("0.")
            indexation.reason = self.env._(
                "Indexation %(year)s: %(percentage)s %%",
                year=indexation.date.year,
                percentage=formatLang(self.env, indexation.percentage, digits=max(decimals, 0)),
            )

    @api.depends("line_ids.year_difference", "line_ids.excluded", "line_ids.state")
    def _compute_totals(self):
        for indexation in self:
            taking_part = indexation.line_ids.filtered(lambda line: not line.excluded and line.state != "skipped")
            indexation.line_count = len(taking_part)
            indexation.skipped_count = len(indexation.line_ids.filtered(lambda line: line.state == "skipped"))
            indexation.year_difference = sum(
                currency._convert(
                    sum(lines.mapped("year_difference")), indexation.currency_id, indexation.company_id, indexation.date
                )
                for currency, lines in taking_part.grouped("currency_id").items()
            )

    # === CRUD

    def write(self, vals):
        if TERMS & vals.keys():
            if any(indexation.state == "done" for indexation in self):
                raise UserError(self.env._("An indexation that was applied stays as it is. Make a new one."))
            vals = {**vals, "is_previewed": False}
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_done(self):
        if any(indexation.state == "done" for indexation in self):
            raise UserError(self.env._("An indexation that was applied can't be deleted: it explains the new prices."))

    # === ACTIONS

    def action_preview(self):
        """List the lines and their new prices. What was left out, or given another price, stays that way."""
        self.ensure_one()
        self._check_draft()
        lines = self._find_lines()
        self.line_ids.filtered(lambda row: row.subscription_line_id not in lines).unlink()
        rows = {row.subscription_line_id: row for row in self.line_ids}
        billed = self._get_billed_beyond(lines)
        new = []
        for line in lines:
            values = {**self._prepare_line(line), "is_billed": line in billed}
            if line in rows:
                rows[line]._refresh(values)
            else:
                new.append({**values, "indexation_id": self.id, "price_unit": values["price_proposed"]})
        self.line_ids.create(new)
        self.is_previewed = True

    def action_apply(self):
        """Change the prices. A line that can't be changed any more is skipped, and says why."""
        self.ensure_one()
        self.check_access("write")
        self._check_draft()
        if not self.is_previewed:
            raise UserError(self.env._("The list doesn't belong to these terms any more. Look at the preview first."))
        lock_or_refuse(self, self.env._("Somebody else is applying this indexation. Reload the page in a moment."))
        taking_part = self.line_ids.filtered(lambda row: not row.excluded)
        for ids in split_every(LINES_AT_ONCE, taking_part.ids, list):
            taking_part.browse(ids)._apply()
        self.write({"state": "done", "date_done": fields.Datetime.now(), "user_id": self.env.user.id})
        self._tell_subscriptions()

    def action_view_lines(self):
        """The lines in a list of their own, to search and group them."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_billing.subscription_indexation_line_action")
        return {**action, "name": self.reason, "domain": [("indexation_id", "=", self.id)]}

    def _check_draft(self):
        self.company_id._check_uses_billing()
        if self.state != "draft":
            raise UserError(self.env._("%s was applied already.", self.display_name))

    # === BUSINESS

    def _find_lines(self):
        """The lines to index: they run on the day before the new prices and on their first day, and cost something.

        What starts on the day itself or later was agreed at its own price; that also holds for what an earlier
        indexation of the same day changed.
        """
        return self.env["sale.subscription.line"].search(self._get_line_domain(), order="sale_subscription_id, id")

    def _get_line_domain(self):
        day = self.date
        subscription = (
            Domain("company_id", "=", self.company_id.id)
            & Domain("active", "=", True)
            & Domain("stage_id.type", "in", ("pre", "in_progress"))
            & Domain("template_id.billing_cycle", "!=", False)
            & (Domain("date", "=", False) | Domain("date", ">", day))
            & Domain("date_start", "<", day)
        )
        if self.template_ids:
            subscription &= Domain("template_id", "in", self.template_ids.ids)
        if self.partner_ids:
            subscription &= Domain("partner_id", "child_of", self.partner_ids.commercial_partner_id.ids)
        domain = (
            Domain("sale_subscription_id", "any", subscription)
            & (Domain("date_start", "=", False) | Domain("date_start", "<", day))
            & (Domain("date_end", "=", False) | Domain("date_end", ">", day))
            & Domain("price_unit", "!=", 0)
        )
        if self.category_ids:
            domain &= Domain("product_id.categ_id", "child_of", self.category_ids.ids)
        if self.product_ids:
            domain &= Domain("product_id", "in", self.product_ids.ids)
        return domain

    def _prepare_line(self, line):
        """Values of the row for a subscription line, but for the price that the user may have chosen."""
        return {
            "subscription_line_id": line.id,
            "subscription_id": line.sale_subscription_id.id,
            "product_id": line.product_id.id,
            "name": line.name,
            "quantity": line.product_uom_qty,
            "discount": line.discount,
            "date_end": line._get_stop(),
            "price_old": line.price_unit,
            "price_proposed": line._get_indexed_price(self.percentage),
        }

    def _get_billed_beyond(self, lines):
        """Those of ``lines`` that were billed for days from the first day of the new prices on."""
        charges = self.env["bfocused.billing.charge"].search_fetch(
            [
                ("subscription_line_id", "in", lines.ids),
                ("state", "!=", "void"),
                ("is_credit", "=", False),
                ("period_end", ">=", self.date),
            ],
            ["subscription_line_id"],
        )
        return charges.subscription_line_id

    def _tell_subscriptions(self):
        """A note in the chatter of each subscription with a new price, all at once (T22)."""
        note = self.env._(
            "%(reason)s. New prices from %(date)s.",
            reason=self.reason,
            date=format_date(self.env, self.date, date_format="d MMMM y"),
        )
        subscriptions = self.line_ids.filtered("successor_id").subscription_id
        subscriptions._message_log_batch(bodies=dict.fromkeys(subscriptions.ids, note))
