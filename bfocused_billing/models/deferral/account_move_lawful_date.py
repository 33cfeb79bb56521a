from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date


class AccountMove(models.Model):
    """Deferred invoices that the law wants to be sent: a list, and a warning before it is too late."""

    _inherit = "account.move"

    last_invoice_date = fields.Date(
        string="Last lawful invoice date",
        compute="_compute_last_invoice_date",
        store=True,
        help="Of a deferred invoice: the first day by which the law wants one of its lines to be invoiced.",
    )
    is_lawful_date_near = fields.Boolean(
        string="Lawful date near or passed",
        compute="_compute_is_lawful_date_near",
        search="_search_is_lawful_date_near",
        help="A deferred invoice that the law wants within the number of days of the settings, or that is late.",
    )
    deferral_warned = fields.Boolean(copy=False, readonly=True, help="Somebody was told that the lawful date is near.")

    # === COMPUTE

    @api.depends("deferral_state", "state", "invoice_line_ids.last_invoice_date")
    def _compute_last_invoice_date(self):
        for move in self:
            lines = move.invoice_line_ids if move._is_waiting() else move.invoice_line_ids.browse()
            move.last_invoice_date = min(filter(None, lines.mapped("last_invoice_date")), default=False)

    @api.depends("last_invoice_date", "company_id.billing_deferral_warning_days")
    def _compute_is_lawful_date_near(self):
        today = fields.Date.context_today(self)
        for move in self:
            last = move.last_invoice_date
            move.is_lawful_date_near = bool(last) and last <= today + move.company_id._get_deferral_warning_time()

    @api.model
    def _search_is_lawful_date_near(self, operator, value):
        if operator != "in":
            return NotImplemented
        today = fields.Date.context_today(self)
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        near = Domain.OR(
            Domain("company_id", "=", company.id)
            & Domain("last_invoice_date", "<=", today + company._get_deferral_warning_time())
            for company in companies
        )
        return near if True in value else ~near

    # === CRON

    @api.model
    def _cron_warn_deferred(self):
        """Put one activity on each deferred draft whose last lawful invoice date comes near, or has passed."""
        companies = self.env["res.company"].search([("use_billing", "=", True)])
        for number, company in enumerate(companies, start=1):
            domain = Domain(self._get_waiting_domain(company)) & Domain("deferral_warned", "=", False)
            moves = self.with_company(company).search(domain & Domain("is_lawful_date_near", "=", True))
            moves._warn_lawful_date()
            self.env["ir.cron"]._commit_progress(1, remaining=len(companies) - number)

    def _warn_lawful_date(self):
        """Tell the one responsible for each, in their own language; those of one day at once."""
        for (user, date), moves in self.grouped(
            lambda move: (move._get_deferral_user(), move.last_invoice_date)
        ).items():
            told = moves.with_context(lang=user.lang)
            told.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=date,
                summary=told.env._("Deferred invoice: send it in time"),
                note=told.env._(
                    "The law wants this invoice by %s. After that day it is late; Send anyway sends it now.",
                    format_date(told.env, date),
                ),
                user_id=user.id,
            )
        self.deferral_warned = True

    def _get_deferral_user(self):
        """Who is told: the salesperson, or else who made the run or the invoice, or else a billing manager."""
        self.ensure_one()
        managers = self.env.ref("bfocused_billing.group_billing_manager").sudo().all_user_ids.sorted("id")
        users = self.invoice_user_id + self.billing_run_id.user_id + self.create_uid + managers
        robot = self.env.ref("base.user_root")
        people = users.filtered(lambda user: user.active and user != robot and self.company_id in user.company_ids)
        return people[:1] or robot
