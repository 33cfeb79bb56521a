from datetime import date

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date

from ...periods import ONE_DAY, Period


class SubscriptionPause(models.Model):
    """Days on which a subscription doesn't run, and whether the customer pays for them.

    Nothing is written elsewhere when a pause is added, changed or removed: the lines find out themselves which days are
    served, and the next billing run bills, credits or bills again what differs from the ledger.
    """

    _name = "bfocused.subscription.pause"
    _description = "Pause of a Subscription"
    _order = "date_start desc, id desc"

    subscription_id = fields.Many2one("sale.subscription", required=True, index=True, ondelete="cascade")
    company_id = fields.Many2one(related="subscription_id.company_id", store=True, index=True)
    date_start = fields.Date(
        string="From",
        required=True,
        default=fields.Date.context_today,
        help="First day of the pause. It may lie in the past or in the future.",
    )
    date_end = fields.Date(
        string="Until", help="First day on which the service runs again. Empty: until somebody resumes it."
    )
    effect = fields.Selection(
        selection=[("free", "Free"), ("hold", "Hold")],
        required=True,
        default="free",
        help="Free: the customer doesn't pay for these days; what was billed already is credited.\n"
        "Hold: billed after the pause.",
    )
    reason = fields.Char(help="For your colleagues, such as: shop closed for the summer.")
    state = fields.Selection(
        selection=[("planned", "Planned"), ("running", "Running"), ("ended", "Ended")], compute="_compute_state"
    )

    _days_in_order = models.Constraint(
        "CHECK (date_end IS NULL OR date_end > date_start)",
        "A pause can't be over before it begins.",
    )
    _no_overlap = models.Constraint(
        "EXCLUDE USING gist ("
        "int4range(subscription_id, subscription_id, '[]') WITH &&, "
        "daterange(date_start, date_end, '[)') WITH &&)",
        "Some of these days lie in another pause of the same subscription.",
    )

    # === COMPUTE

    @api.depends("date_start", "date_end")
    def _compute_state(self):
        today = fields.Date.context_today(self)
        for pause in self:
            if pause.date_start and pause.date_start > today:
                pause.state = "planned"
            else:
                pause.state = "ended" if pause.date_end and pause.date_end <= today else "running"

    @api.depends("date_start", "date_end", "effect")
    @api.depends_context("lang")
    def _compute_display_name(self):
        effects = dict(self._fields["effect"]._description_selection(self.env))
        for pause in self:
            pause.display_name = f"{pause._get_days_label()} ({effects.get(pause.effect, '')})"

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        today = fields.Date.context_today(self)
        for vals in vals_list:
            subscription = self.env["sale.subscription"].browse(vals.get("subscription_id"))
            start = fields.Date.to_date(vals.get("date_start")) or today
            self._check_apart(subscription, start, fields.Date.to_date(vals.get("date_end")))
        pauses = super().create(vals_list)
        pauses.subscription_id._sync_pauses()
        pauses._log(self.env._("Pause added"))
        return pauses

    def write(self, vals):
        subscriptions = self.subscription_id
        if vals.keys() & {"date_start", "date_end", "subscription_id"}:
            for pause in self:
                values = {name: pause[name] for name in ("date_start", "date_end")} | vals
                target = subscriptions.browse(vals.get("subscription_id", pause.subscription_id.id))
                days = (fields.Date.to_date(values[name]) for name in ("date_start", "date_end"))
                pause._check_apart(target, *days)
        result = super().write(vals)
        (subscriptions | self.subscription_id)._sync_pauses()
        self._log(self.env._("Pause changed"))
        return result

    def unlink(self):
        subscriptions = self.subscription_id
        self._log(self.env._("Pause removed"))
        result = super().unlink()
        subscriptions._sync_pauses()
        return result

    def _check_apart(self, subscription, start, end):
        """Say which other pause is in the way, which the database's own refusal can't.

        :raise ValidationError: where the days are paused already, or are no days
        """
        if not start:
            return  # the field is required: Odoo says so
        if subscription._is_paused_without_days() and not self.env.context.get("billing_pause_known"):
            raise ValidationError(
                self.env._(
                    "%s was paused before this company used billing runs. Resume it before you add a pause.",
                    subscription.display_name,
                )
            )
        if end and end <= start:
            raise ValidationError(
                self.env._(
                    "A pause that begins on %(start)s can't be over on %(end)s: that is the first day on which the "
                    "service runs again.",
                    start=format_date(self.env, start),
                    end=format_date(self.env, end),
                )
            )
        for other in subscription.pause_ids - self:
            if (not end or other.date_start < end) and (not other.date_end or start < other.date_end):
                raise ValidationError(
                    self.env._(
                        "%(subscription)s is paused already: %(days)s. Choose other days, or change that pause.",
                        subscription=subscription.display_name,
                        days=other._get_days_label(),
                    )
                )

    # === BUSINESS

    def _covers(self, day):
        self.ensure_one()
        return self.date_start <= day and (not self.date_end or day < self.date_end)

    def _get_period(self):
        """The paused days; up to the end of time while nobody has said when the service runs again."""
        self.ensure_one()
        return Period(self.date_start, self.date_end - ONE_DAY if self.date_end else date.max)

    def _end(self, day):
        """Let the service run again from ``day`` on; a pause of which no day is left goes."""
        empty = self.filtered(lambda pause: pause.date_start >= day)
        empty.unlink()
        (self - empty).filtered(lambda pause: pause._covers(day)).date_end = day

    def _copy_to(self, subscription):
        """Pause ``subscription``, which takes over from these pauses' own, on the days it has in common with them."""
        start = subscription.date_start
        self.create(
            [
                {
                    "subscription_id": subscription.id,
                    "date_start": max(pause.date_start, start),
                    "date_end": pause.date_end,
                    "effect": pause.effect,
                    "reason": pause.reason,
                }
                for pause in self
                if not pause.date_end or pause.date_end > start
            ]
        )

    def _get_days_label(self):
        """For example "from 1 March 2026 until 1 April 2026", in the user's language."""
        self.ensure_one()
        start, end = (format_date(self.env, day, date_format="d MMMM y") for day in (self.date_start, self.date_end))
        if end:
            return self.env._("from %(start)s until %(end)s", start=start, end=end)
        return self.env._("from %s until it is resumed", start)

    def _log(self, what):
        """Tell the subscriptions' chatter, unless it tells already that somebody paused or resumed."""
        if self.env.context.get("billing_pause_known"):
            return
        for pause in self:
            text = f"{what}: {pause.display_name}"
            pause.subscription_id._message_log(body=f"{text}. {pause.reason}" if pause.reason else f"{text}.")
