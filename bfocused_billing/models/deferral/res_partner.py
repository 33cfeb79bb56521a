from odoo import api, fields, models


class ResPartner(models.Model):
    _inherit = "res.partner"

    mandate_status = fields.Selection(
        selection=[
            ("none", "No mandate"),
            ("draft", "Not signed"),
            ("valid", "Valid"),
            ("expired", "Expired"),
            ("cancel", "Cancelled"),
        ],
        compute="_compute_mandate_status",
        help="State of the customer's best direct-debit mandate for the current company.",
    )
    # read of all customers of a run at once; one per account would leave those of contacts out
    entity_mandate_ids = fields.One2many(
        comodel_name="account.banking.mandate",
        inverse_name="commercial_partner_id",
        string="Mandates of the customer",
        groups="base.group_user",
    )
    billing_deferral = fields.Selection(
        selection=[
            ("never", "Never: send each invoice"),
            ("always", "Always: one invoice a quarter"),
        ],
        string="Wait for the quarter turn",
        company_dependent=True,
        help="Empty: invoices under the company's minimum amount wait. Set on the company the customer belongs to.",
    )
    deferred_amount = fields.Monetary(
        string="Deferred invoices",
        compute="_compute_deferred_amount",
        help="Total, VAT included, of the invoices that wait for the quarter turn, in the company's currency.",
    )

    # === COMPUTE

    @api.depends("commercial_partner_id.entity_mandate_ids.state")
    @api.depends_context("company")
    def _compute_mandate_status(self):
        for partner in self:
            partner.mandate_status = partner._get_billing_mandate(self.env.company).state or "none"

    @api.depends_context("company")
    def _compute_deferred_amount(self):
        commercial = self.commercial_partner_id
        totals = dict(
            self.env["account.move"]
            .sudo()
            ._read_group(
                [
                    ("company_id", "=", self.env.company.id),
                    ("deferral_state", "=", "deferred"),
                    ("state", "=", "draft"),
                    ("commercial_partner_id", "in", commercial.ids),
                ],
                groupby=["commercial_partner_id"],
                aggregates=["amount_total_signed:sum"],
            )
        )
        for partner in self:
            partner.deferred_amount = totals.get(partner.commercial_partner_id, 0.0)

    # === BUSINESS

    def _get_billing_mandate(self, company):
        """The mandate this customer's subscriptions are collected with.

        That is the most recently signed usable mandate of the commercial entity; without one, the mandate that comes
        nearest to it, so that can be said what is wrong with it.

        :param company: ``res.company`` whose mandate it is
        :return: ``account.banking.mandate``, maybe empty
        """
        self.ensure_one()
        theirs = self.sudo().commercial_partner_id.entity_mandate_ids
        mandates = theirs.filtered(lambda mandate: mandate.company_id == company)
        # filtered() forgets the mandates of the run's other customers, whose accounts are read with these
        mandates = mandates.with_prefetch(theirs._prefetch_ids)
        ranks = {"valid": 3, "draft": 2, "expired": 1}
        # max() of the empty recordset has no value; ids decide between mandates of one day.
        return max(
            mandates,
            key=lambda mandate: (
                not mandate._get_mandate_problem(),
                ranks.get(mandate.state, 0),
                mandate.signature_date or fields.Date.to_date("1900-01-01"),
                mandate.id,
            ),
            default=mandates,
        )

    def _get_mandate_problem(self, company, mandate):
        """Why nothing can be collected from this customer with a mandate, as a sentence in the user's language.

        :param company: ``res.company`` that would collect
        :param mandate: ``account.banking.mandate``, maybe empty
        :return: ``False`` when the mandate is usable
        """
        self.ensure_one()
        payer = self.commercial_partner_id
        if not mandate:
            return self._get_missing_mandate_problem(company)
        reference = mandate.unique_mandate_reference
        owner = mandate.sudo().partner_id.commercial_partner_id
        if owner != payer:
            return self.env._(
                "Mandate %(mandate)s was signed by %(owner)s, not by %(payer)s.",
                mandate=reference,
                owner=owner.name,
                payer=payer.name,
            )
        if mandate.company_id != company:
            return self.env._(
                "Mandate %(mandate)s was signed for %(other)s, not for %(company)s.",
                mandate=reference,
                other=mandate.sudo().company_id.name,
                company=company.name,
            )
        return mandate._get_mandate_problem()

    def _get_missing_mandate_problem(self, company):
        """The sentence for a customer without any mandate for ``company``."""
        payer = self.commercial_partner_id
        companies = self.sudo().commercial_partner_id.entity_mandate_ids.company_id
        if companies and company not in companies:
            return self.env._(
                "The mandates of %(payer)s are for another company than %(company)s.",
                payer=payer.name,
                company=company.name,
            )
        return self.env._("No direct-debit mandate. Ask %s to sign one.", payer.name)

    # === POSTING IN BULK

    def _increase_rank(self, field, n=1):
        # EXTENDS 'account': within a batch, first counted and then done together
        batch = self.env.context.get("billing_posting_batch")
        if not batch:
            return super()._increase_rank(field, n)
        for partner in self:
            batch.ranks[field][partner.id] += n
        return None

    @api.model
    def _increase_ranks(self, ranks):
        """Increase the ranks of partners as Odoo does one by one: those who have none now, the others at the commit.

        :param ranks: dict of field name to dict of partner id to number
        """
        for field, numbers in ranks.items():
            for number in set(numbers.values()):
                partners = self.browse(partner for partner, its in numbers.items() if its == number).sudo()
                ranked = partners.filtered(field)
                ranked._increase_rank(field, number)
                (partners - ranked).write({field: number})
