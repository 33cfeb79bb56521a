from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class ResPartner(models.Model):
    """Which direct-debit mandate a customer has, who needs one, and asking for a new one."""

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

    # === COMPUTE

    @api.depends("commercial_partner_id.entity_mandate_ids.state")
    @api.depends_context("company")
    def _compute_mandate_status(self):
        for partner in self:
            partner.mandate_status = partner._get_billing_mandate(self.env.company).state or "none"

    # === CRUD

    def write(self, vals):
        # EXTENDS 'base': it renames the holder of the accounts too, but a signed mandate keeps the holder who signed
        partners = self.with_context(billing_mandate_holder_kept=True) if "name" in vals else self
        return super(ResPartner, partners).write(vals)

    # === ACTIONS

    def action_send_mandate_request(self):
        """Mail this customer a link to the mandate form of the current company."""
        self.ensure_one()
        self.env["bfocused.mandate.request"].check_access("read")  # for those who may see what is asked
        request = self.env["bfocused.mandate.request"]._get_or_create_for(self, self.env.company)
        request._send()
        return request._notify_sent()

    # === BUSINESS

    def _get_billing_mandate(self, company):
        """The mandate this customer's subscriptions are collected with.

        That is the most recently signed usable mandate of the commercial entity; without one, the mandate that comes
        nearest to it, so that what is wrong with it can be said.

        :param company: ``res.company`` whose mandate it is
        :return: ``account.banking.mandate``, maybe empty
        """
        self.ensure_one()
        all_mandates = self.sudo().commercial_partner_id.entity_mandate_ids
        mandates = all_mandates.filtered(lambda mandate: mandate.company_id == company)
        # filtered() forgets the mandates of the run's other customers, whose accounts are read with these
        mandates = mandates.with_prefetch(all_mandates._prefetch_ids)
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
        :return: an empty text when the mandate is usable
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

    def _needs_mandate(self, company):
        """Whether ``company`` collects, or is going to collect, from this customer by direct debit."""
        self.ensure_one()
        payers = Domain("partner_id", "child_of", self.commercial_partner_id.id)
        running = payers & Domain("company_id", "=", company.id) & Domain("in_progress", "=", True)
        if self.env["sale.subscription"].sudo().search_count(running, limit=1):
            return True
        owed = Domain(
            [
                ("company_id", "=", company.id),
                ("commercial_partner_id", "=", self.commercial_partner_id.id),
                ("move_type", "=", "out_invoice"),
                ("state", "=", "posted"),
                ("payment_state", "in", ("not_paid", "partial")),
                ("payment_mode_id.payment_method_id.mandate_required", "=", True),
            ]
        )
        return bool(self.env["account.move"].sudo().search_count(owed, limit=1))

    def _request_new_mandate(self, reason, scheme=None):
        """Ask this customer to sign a new mandate for the current company: by mail, or else by a person.

        :param reason: why, as a sentence for staff
        :param scheme: ``CORE`` or ``B2B``; that of the present mandate when left out
        """
        self.ensure_one()
        if self.env.company.mandate_auto_request:
            try:
                return self._mail_mandate_request(reason, scheme)
            except UserError as error:
                reason = f"{reason} {error}"
        return self._schedule_mandate_request(reason)

    def _mail_mandate_request(self, reason, scheme):
        """Mail a link to the form, unless the customer has one that works.

        :raise UserError: when it can't be mailed
        """
        values = {"scheme": scheme} if scheme else {}
        with self.env.cr.savepoint():
            request = self.env["bfocused.mandate.request"]._get_or_create_for(self, self.env.company, **values)
            if not request._has_working_link():
                request._send()
            request.message_post(body=reason)

    def _schedule_mandate_request(self, reason):
        """Tell a person to ask this customer for a new mandate."""
        user = self._get_mandate_user(self.env.company)
        localized = self.with_context(lang=user.lang)
        localized.commercial_partner_id.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=fields.Date.context_today(self),
            summary=localized.env._("Ask for a new direct-debit mandate"),
            note=reason,
            user_id=user.id,
        )

    def _get_debit_payment_mode(self, company):
        """The direct-debit payment mode by which ``company`` collects from this customer; maybe empty."""
        mode = self.commercial_partner_id.with_company(company).customer_payment_mode_id
        return mode if mode.payment_method_id.mandate_required else company.billing_payment_mode_id

    def _get_mandate_user(self, company):
        """Who looks after this customer's mandates: the salesperson, or else a billing manager of the company."""
        robot = self.env.ref("base.user_root")
        managers = self.env.ref("bfocused_billing.group_billing_manager").sudo().all_user_ids.sorted("id")
        users = (self.user_id + self.commercial_partner_id.user_id + managers).sudo()
        people = users.filtered(lambda user: user.active and user != robot and company in user.company_ids)
        return people[:1] or robot
