from odoo import api, fields, models
from odoo.tools import SQL

from ...transactions import undoable


class ResPartner(models.Model):
    """Billing a customer now, and the limit on what is unbilled (R4: "or as usage demands")."""

    _inherit = "res.partner"

    billing_limit_rule = fields.Selection(
        selection=[("own", "A limit of its own"), ("never", "No limit")],
        string="Limit on what is unbilled",
        company_dependent=True,
        help="Empty: the limit in the settings. Set on the company the customer belongs to.",
    )
    billing_limit_own = fields.Float(
        string="Own limit",
        company_dependent=True,
        digits="Product Price",
        help="Calls and hours so far, excluding VAT, in the company's currency. 0: no limit.",
    )
    billing_limit = fields.Monetary(
        string="Limit that holds",
        compute="_compute_billing_limit",
        help="A customer whose calls and hours so far come to more is billed before the month turn.",
    )
    unbilled_amount = fields.Monetary(
        string="Unbilled so far",
        compute="_compute_unbilled_amount",
        help="Calls and hours that are on no invoice yet, excluding VAT, in the company's currency.",
    )

    # === COMPUTE

    @api.depends("billing_limit_rule", "billing_limit_own")
    @api.depends_context("company")
    def _compute_billing_limit(self):
        for partner in self:
            partner.billing_limit = partner._get_billing_limit(self.env.company)

    @api.depends_context("company")
    def _compute_unbilled_amount(self):
        amounts = self._get_unbilled_amounts(self.env.company, self.commercial_partner_id)
        for partner in self:
            partner.unbilled_amount = amounts.get(partner.commercial_partner_id.id, 0.0)

    # === ACTIONS

    def action_bill_now(self):
        """Open a run of these customers, with what it would bill today."""
        return self.env["bfocused.billing.run"]._open_interim(self.env.company, self.commercial_partner_id)

    # === BUSINESS

    def _get_billing_limit(self, company):
        """The limit on what is unbilled that holds for this customer; 0 when there is none (R4)."""
        customer = self.commercial_partner_id.with_company(company)
        if customer.billing_limit_rule == "own":
            return customer.billing_limit_own
        return 0.0 if customer.billing_limit_rule == "never" else company.billing_limit_amount

    @api.model
    def _find_over_limit(self, company):
        """The customers of whom more is unbilled than their limit.

        :return: dict of the unbilled amount by ``res.partner`` record, in the company's currency
        """
        amounts = self._get_unbilled_amounts(company)
        customers = self.browse(amounts)
        limits = {customer: customer._get_billing_limit(company) for customer in customers}
        return {
            customer: amounts[customer.id]
            for customer, limit in limits.items()
            if limit > 0 and company.currency_id.compare_amounts(amounts[customer.id], limit) > 0
        }

    @api.model
    def _get_unbilled_amounts(self, company, customers=None):
        """What calls and hours so far come to that are on no invoice, excluding VAT, in one query for all.

        :param company: ``res.company`` record
        :param customers: ``res.partner`` records, commercial entities; all when left out
        :return: dict of amount in the company's currency by id of the commercial entity that pays
        """
        if customers is not None and not customers.ids:
            return {}
        self.env.flush_all()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT payer.commercial_partner_id, sum(unbilled.amount)
                  FROM (%s UNION ALL %s) AS unbilled
                  JOIN res_partner AS payer ON payer.id = unbilled.partner_id
                 WHERE %s
              GROUP BY payer.commercial_partner_id
                HAVING sum(unbilled.amount) <> 0
                """,
                self._get_unbilled_calls(company),
                self._get_unbilled_hours(company),
                SQL("TRUE") if customers is None else SQL("payer.commercial_partner_id IN %s", tuple(customers.ids)),
            )
        )
        return {partner_id: company.currency_id.round(float(amount)) for partner_id, amount in rows}

    @api.model
    def _get_unbilled_calls(self, company):
        """Query of calls on no invoice: the address they are billed to, and their amount."""
        return SQL(
            """
            SELECT COALESCE(subscription.partner_invoice_id, subscription.partner_id, number.partner_id) AS partner_id,
                   charge.amount_untaxed::numeric AS amount
              FROM bfocused_billing_charge AS charge
              JOIN bfocused_usage_number AS number ON number.id = charge.usage_number_id
         LEFT JOIN sale_subscription AS subscription ON subscription.id = number.subscription_id
             WHERE charge.company_id = %s AND charge.kind = 'usage' AND charge.state = 'open' AND charge.usage_calls > 0
            """,
            company.id,
        )

    @api.model
    def _get_unbilled_hours(self, company):
        """Query of hours on no invoice, of orders that runs bill: the address they are billed to, and their amount."""
        today = fields.Date.context_today(self)
        orders = self.env["sale.order"].sudo()
        query = orders._search(orders._get_billable_domain(company, today))
        return SQL(
            """
            SELECT sale.partner_invoice_id AS partner_id,
                   (line.untaxed_amount_to_invoice / COALESCE(NULLIF(sale.currency_rate, 0), 1))::numeric AS amount
              FROM sale_order_line AS line
              JOIN sale_order AS sale ON sale.id = line.order_id
             WHERE line.qty_delivered_method = 'timesheet' AND line.untaxed_amount_to_invoice <> 0
               AND sale.id IN (%s)
            """,
            query.select(),
        )

    def _preview_billing(self, company, date=None):
        """What a run of this customer alone would bill on ``date``: the run itself, undone.

        For screens of one customer; it writes nothing, so it can be called while a page is shown.

        :param company: ``res.company`` that bills
        :param date: date of the run; today when left out
        :return: list of dicts: values of ``bfocused.billing.run.line``, and ``lines``, a list of dicts with the name,
            the days and the untaxed amount of each invoice line
        """
        runs = self.env["bfocused.billing.run"].with_company(company)
        with undoable(self.env.cr) as undo:
            customer = self.commercial_partner_id
            run = runs._make_interim(company, customer, date or fields.Date.context_today(self))
            run._settle_before_collecting(customer)
            rows = [dict(row, lines=run._get_previewed_lines(row)) for row in run._bill(customer)]
            undo()
        self.env.invalidate_all(flush=False)
        return [dict(row, move_id=False) for row in rows]

    def _ask_for_interim_bill(self, company, amounts):
        """Put one activity on each customer who is over the limit, unless one is open.

        :param amounts: dict of the unbilled amount by customer
        """
        kind = self.env.ref("bfocused_billing.mail_activity_over_limit")
        domain = [("res_model", "=", self._name), ("res_id", "in", self.ids), ("activity_type_id", "=", kind.id)]
        asked = set(self.env["mail.activity"].sudo().search(domain).mapped("res_id"))
        for customer in self.filtered(lambda partner: partner.id not in asked):
            user = customer._get_over_limit_user(company)
            localized = customer.with_context(lang=user.lang)
            amount = company.currency_id.with_context(lang=user.lang).format(amounts[customer])
            localized.activity_schedule(
                "bfocused_billing.mail_activity_over_limit",
                summary=localized.env._("Over the limit: bill now?"),
                note=localized.env._(
                    "Calls and hours so far come to %(amount)s at %(company)s. Bill now on the customer shows the "
                    "invoice; the month turn bills what is left.",
                    amount=amount,
                    company=company.name,
                ),
                user_id=user.id,
            )

    def _get_over_limit_user(self, company):
        """Who is asked: the customer's salesperson, or else a billing manager of the company."""
        managers = self.env.ref("bfocused_billing.group_billing_manager").sudo().all_user_ids.sorted("id")
        robot = self.env.ref("base.user_root")
        people = (self.user_id + managers).filtered(
            lambda user: user.active and user != robot and company in user.company_ids
        )
        return people[:1] or robot
