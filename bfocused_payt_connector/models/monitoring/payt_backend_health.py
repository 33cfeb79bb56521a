from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import format_datetime

from .payt_backend_check import TOLERATED_SECONDS
from .payt_health_check import LIGHTS

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# PAYT sends a message for each change of these (docs: webhooks), so a change without one is telling
PUSHED_RESOURCES = ("credit_cases", "payments", "payment_plans", "notes")
REFUSED_IN_A_ROW = 10  # so often PAYT tries before it switches the webhook off
COMPARISON_LATE = timedelta(hours=36)  # it is compared each night
TOKEN_DANGER = timedelta(days=3)
# what a person is told of; the rest has a list of its own that is looked at anyway
ALERTED_CHECKS = ("token", "webhook", "reading", "outbox", "comparison")
SEVERITIES = [light for light, _label in LIGHTS]


class PaytBackend(models.Model):
    """How the connection is doing, and telling a person when it isn't well."""

    _inherit = "payt.backend"

    alert_webhook_hours = fields.Integer(
        string="No message for (hours)", default=24, help="Saturdays and Sundays don't count."
    )
    alert_outbox_minutes = fields.Integer(string="Waiting in the outbox for (minutes)", default=60)
    alert_token_days = fields.Integer(string="Access lapses within (days)", default=14)
    health_ids = fields.One2many("payt.health.check", "backend_id", string="Health checks", readonly=True)
    health = fields.Selection(LIGHTS, compute="_compute_health")
    health_told = fields.Json(copy=False, readonly=True, help="Of which check a person was told what light.")
    comparison_ids = fields.One2many("payt.comparison", "backend_id", string="Comparisons")
    difference_count = fields.Integer(string="Differences", compute="_compute_difference_count")

    # === COMPUTE

    @api.depends_context("lang", "tz")
    def _compute_health(self):
        for backend in self:
            lights = [light for light in backend.health_ids.mapped("light") if light != "off"]
            backend.health = max(lights, key=SEVERITIES.index, default="off")

    def _compute_difference_count(self):
        groups = self.env["payt.difference"]._read_group(
            [("backend_id", "in", self.ids), ("state", "=", "open")], ["backend_id"], ["__count"]
        )
        counts = {backend.id: count for backend, count in groups}
        for backend in self:
            backend.difference_count = counts.get(backend.id, 0)

    # === ACTIONS

    def action_open_differences(self):
        """Open what isn't the same on both sides."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_difference_action")
        return {**action, "domain": [("backend_id", "=", self.id)]}

    # === CHECKS: each returns a light and a sentence

    def _check_paused(self):
        if not self.paused:
            return "ok", self.env._("Nothing is held back.")
        light = "danger" if self.is_stopped else "warning"
        return light, self.env._(
            "Paused since %(moment)s: %(reason)s",
            moment=self._show_moment(self.paused_since),
            reason=self.paused_reason or "",
        )

    def _check_token(self):
        if not self.is_authorized:
            return "danger", self.env._("Nobody granted access to PAYT.")
        if not self.refresh_expires_at:
            return "ok", self.env._("The access doesn't lapse.")
        left = self.refresh_expires_at - fields.Datetime.now()
        light = "ok" if left > timedelta(days=self.alert_token_days) else "warning" if left > TOKEN_DANGER else "danger"
        if left < timedelta():
            return light, self.env._("The access lapsed on %s.", self._show_moment(self.refresh_expires_at))
        return light, self.env._(
            "The access can be renewed until %s; each use renews it.", self._show_moment(self.refresh_expires_at)
        )

    def _check_webhook(self):
        if not self.webhook_secret and not self.webhook_last_at:
            return "off", self.env._("No webhook is set up at PAYT: what changes there is read each hour.")
        last = self.webhook_last_at or self.create_date
        shown = self._show_moment(self.webhook_last_at) if self.webhook_last_at else self.env._("never")
        if self.webhook_refused_at and self.webhook_refused_at > last and self.webhook_refused_count:
            return "danger" if self.webhook_refused_count >= REFUSED_IN_A_ROW else "warning", self.env._(
                "%(count)s messages were refused, the last on %(moment)s: does the secret fit? PAYT switches the "
                "webhook off after ten.",
                count=self.webhook_refused_count,
                moment=self._show_moment(self.webhook_refused_at),
            )
        if missed := self._count_untold(last):
            return "danger", self.env._(
                "Last message: %(moment)s. PAYT changed %(count)s records since without a word: its webhook seems "
                "switched off.",
                moment=shown,
                count=missed,
            )
        hours = self._get_weekday_hours(last, fields.Datetime.now())
        light = "warning" if hours > self.alert_webhook_hours else "ok"
        return light, self.env._("Last message: %s.", shown)

    def _check_reading(self):
        marks = self.env["payt.sync.mark"].search([("backend_id", "=", self.id)])
        if not marks:
            return "warning", self.env._("PAYT was never read.")
        worst = max(marks, key=lambda mark: SEVERITIES.index(mark.light))
        if worst.error:
            return worst.light, self.env._("%(list)s: %(error)s", list=worst._get_label(), error=worst.error)
        under_way = marks.filtered("cursor")
        if under_way:
            return worst.light, self.env._("%s records read so far; it goes on.", sum(under_way.mapped("record_count")))
        oldest = min(marks, key=lambda mark: mark.read_at or self.create_date)
        shown = self._show_moment(oldest.read_at) if oldest.read_at else self.env._("never")
        return worst.light, self.env._("Last read: %s.", shown)

    def _check_following(self):
        mirror = self.env["payt.mirror"]
        ours = [("backend_id", "=", self.id)]
        waiting = mirror.search_count([*ours, ("state", "in", ("pending", "waiting"))])
        count = self.mirror_attention_count
        message = self.env._("%(count)s need attention, %(waiting)s are to be followed.", count=count, waiting=waiting)
        return "warning" if count else "ok", message

    def _check_outbox(self):
        oldest = self.env["payt.outbox"].search(
            [("backend_id", "=", self.id), ("state", "=", "pending")], order="create_date", limit=1
        )
        message = self.env._(
            "%(waiting)s wait, %(count)s need attention.", waiting=self.waiting_count, count=self.attention_count
        )
        if not oldest:
            return "warning" if self.attention_count else "ok", message
        longest = timedelta(minutes=self.alert_outbox_minutes)
        age = fields.Datetime.now() - oldest.create_date
        light = "danger" if age > longest + DAY else "warning" if age > longest or self.attention_count else "ok"
        since = self.env._("The oldest waits since %s.", self._show_moment(oldest.create_date))
        return light, f"{message} {since}"

    def _check_comparison(self):
        comparisons = self.env["payt.comparison"].search([("backend_id", "=", self.id)])
        last = comparisons.filtered(lambda comparison: comparison.state == "done")[:1]
        if not last:
            is_new = fields.Datetime.now() - self.create_date < COMPARISON_LATE
            return "off" if is_new else "warning", self.env._("Open invoices were never compared.")
        is_late = fields.Datetime.now() - last.ended_at > COMPARISON_LATE
        message = self.env._(
            "%(count)s differences among %(invoices)s open invoices, compared %(moment)s.",
            count=self.difference_count,
            invoices=last.invoice_count,
            moment=self._show_moment(last.ended_at),
        )
        if comparisons[:1].state == "failed":
            message = f"{message} {comparisons[:1].message or ''}".rstrip()
        return "warning" if is_late or self.difference_count else "ok", message

    def _check_clock(self):
        if not self.tested_at:
            return "off", self.env._("The connection was never tested.")
        is_good = abs(self.clock_difference) <= TOLERATED_SECONDS
        return "ok" if is_good else "warning", self.env._(
            "PAYT's clock differs by %(seconds)s seconds (%(moment)s).",
            seconds=self.clock_difference,
            moment=self._show_moment(self.tested_at),
        )

    # === BUSINESS

    def _show_moment(self, moment):
        return format_datetime(self.env, moment, dt_format="short") if moment else ""

    def _count_untold(self, since):
        """What PAYT changed after that moment and would have told us by now."""
        return self.env["payt.mirror"].search_count(
            [
                ("backend_id", "=", self.id),
                ("resource", "in", PUSHED_RESOURCES),
                ("payt_updated_at", ">", since + HOUR),
                ("payt_updated_at", "<", fields.Datetime.now() - HOUR),
            ]
        )

    @api.model
    def _get_weekday_hours(self, since, until):
        """Hours between two moments, without those of Saturdays and Sundays."""
        since, until = (fields.Datetime.context_timestamp(self, moment) for moment in (since, until))
        total, start = timedelta(), since
        while start < until:
            midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
            if start.weekday() < 5:
                total += min(midnight, until) - start
            start = midnight
        return total / HOUR

    # === CRON

    @api.model
    def _cron_watch(self):
        """Tell the responsible person what isn't well, once; what is well again needs nobody any more."""
        for backend in self.search([("company_id", "!=", False)]):
            backend._watch()

    def _watch(self):
        self.ensure_one()
        user = self.responsible_id or self.env.ref("base.user_admin")
        backend = self.with_context(lang=user.lang, tz=user.tz)
        told = dict(self.health_told or {})
        for check in backend.health_ids.filtered(lambda check: check.check in ALERTED_CHECKS):
            before = told.get(check.check, "ok")
            summary = backend._get_alert_summary(check.check)
            if check.light in ("ok", "off"):
                told.pop(check.check, None)
                backend._close_alert(summary)
            elif not self.paused and SEVERITIES.index(check.light) > SEVERITIES.index(before):
                backend._tell(summary, check.message)
                told[check.check] = check.light
        if told != (self.health_told or {}):
            self.health_told = told

    def _get_alert_summary(self, name):
        return {
            "token": self.env._("PAYT: the access is about to lapse"),
            "webhook": self.env._("PAYT: no messages come in"),
            "reading": self.env._("PAYT: it isn't read any more"),
            "outbox": self.env._("PAYT: something waits too long to be sent"),
            "comparison": self.env._("PAYT: invoices aren't the same on both sides"),
        }[name]

    def _close_alert(self, summary):
        alerts = self.activity_ids.filtered(lambda activity: activity.summary == summary)
        alerts.action_feedback(feedback=self.env._("Well again."))
