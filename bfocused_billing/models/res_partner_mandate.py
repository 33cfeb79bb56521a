from odoo import fields, models
from odoo.fields import Domain


class ResPartner(models.Model):
    """Who needs a direct-debit mandate, and asking for a new one."""

    _inherit = "res.partner"

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

    def _request_new_mandate(self, reason):
        """Ask this customer to sign a new mandate for the current company; here, a person is told to do so.

        :param reason: why, as a sentence
        """
        self.ensure_one()
        user = self._get_mandate_user(self.env.company)
        told = self.with_context(lang=user.lang)
        told.commercial_partner_id.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=fields.Date.context_today(self),
            summary=told.env._("Ask for a new direct-debit mandate"),
            note=reason,
            user_id=user.id,
        )

    def _get_mandate_user(self, company):
        """Who looks after this customer's mandates: the salesperson, or else a billing manager of the company."""
        robot = self.env.ref("base.user_root")
        managers = self.env.ref("bfocused_billing.group_billing_manager").sudo().all_user_ids.sorted("id")
        users = (self.user_id + self.commercial_partner_id.user_id + managers).sudo()
        people = users.filtered(lambda user: user.active and user != robot and company in user.company_ids)
        return people[:1] or robot
