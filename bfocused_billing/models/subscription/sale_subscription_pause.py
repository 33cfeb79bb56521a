from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain

from ...tools import changed_values


class SaleSubscription(models.Model):
    """Which days of a subscription are paused, free or on hold.

    The mark "Paused" of 'subscription_oca' stays what its screens and filters show; for companies that use billing it
    follows the pauses, and setting or clearing it makes or ends one.
    """

    _inherit = "sale.subscription"

    pause_ids = fields.One2many("bfocused.subscription.pause", "subscription_id", string="Pauses")
    pause_note = fields.Char(compute="_compute_pause_note", help="What the present pause does to the invoices.")

    # === COMPUTE

    @api.depends("pause_ids.effect", "pause_ids.date_start", "pause_ids.date_end", "use_billing")
    def _compute_pause_note(self):
        notes = {
            "free": self.env._("The customer doesn't pay for these days; what was billed already is credited."),
            "hold": self.env._("These days are billed after the pause."),
        }
        today = fields.Date.context_today(self)
        for subscription in self:
            subscription.pause_note = subscription.use_billing and notes.get(subscription._get_pause(today).effect)

    # === CRUD

    def _follow_pause_mark(self, vals):
        """The pause of 'subscription_oca' is a mark, ours has days and an effect: let them follow what was written.

        :param vals: dict as given to ``write``
        """
        billed = self.filtered("use_billing")
        if "is_paused" in vals and not self.env.context.get("billing_pause_known"):
            if vals["is_paused"]:
                billed._hold_from_today(fields.Date.to_date(vals.get("paused_until")))
            else:
                billed._resume_today()
        if vals.get("stage_id"):
            billed.filtered(lambda subscription: subscription.stage_type == "post")._end_pauses()

    # === ACTIONS

    def action_resume(self, automatic=False):
        # EXTENDS 'subscription_oca': what resumes by itself has an end already, and another pause may follow it
        return super(SaleSubscription, self.with_context(billing_pause_known=automatic)).action_resume(automatic)

    # === BUSINESS

    def _check_pausable(self):
        """:raise UserError: when it has ended: days before the end are paused in the list of pauses"""
        if self.stage_type == "post":
            raise UserError(self.env._("Cannot pause a closed subscription."))

    def _get_pause_reason(self, date=None):
        """Why a pause keeps this subscription from being billed, as a sentence; an empty text when none does.

        A pause that has ended by now holds nothing back, also in a run of a day within it.

        :param date: of the billing run
        """
        self.ensure_one()
        today = fields.Date.context_today(self)
        if self._is_paused_without_days():
            return self.env._("Subscription %s is paused.", self.display_name)
        pause = self._get_pause(max(date or today, today))
        if pause.effect != "hold":
            return ""
        return self.env._(
            "Subscription %(subscription)s is paused %(days)s, and billed after that.",
            subscription=self.display_name,
            days=pause._get_days_label(),
        )

    def _is_paused_without_days(self):
        """Whether it was paused by 'subscription_oca' alone, before the company used billing."""
        return self.use_billing and self.is_paused and not self.sudo().pause_ids

    def _get_pause(self, day):
        """The pause that holds on ``day``, or none."""
        self.ensure_one()
        return self.sudo().pause_ids.filtered(lambda pause: pause.date_start and pause._covers(day))[:1]

    def _get_free_periods(self):
        """The days on which the customer doesn't pay.

        :rtype: list of periods.Period
        """
        return [pause._get_period() for pause in self.sudo().pause_ids if pause.effect == "free" and pause.date_start]

    def _hold_from_today(self, until):
        """What 'subscription_oca' calls a pause: from today on, and billed once it is over.

        :param until: date, the first day it runs again; ``None`` until somebody resumes it
        """
        today = fields.Date.context_today(self)
        if until and until <= today:
            return
        pauses = self.env["bfocused.subscription.pause"].with_context(billing_pause_known=True)
        pauses.create(
            [
                {"subscription_id": subscription.id, "date_start": today, "date_end": until, "effect": "hold"}
                for subscription in self
                if not subscription._get_pause(today)
            ]
        )

    def _resume_today(self):
        today = fields.Date.context_today(self)
        for subscription in self:
            subscription._get_pause(today).sudo(False).with_context(billing_pause_known=True)._end(today)

    def _end_pauses(self):
        """What is closed isn't paused any more: else its last days would be held for good."""
        for subscription in self:
            subscription.pause_ids.filtered(
                lambda pause, end=subscription.date: not pause.date_end or pause.date_end > end
            )._end(subscription.date)
        self._sync_pauses()

    def _sync_pauses(self):
        """Let the mark of 'subscription_oca' say what the pauses say today."""
        today = fields.Date.context_today(self)
        for subscription in self.with_context(billing_pause_known=True).filtered("use_billing"):
            pause = subscription._get_pause(today)
            marks = changed_values(subscription, {"is_paused": bool(pause), "paused_until": pause.date_end})
            if marks:
                subscription.write(marks)

    # === CRON

    @api.model
    def _cron_resume_due_subscriptions(self, limit=None):
        # EXTENDS 'subscription_oca': a pause that was planned begins by itself, also right after another one
        result = super()._cron_resume_due_subscriptions(limit=limit)
        today = fields.Date.context_today(self)
        pauses = self.env["bfocused.subscription.pause"].search(
            Domain("company_id.use_billing", "=", True)
            & Domain("subscription_id.is_paused", "=", False)
            & Domain("date_start", "<=", today)
            & (Domain("date_end", "=", False) | Domain("date_end", ">", today)),
            limit=limit,
        )
        pauses.subscription_id._sync_pauses()
        return result
