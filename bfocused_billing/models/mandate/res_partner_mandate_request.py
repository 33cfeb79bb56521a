from odoo import fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain


class ResPartner(models.Model):
    """Who needs a direct-debit mandate, and asking for a new one."""

    _inherit = "res.partner"

    # === ACTIONS

    def action_send_mandate_request(self):
        """Mail this customer a link to the mandate form of the current company."""
        self.ensure_one()
        self.env["bfocused.mandate.request"].check_access("read")  # for those who may see what is asked
        request = self.env["bfocused.mandate.request"]._get_or_create_for(self, self.env.company)
        request._send()
        return request._notify_sent()

    # === BUSINESS

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
        """Ask this customer to sign a new mandate for the current company: by mail, or else a person is told to ask.

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
        told = self.with_context(lang=user.lang)
        told.commercial_partner_id.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=fields.Date.context_today(self),
            summary=told.env._("Ask for a new direct-debit mandate"),
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
