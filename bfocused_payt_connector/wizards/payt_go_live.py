from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import split_every

HAND_OVER_SIZE = 100  # records that a job hands over


class PaytGoLive(models.TransientModel):
    """Hand existing customers and open invoices over to PAYT, after a look at what is in the way."""

    _name = "payt.go.live"
    _description = "Hand over to PAYT"

    company_id = fields.Many2one(
        comodel_name="res.company", required=True, readonly=True, default=lambda self: self.env.company
    )
    send_unsent = fields.Boolean(
        string="PAYT sends what was never sent",
        help="Otherwise PAYT takes all of them as sent on their own date, and only follows them up.",
    )
    line_ids = fields.One2many(comodel_name="payt.go.live.line", inverse_name="wizard_id", readonly=True)
    customer_count = fields.Integer(string="Customers", compute="_compute_counts")
    invoice_count = fields.Integer(string="Open invoices", compute="_compute_counts")
    problem_count = fields.Integer(string="With a problem", compute="_compute_counts")
    is_handed_over = fields.Boolean(readonly=True)

    # === COMPUTE

    @api.depends("line_ids")
    def _compute_counts(self):
        for wizard in self:
            lines = wizard.line_ids
            wizard.customer_count = len(lines.filtered(lambda line: line.kind == "customer"))
            wizard.invoice_count = len(lines) - wizard.customer_count
            wizard.problem_count = len(lines.filtered("problem"))

    # === ACTIONS

    def action_preview(self):
        """List what would go to PAYT, with the problems of each."""
        self.ensure_one()
        backend = self._get_backend()
        moves = self._get_moves()
        customers = self._get_customers(moves)
        problems = {customer: customer._get_payt_problem(backend) for customer in customers}
        lines = [
            {"kind": "customer", "partner_id": customer.id, "problem": problem or False}
            for customer, problem in problems.items()
        ]
        for move in moves:
            debtor = move.commercial_partner_id
            problem = self.env._("Its customer has a problem.") if problems.get(debtor) else move._get_payt_problem()
            lines.append({"kind": "invoice", "partner_id": debtor.id, "move_id": move.id, "problem": problem or False})
        self.line_ids = [Command.clear(), *(Command.create(values) for values in lines)]
        return self._get_records_action(target="new")

    def action_hand_over(self):
        """Leave what has no problem to jobs, which put it into the outbox."""
        self.ensure_one()
        self._get_backend()
        good = self.line_ids.filtered(lambda line: not line.problem)
        if not good:
            raise UserError(self.env._("There is nothing to hand over. Have a look first."))
        customers = good.filtered(lambda line: line.kind == "customer").partner_id
        for ids in split_every(HAND_OVER_SIZE, customers.ids):
            partners = self.env["res.partner"].with_company(self.company_id).browse(ids)
            partners.with_delay(description=self.env._("Hand customers over to PAYT"))._job_hand_to_payt()
        for ids in split_every(HAND_OVER_SIZE, good.move_id.ids):
            moves = self.env["account.move"].browse(ids)
            description = self.env._("Hand open invoices over to PAYT")
            moves.with_delay(description=description)._job_hand_to_payt(self.send_unsent)
        self.is_handed_over = True
        return self._get_records_action(target="new")

    # === BUSINESS

    def _get_backend(self):
        self.env["payt.go.live"].check_access("write")
        backend = self.company_id._get_payt_backend()
        if not backend:
            raise UserError(self.env._("%s has no connection with PAYT.", self.company_id.name))
        return backend

    def _get_moves(self):
        """Open invoices and credit notes, of customers that are sent by PAYT, that PAYT doesn't know."""
        moves = self.env["account.move"].search(
            [
                ("company_id", "=", self.company_id.id),
                ("state", "=", "posted"),
                ("move_type", "in", ("out_invoice", "out_refund")),
                ("payment_state", "in", ("not_paid", "partial", "in_payment")),
                ("payt_state", "in", (False, "none", "error")),
            ],
            order="invoice_date, id",
        )
        return moves.filtered(lambda move: move.commercial_partner_id._is_sent_by_payt(self.company_id))

    def _get_customers(self, moves):
        """Those with open invoices, with a mandate or with a subscription, unless PAYT knows them."""
        company = [("company_id", "=", self.company_id.id)]
        mandates = self.env["account.banking.mandate"].search([*company, ("state", "=", "valid")])
        subscriptions = self.env["sale.subscription"].search([*company, ("stage_id.type", "!=", "post")])
        partners = moves.partner_id | mandates.partner_id | subscriptions.partner_id
        return partners.commercial_partner_id.with_company(self.company_id).filtered(
            lambda partner: (
                partner._is_sent_by_payt(self.company_id) and partner.payt_debtor_state in (False, "none", "error")
            )
        )
