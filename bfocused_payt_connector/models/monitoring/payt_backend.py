from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_datetime

from ...payt_api import PaytError, PaytForbidden, PaytNotFound, auth
from ...payt_api.operations import LISTINGS, SCOPES
from .payt_health_check import LIGHTS

# more than this and times PAYT gives can't be compared with ours
TOLERATED_SECONDS = 30

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
    """Whether the connection works and how it is doing, and telling a person when it isn't well."""

    _inherit = "payt.backend"

    administration_name = fields.Char(copy=False, readonly=True)
    administration_currency = fields.Char(string="Currency of the administration", copy=False, readonly=True)
    missing_permissions = fields.Char(copy=False, readonly=True)
    clock_difference = fields.Integer(
        copy=False, readonly=True, help="Seconds by which PAYT's clock is ahead of this server's."
    )
    tested_at = fields.Datetime(string="Last tested", copy=False, readonly=True)
    test_message = fields.Char(string="Result of the test", copy=False, readonly=True)
    alert_webhook_hours = fields.Integer(
        string="No message for (hours)", default=24, help="Saturdays and Sundays don't count."
    )
    alert_outbox_minutes = fields.Integer(string="Waiting in the outbox for (minutes)", default=60)
    alert_token_days = fields.Integer(string="Access lapses within (days)", default=14)
    health_ids = fields.One2many("payt.health.check", "backend_id", string="Health checks", readonly=True)
    health = fields.Selection(LIGHTS, compute="_compute_health")
    health_told = fields.Json(copy=False, readonly=True, help="Of which check a person was told what light.")
    compare_grace_minutes = fields.Integer(
        string="On its way for (minutes)",
        default=60,
        help="What changed on one side so recently isn't a difference yet: it is on its way to the other.",
    )
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

    def action_test_connection(self):
        """Ask PAYT who we are and what we may do."""
        self.ensure_one()
        self.check_access("write")
        try:
            values = self._test()
        except PaytForbidden as err:
            raise UserError(self._explain_forbidden(err)) from err
        except PaytNotFound as err:
            raise UserError(
                self.env._("PAYT has no administration %s that this access may see.", self.administration_id)
            ) from err
        except PaytError as err:
            raise UserError(self.env._("The connection to PAYT can't be tested now. %s", err)) from err
        self.write({**values, "tested_at": fields.Datetime.now()})
        return self._notify(values["test_message"], is_good=not self._get_test_problems(values))

    def action_push(self):
        """Send what is waiting now, also what would have been tried again later."""
        self.ensure_one()
        self.check_access("read")
        if self.paused:
            raise UserError(self.env._("The connection to PAYT is paused: %s", self.paused_reason or ""))
        waiting = self.env["payt.outbox"].sudo().search([("backend_id", "=", self.id), ("state", "=", "pending")])
        waiting._make_due()
        self.env["payt.outbox"].sudo()._enqueue(self.sudo())
        return self._notify(self.env._("%s records are on their way to PAYT.", len(waiting)))

    def action_compare(self):
        """Compare all open invoices with PAYT's, in the background."""
        self.ensure_one()
        self.check_access("read")
        if not self.paused:
            self.env["payt.comparison"].sudo()._start(self.sudo())
        return self._notify(
            self.env._("The connection is paused.")
            if self.paused
            else self.env._("All open invoices are being compared. Differences appear in the list as they are found."),
            is_good=not self.paused,
        )

    def action_open_differences(self):
        """Open what isn't the same on both sides."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("bfocused_payt_connector.payt_difference_action")
        return {**action, "domain": [("backend_id", "=", self.id)]}

    # === BUSINESS: TESTING THE CONNECTION

    def _test(self):
        """:return: the values found out, ready to be written"""
        scopes = self.sudo()._test_client()
        with self._get_client(while_paused=True) as client:
            if self.administration_id:
                administration = client.administration()
            else:
                administration = self._choose_administration(client.administrations())
        values = {
            "administration_id": str(administration.get("id") or self.administration_id),
            "administration_name": administration.get("name"),
            "administration_currency": administration.get("currency_code"),
        }
        with self._get_client(while_paused=True, administration_id=values["administration_id"]) as client:
            values["missing_permissions"] = ", ".join(sorted(self._find_missing_permissions(client, scopes))) or False
            difference = client.clock_difference
        values["clock_difference"] = round(difference.total_seconds()) if difference else 0
        values["test_message"] = " ".join(
            [
                self.env._(
                    "Connected with %(name)s (%(currency)s).",
                    name=values["administration_name"],
                    currency=values["administration_currency"],
                ),
                *(self._get_test_problems(values) or [self.env._("All is well.")]),
            ]
        )
        return values

    def _test_client(self):
        """Let PAYT see the client's id and secret as they are filled in: a token from before may do without them.

        A token that works is only replaced by one that PAYT just gave. A refresh token isn't used for it.

        :return: the permissions PAYT told with a new token; empty where it gave none
        """
        client = (self.base_url, self.client_id or "", self.client_secret or "")
        if self.auth_method == "client_credentials":
            token_set = auth.client_credentials(*client)
            self.token_ids._accept_in_own_transaction(token_set)
            return token_set.scopes
        if self.auth_method == "refresh_token":
            auth.check_client(*client)
        return frozenset()

    def _choose_administration(self, administrations):
        if not administrations:
            raise UserError(self.env._("This access to PAYT has no administration."))
        if len(administrations) > 1:
            names = ", ".join(f"{found.get('name')} ({found.get('id')})" for found in administrations)
            raise UserError(self.env._("PAYT has several administrations: fill in the number of one. %s", names))
        return administrations[0]

    def _find_missing_permissions(self, client, scopes):
        """The permissions PAYT told with the token; without such an answer, those to read that PAYT refuses.

        A missing permission to write shows at the first write: trying it would write something.

        :param scopes: the permissions PAYT told with a token it gave just now
        """
        stored = self.sudo().token_ids.scopes if self.auth_method != "static" else False
        scopes = set(scopes) or set((stored or "").split())
        if scopes:
            return set(SCOPES) - scopes
        missing = set()
        for listing in LISTINGS.values():
            try:
                next(client.iter_pages(listing.name, per_page=1), None)
            except PaytForbidden as error:
                if error.status != 403:
                    raise
                missing.add(error.missing_permission or listing.operation.scope)
        return missing

    def _get_test_problems(self, values):
        problems = []
        if values["missing_permissions"]:
            problems.append(self.env._("Missing permissions: %s.", values["missing_permissions"]))
        if values["administration_currency"] != self.company_id.currency_id.name:
            problems.append(self.env._("The company's currency is %s.", self.company_id.currency_id.name))
        if abs(values["clock_difference"]) > TOLERATED_SECONDS:
            problems.append(self.env._("The clocks differ by %s seconds.", values["clock_difference"]))
        return problems

    def _explain_forbidden(self, error):
        if error.missing_permission:
            return self.env._("PAYT lets us in, but the permission %s is missing.", error.missing_permission)
        if error.status == 401 and self.auth_method == "static":
            return self.env._("PAYT doesn't take the fixed token. %s", error)
        if error.status == 401:
            return self.env._("PAYT doesn't take the client id and secret. %s", error)
        return self.env._("PAYT doesn't let us in. %s", error)

    def _notify(self, message, is_good=True):
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("PAYT"),
                "message": message,
                "type": "success" if is_good else "warning",
                "sticky": not is_good,
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # === BUSINESS: HEALTH CHECKS, each returns a light and a sentence

    def _get_health_checks(self):
        """The checks by their name in ``payt.health.check``."""
        return {
            "paused": self._check_paused,
            "token": self._check_token,
            "webhook": self._check_webhook,
            "reading": self._check_reading,
            "following": self._check_following,
            "outbox": self._check_outbox,
            "comparison": self._check_comparison,
            "clock": self._check_clock,
        }

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

    # === BUSINESS: TELLING A PERSON

    def _watch(self):
        self.ensure_one()
        user = self.responsible_id or self.env.ref("base.user_admin")
        backend = self.with_context(lang=user.lang, tz=user.tz)
        alerted = dict(self.health_told or {})
        for check in backend.health_ids.filtered(lambda check: check.check in ALERTED_CHECKS):
            before = alerted.get(check.check, "ok")
            summary = backend._get_alert_summary(check.check)
            if check.light in ("ok", "off"):
                alerted.pop(check.check, None)
                backend._close_alert(summary)
            elif not self.paused and SEVERITIES.index(check.light) > SEVERITIES.index(before):
                backend._tell(summary, check.message)
                alerted[check.check] = check.light
        if alerted != (self.health_told or {}):
            self.health_told = alerted

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

    # === CRON

    @api.model
    def _cron_watch(self):
        """Tell the responsible person what isn't well, once; what is well again needs nobody any more."""
        for backend in self.search([("company_id", "!=", False)]):
            backend._watch()

    @api.model
    def _cron_compare(self):
        """Each night, by jobs of their own."""
        for backend in self.search([("paused", "=", False)]):
            self.env["payt.comparison"]._start(backend)
