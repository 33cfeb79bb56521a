import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import float_compare, format_date

from ...periods import MONTHS_PER_CYCLE
from ...tools import changed_values
from ...transactions import process_isolated

_logger = logging.getLogger(__name__)

PRICE_DECIMALS = 10  # prices that are the same in these are the same: unit prices may be parts of a cent


class SubscriptionIndexationLine(models.Model):
    """One subscription line in an indexation: what it costs, what it will cost, and what came of it."""

    _name = "bfocused.subscription.indexation.line"
    _description = "Line of an Indexation"
    _order = "indexation_id desc, partner_id, subscription_id, id"

    indexation_id = fields.Many2one(
        "bfocused.subscription.indexation", required=True, index=True, ondelete="cascade", readonly=True
    )
    company_id = fields.Many2one(related="indexation_id.company_id", store=True, index=True)
    subscription_line_id = fields.Many2one(
        "sale.subscription.line", string="Line", index="btree_not_null", ondelete="set null", readonly=True
    )
    subscription_id = fields.Many2one("sale.subscription", required=True, ondelete="cascade", readonly=True)
    partner_id = fields.Many2one(related="subscription_id.partner_id", string="Customer", store=True)
    template_id = fields.Many2one(related="subscription_id.template_id", string="Billing cycle")
    currency_id = fields.Many2one(related="subscription_id.currency_id", store=True)
    product_id = fields.Many2one("product.product", readonly=True)
    name = fields.Char(string="Description", readonly=True)
    quantity = fields.Float(min_display_digits="Product Unit", readonly=True)
    discount = fields.Float(string="Discount (%)", digits="Discount", readonly=True)
    date_end = fields.Date(string="Ends on", readonly=True, help="First day that is no longer billed.")
    price_old = fields.Float(string="Old price", min_display_digits="Product Price", readonly=True)
    price_proposed = fields.Float(
        string="Indexed price",
        min_display_digits="Product Price",
        readonly=True,
        help="The old price and the percentage, rounded to cents or to as many decimals as the old price has.",
    )
    price_unit = fields.Float(
        string="New price",
        min_display_digits="Product Price",
        help="Per unit and billing cycle. Change it where something else was agreed.",
    )
    cycle_difference = fields.Monetary(
        string="Difference per cycle", compute="_compute_differences", store=True, help="Excluding VAT."
    )
    year_difference = fields.Monetary(
        string="Difference per year", compute="_compute_differences", store=True, help="Excluding VAT."
    )
    is_billed = fields.Boolean(
        string="Billed already",
        readonly=True,
        help="Days from the first day of the new prices on were billed: they are credited and charged anew.",
    )
    excluded = fields.Boolean(string="Leave out", help="The price of this line stays as it is.")
    state = fields.Selection(
        [("pending", "To do"), ("applied", "Applied"), ("skipped", "Skipped")],
        default="pending",
        required=True,
        readonly=True,
    )
    message = fields.Char(string="Reason", readonly=True, help="Why the price wasn't changed.")
    successor_id = fields.Many2one(
        "sale.subscription.line",
        string="New line",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        help="The line with the new price.",
    )

    _once = models.UniqueIndex(
        "(indexation_id, subscription_line_id)", "A line can be indexed only once by the same indexation."
    )
    _price_keeps_its_sign = models.Constraint(
        "CHECK (price_unit * price_old >= 0)", "A new price can't be less than zero, that of a discount not more."
    )

    # === COMPUTE

    @api.depends("price_old", "price_unit", "quantity", "discount", "subscription_id.template_id.billing_cycle")
    def _compute_differences(self):
        for row in self:
            currency = row.currency_id or row.company_id.currency_id
            old, new = (
                currency.round(price * row.quantity * (1 - row.discount / 100))
                for price in (row.price_old, row.price_unit)
            )
            cycle = row.subscription_id.template_id.billing_cycle
            row.cycle_difference = new - old
            row.year_difference = (new - old) * (12 // MONTHS_PER_CYCLE[cycle]) if cycle else 0.0

    # === CRUD

    def write(self, vals):
        if vals.keys() & {"price_unit", "excluded"} and any(row.indexation_id.state == "done" for row in self):
            raise UserError(self.env._("An indexation that was applied stays as it is. Make a new one."))
        return super().write(vals)

    # === ACTIONS

    def action_open(self):
        """Open the subscription."""
        self.ensure_one()
        return self.subscription_id._get_records_action()

    # === BUSINESS

    def _refresh(self, values):
        """Take over what the subscription line says now; a price the user chose stays.

        :param values: from ``_prepare_line`` of the indexation
        """
        self.ensure_one()
        is_chosen = float_compare(self.price_unit, self.price_proposed, precision_digits=PRICE_DECIMALS)
        chosen = {} if is_chosen else {"price_unit": values["price_proposed"]}
        self.write({**values, **chosen})

    def _apply(self):
        """Let a line with the new price take over from each of these lines that is still as it was previewed."""
        pending = self.filtered(lambda row: row.state == "pending" and not row.successor_id)
        problems = {row: row._get_problem() for row in pending}
        for row, problem in problems.items():
            if problem:
                row._skip(problem)
        pending.filtered(lambda row: not problems[row])._change_prices()

    def _change_prices(self):
        """Change the lines together; one that can't be changed says why."""
        process_isolated(
            self.env.cr,
            self,
            lambda rows: rows._change_prices_at_once(),
            lambda row, error: row._skip(row._get_error_message(error)),
        )

    def _change_prices_at_once(self):
        indexation = self.indexation_id
        successors = self.env["sale.subscription.line"]._change_each(
            indexation.date,
            {row.subscription_line_id: {"price_unit": row.price_unit} for row in self},
            indexation.reason,
        )
        self.state = "applied"
        for row, successor in zip(self, successors, strict=True):
            row.successor_id = successor

    def _skip(self, problem):
        self.write({"state": "skipped", "message": problem})

    def _get_error_message(self, error):
        if isinstance(error, UserError):
            return str(error)
        _logger.error("Subscription line %s could not be indexed", self.subscription_line_id.id, exc_info=error)
        return self.env._("Unexpected error: %s", error)

    def _get_problem(self):
        """Why this line can't be changed, as a sentence in the user's language; ``False`` when it can."""
        self.ensure_one()
        line, day = self.subscription_line_id, self.indexation_id.date
        if not line:
            return self.env._("The line was removed.")
        if not line.sale_subscription_id.active or line.sale_subscription_id.stage_type == "post":
            return self.env._("The subscription was closed.")
        stop = line._get_stop()
        if stop and stop <= day:
            return self.env._("It ends, or was changed, on %s.", format_date(self.env, stop))
        if changed_values(line, self._prepare_previewed()) or (stop or False) != self.date_end:
            return self.env._("It was changed since the preview.")
        if not float_compare(self.price_unit, self.price_old, precision_digits=PRICE_DECIMALS):
            return self.env._("The price stays the same.")
        return False

    def _prepare_previewed(self):
        """What the subscription line has to say still for the preview to be true."""
        return {
            "product_id": self.product_id.id,
            "product_uom_qty": self.quantity,
            "discount": self.discount,
            "price_unit": self.price_old,
        }
