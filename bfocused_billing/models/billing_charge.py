from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date


class BillingCharge(models.Model):
    """The ledger: one row per thing charged per period.

    The database itself refuses a second charge of the same days, whatever runs at the same time. A charge follows its
    invoice line: drafted, billed, and void when that line or its invoice goes, which frees its days to be billed again.
    """

    _name = "bfocused.billing.charge"
    _description = "Billing Charge"
    _order = "period_start desc, id desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True)
    currency_id = fields.Many2one("res.currency", required=True)
    kind = fields.Selection(
        selection=[
            ("subscription", "Subscription"),
            ("usage", "Usage"),
            ("sale", "Order"),
            ("adjustment", "Adjustment"),
        ],
        required=True,
        default="subscription",
    )
    partner_id = fields.Many2one("res.partner", string="Customer", required=True, index=True, ondelete="restrict")
    subscription_line_id = fields.Many2one(
        "sale.subscription.line", index="btree_not_null", ondelete="restrict", check_company=True
    )
    subscription_id = fields.Many2one(related="subscription_line_id.sale_subscription_id", store=True, index=True)
    product_id = fields.Many2one(related="subscription_line_id.product_id")
    period_start = fields.Date(required=True, string="First day")
    period_end = fields.Date(required=True, string="Last day")
    amount_untaxed = fields.Monetary(
        string="Untaxed amount",
        compute="_compute_amount_untaxed",
        store=True,
        readonly=False,
        help="What was charged, excluding VAT.",
    )
    state = fields.Selection(
        selection=[("open", "Open"), ("drafted", "Draft invoice"), ("billed", "Billed"), ("void", "Void")],
        compute="_compute_state",
        store=True,
        index=True,
        help="Draft invoice: on an invoice that isn't posted. Billed: on a posted invoice. "
        "Void: the invoice was cancelled or deleted, so the period can be billed again.",
    )
    move_line_id = fields.Many2one(
        "account.move.line", string="Invoice line", index="btree_not_null", ondelete="set null", copy=False
    )
    move_id = fields.Many2one(related="move_line_id.move_id", string="Invoice", store=True, index="btree_not_null")
    run_id = fields.Many2one("bfocused.billing.run", string="Billing run", index="btree_not_null", ondelete="set null")

    _billed_once = models.UniqueIndex(
        "(subscription_line_id, kind, period_start) WHERE state <> 'void' AND subscription_line_id IS NOT NULL",
        "This period was billed already.",
    )
    _no_overlap = models.Constraint(
        "EXCLUDE USING gist ("
        "int4range(subscription_line_id, subscription_line_id, '[]') WITH &&, "
        "daterange(period_start, period_end, '[]') WITH &&"
        ") WHERE (kind = 'subscription' AND state <> 'void' AND subscription_line_id IS NOT NULL)",
        "A part of this period was billed already.",
    )
    _period_order = models.Constraint("CHECK (period_start <= period_end)", "A charge can't end before it starts.")

    # === COMPUTE

    @api.depends("move_line_id.parent_state")
    def _compute_state(self):
        states = {"draft": "drafted", "posted": "billed", "cancel": "void"}
        for charge in self:
            if charge.move_line_id:
                charge.state = states[charge.move_line_id.parent_state]
            else:
                # A subscription's days are found again by its dates; other charges wait in the ledger itself.
                charge.state = "void" if charge.kind == "subscription" else "open"

    @api.depends("move_line_id.price_subtotal")
    def _compute_amount_untaxed(self):
        for charge in self:
            # a void charge keeps what it was
            charge.amount_untaxed = charge.move_line_id.price_subtotal if charge.move_line_id else charge.amount_untaxed

    @api.depends("kind", "product_id", "period_start", "period_end")
    def _compute_display_name(self):
        kinds = dict(self._fields["kind"]._description_selection(self.env))
        for charge in self:
            what = charge.product_id.display_name or kinds[charge.kind]
            start, end = (format_date(charge.env, day) for day in (charge.period_start, charge.period_end))
            charge.display_name = f"{what} {start} – {end}"

    # === CRUD

    @api.ondelete(at_uninstall=False)
    def _unlink_never(self):
        raise UserError(
            self.env._("The ledger of charges keeps what was billed. Cancel or delete the draft invoice instead.")
        )

    # === BUSINESS

    @api.model
    def _get_billed_periods(self, dues):
        """The live charges of the subscription lines of ``dues``, read from the database.

        :param dues: list of Due
        :return: list of (id of the subscription line, first day, last day)
        """
        lines = [due.line.id for due in dues]
        charges = self.search_fetch(
            [("subscription_line_id", "in", lines), ("kind", "=", "subscription"), ("state", "!=", "void")],
            ["subscription_line_id", "period_start", "period_end"],
        )
        return [(charge.subscription_line_id.id, charge.period_start, charge.period_end) for charge in charges]

    # === ACTIONS

    def action_open_invoice(self):
        self.ensure_one()
        return self.move_id._get_records_action(name=self.env._("Invoice"))
