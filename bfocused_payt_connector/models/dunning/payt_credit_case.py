from odoo import api, fields, models
from odoo.exceptions import UserError

from ...const import CREDIT_CASE_STEPS
from ...handlers.payload import read_moment

STAGES = [
    ("started", "Started"),
    ("summons", "Summons"),
    ("notice_of_default", "Notice of default"),
    ("pre_judicial", "Pre-judicial"),
    ("bailiff", "Bailiff"),
    ("closed", "Closed"),
    ("deleted", "Deleted at PAYT"),
]
# the last of these that happened
STAGE_OF_STEP = (
    ("forwarded_to_bailiff_at", "bailiff"),
    ("pre_judicial_at", "pre_judicial"),
    ("notice_of_default_at", "notice_of_default"),
    ("summons_4_at", "summons"),
    ("summons_3_at", "summons"),
    ("summons_2_at", "summons"),
    ("summons_1_at", "summons"),
)


class PaytCreditCase(models.Model):
    """The collection of invoices of one customer by PAYT, with its costs and interest.

    PAYT says of an invoice in which case it is, not of a case which invoices it has: so a case may be known by its id
    only, until PAYT's record of it is followed.
    """

    _name = "payt.credit.case"
    _description = "PAYT Credit Case"
    _order = "started_at desc, id desc"
    _check_company_auto = True

    backend_id = fields.Many2one(
        "payt.backend", string="Connection", required=True, index=True, ondelete="cascade", readonly=True
    )
    company_id = fields.Many2one(related="backend_id.company_id", store=True, index=True)
    payt_id = fields.Char(string="PAYT's id", required=True, readonly=True)
    name = fields.Char(string="Number", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", index="btree_not_null", readonly=True)
    move_ids = fields.Many2many(
        "account.move", "payt_credit_case_move_rel", "case_id", "move_id", string="Invoices", readonly=True
    )
    event_ids = fields.One2many("payt.event", "credit_case_id", string="Timeline")
    currency_id = fields.Many2one("res.currency", readonly=True)
    collection_costs = fields.Monetary(readonly=True)
    interest = fields.Monetary(readonly=True)
    open_costs = fields.Monetary(
        string="Open costs and interest", readonly=True, help="Collection costs and interest that aren't paid yet."
    )
    total_amount = fields.Monetary(string="Total", readonly=True, help="The invoices, costs and interest.")
    open_amount = fields.Monetary(string="Open", readonly=True, help="The invoices, costs and interest.")
    started_at = fields.Datetime(string="Started", readonly=True)
    pre_summons_at = fields.Datetime(string="Notice of debt collection", readonly=True)
    summons_1_at = fields.Datetime(string="First summons", readonly=True)
    summons_2_at = fields.Datetime(string="Second summons", readonly=True)
    summons_3_at = fields.Datetime(string="Third summons", readonly=True)
    summons_4_at = fields.Datetime(string="Fourth summons", readonly=True)
    notice_of_default_at = fields.Datetime(string="Notice of default", readonly=True)
    pre_judicial_at = fields.Datetime(string="Pre-judicial phase", readonly=True)
    forwarded_to_bailiff_at = fields.Datetime(string="Handed to the bailiff", readonly=True)
    paused_at = fields.Datetime(string="Paused", readonly=True)
    deactivated_at = fields.Datetime(string="Closed", readonly=True)
    deleted_at = fields.Datetime(string="Deleted at PAYT", readonly=True)
    stage = fields.Selection(STAGES, compute="_compute_stage", store=True)
    active = fields.Boolean(compute="_compute_stage", store=True)
    url = fields.Char(string="Page at PAYT", readonly=True)
    public_url = fields.Char(
        string="Page for the customer",
        readonly=True,
        help="Where the customer sees and pays the case. Whoever has this address needs no password.",
    )

    _case_once = models.UniqueIndex("(backend_id, payt_id)", "This credit case is known already.")

    # === COMPUTE

    @api.depends("deleted_at", "deactivated_at", *(name for name, _stage in STAGE_OF_STEP))
    def _compute_stage(self):
        for case in self:
            ended = (case.deleted_at and "deleted") or (case.deactivated_at and "closed")
            reached = (stage for name, stage in STAGE_OF_STEP if case[name])
            case.stage = ended or next(reached, "started")
            case.active = not ended

    @api.depends("name", "payt_id")
    def _compute_display_name(self):
        for case in self:
            case.display_name = case.name or case.payt_id

    # === ACTIONS

    def action_open_payt(self):
        """The case's page at PAYT."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.url, "target": "new"}

    # === BUSINESS

    @api.model
    def _get_values(self, backend, payload):
        """PAYT's credit case as ours.

        :raise UserError: for a currency that isn't known
        """
        name = payload.get("currency_code") or ""
        currency = self.env["res.currency"].with_context(active_test=False).search([("name", "=", name)], limit=1)
        if not currency:
            raise UserError(self.env._("PAYT's credit case is in %s, a currency that isn't known here.", name))
        costs, interest = (_number(payload.get(field)) for field in ("debt_collection_costs", "interest_costs"))
        still_open = payload.get("open_interest_and_collection_costs")
        moments = {field: read_moment(payload.get(field)) or False for field, _kind in CREDIT_CASE_STEPS}
        return {
            **moments,
            "name": payload.get("credit_case_number") or payload.get("case_number"),
            "currency_id": currency.id,
            "collection_costs": costs,
            "interest": interest,
            "open_costs": costs + interest if still_open in (None, "") else _number(still_open),
            "total_amount": _number(payload.get("total_amount")),
            "open_amount": _number(payload.get("open_amount")),
            "paused_at": read_moment(payload.get("paused_at")) or False,
            "url": payload.get("deeplink_url") or False,
            "public_url": payload.get("public_url") or False,
            # listed again: it isn't deleted
            "deleted_at": False,
        }


def _number(text):
    return float(text or 0)
