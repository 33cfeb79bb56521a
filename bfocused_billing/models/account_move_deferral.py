from datetime import timedelta

from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_date

from ..periods import is_quarter_turn, next_quarter


class AccountMove(models.Model):
    """Deferral of small invoices (R5), also of those that no billing run made."""

    _inherit = "account.move"

    last_invoice_date = fields.Date(
        string="Last lawful invoice date",
        compute="_compute_last_invoice_date",
        store=True,
        help="The earliest day on which the law wants one of the lines to be on a sent invoice.",
    )
    deferral_warned = fields.Boolean(copy=False, readonly=True)

    # === COMPUTE

    @api.depends("move_type", "company_id.use_billing", "invoice_line_ids.last_invoice_date")
    def _compute_last_invoice_date(self):
        for move in self:
            dates = []
            if move.move_type == "out_invoice" and move.company_id.use_billing:
                dates = [line.last_invoice_date for line in move.invoice_line_ids if line.last_invoice_date]
            move.last_invoice_date = min(dates, default=False)

    # === ACTIONS

    def action_post(self):
        # EXTENDS 'account': a person's confirmation defers what is too small; a run decides that for itself
        if self.env.context.get("billing_send_anyway"):
            return super().action_post()
        deferred = self._defer_small()
        others = self - deferred
        result = super(AccountMove, others).action_post() if others else False
        return deferred._get_deferred_notification() if deferred and not result else result

    def action_validate_moves_with_confirmation(self):
        # EXTENDS 'account': confirming many from the list defers the small ones, and what waits goes on waiting
        waiting = self.filtered(lambda move: move._is_waiting())
        waiting += (self - waiting)._defer_small()
        others = self - waiting
        result = False
        if others or not waiting:
            result = super(AccountMove, others).action_validate_moves_with_confirmation()
        return waiting._get_deferred_notification() if waiting and not result else result

    # === BUSINESS

    def _defer_small(self):
        """Let those invoices that are too small wait for the quarter turn, or only their collection.

        :return: the invoices that wait
        """
        deferred = self.browse()
        dates = {move: move._get_manual_deferral_date() for move in self}
        for move, date in dates.items():
            if not date:
                continue
            if move._is_issued_now():
                move._postpone_collection(date)
            else:
                move._defer_until(date)
                deferred += move
        return deferred

    def _get_manual_deferral_date(self):
        """Until when this draft has to wait because it is too small.

        :return: date of the quarter turn, or ``None`` when it is invoiced now
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        date = self.invoice_date or today
        if not self._is_deferrable() or is_quarter_turn(date) or next_quarter(date) <= today:
            return None
        return next_quarter(date) if self._is_too_small(date) else None

    def _is_deferrable(self):
        """Whether the deferral is about this draft at all: a first invoice nobody paid yet, made without a run."""
        return (
            self.move_type == "out_invoice"
            and self.state == "draft"
            and self.company_id.use_billing
            and self.billing_state in (False, "none")
            and not self.billing_run_id
            and not self.posted_before
            and self.currency_id.compare_amounts(self.amount_total, 0) > 0
            and not self._is_downpayment()
            and not any(payment.state in ("authorized", "done") for payment in self.sudo().transaction_ids)
        )

    def _is_too_small(self, date):
        company = self.company_id
        rule = self.commercial_partner_id.with_company(company).billing_deferral
        if rule in ("never", "always"):
            return rule == "always"
        field = "amount_untaxed" if company.billing_min_amount_base == "untaxed" else "amount_total"
        minimum = company.currency_id._convert(company.billing_min_amount, self.currency_id, company, date)
        return self.currency_id.compare_amounts(self[field], minimum) < 0

    def _is_issued_now(self):
        """Whether the company sends such an invoice at once; one line that can't wait takes the others along."""
        company = self.company_id
        settings = {"continuing": company.billing_deferral_continuing, "separate": company.billing_deferral_separate}
        return any(settings.get(line.supply_nature) == "issue" for line in self.invoice_line_ids)

    def _postpone_collection(self, date):
        """Send the invoice now and collect it with the quarter's batch; a payment term would set another due date."""
        self.write(
            {
                "billing_state": "released",
                "deferred_until": date,
                "invoice_payment_term_id": False,
                "invoice_date_due": date,
            }
        )

    def _defer_until(self, date):
        # the date of a waiting draft moves with the run it joins, the day of the supply doesn't
        self.invoice_line_ids.supply_date = self.invoice_date or fields.Date.context_today(self)
        self.write({"billing_state": "deferred", "deferred_until": date})
        self.message_post(body=self.deferral_reason)

    def _get_deferred_notification(self):
        """Client action that says what wasn't posted: until when and why, or how many."""
        message = (
            self.deferral_reason
            if len(self) == 1
            else self.env._("%s invoices are too small to send and wait for the quarter turn.", len(self))
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Deferred"),
                "message": message,
                "type": "warning",
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _release_ended(self, company, date):
        """Let the drafts that wait for customers whose last subscription has ended go on ``date``.

        A customer who had no subscription while the draft waited has nothing that could end.
        """
        subscriptions = self.env["sale.subscription"].search_fetch(
            [
                ("company_id", "=", company.id),
                ("partner_id.commercial_partner_id", "in", self.commercial_partner_id.ids),
            ]
        )
        per_customer = subscriptions.grouped(lambda subscription: subscription.partner_id.commercial_partner_id)
        for move in self:
            its = per_customer.get(move.commercial_partner_id, subscriptions.browse())
            running = its.filtered(lambda sub: sub.stage_type == "in_progress" and not (sub.date and sub.date <= date))
            ended = (its - running).filtered("date").mapped("date")
            since = move.invoice_date or date
            if not running and ended and (move.line_ids.subscription_line_id or max(ended) >= since):
                move.deferred_until = min(move.deferred_until or date, date)

    # === CRON

    @api.model
    def _cron_warn_deferred(self):
        """Put one activity on each deferred draft whose last lawful invoice date comes near."""
        today = fields.Date.context_today(self)
        for company in self.env["res.company"].search([("use_billing", "=", True)]):
            limit = today + timedelta(days=company.billing_deferral_warning_days)
            domain = Domain(self._get_waiting_domain(company))
            domain &= Domain("last_invoice_date", "<=", limit) & Domain("deferral_warned", "=", False)
            for move in self.search(domain):
                move._warn_deferred()

    def _warn_deferred(self):
        self.activity_schedule(
            "mail.mail_activity_data_todo",
            date_deadline=self.last_invoice_date,
            summary=self.env._("Deferred invoice: send it in time"),
            note=self.env._(
                "The law wants this invoice by %s. Send it anyway, or it is late.",
                format_date(self.env, self.last_invoice_date),
            ),
            user_id=self.invoice_user_id.id or self.env.uid,
        )
        self.deferral_warned = True
