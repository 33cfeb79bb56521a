import secrets

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import plaintext2html

from ...const import DEMO, PRODUCTION
from ...payt_api import PaytForbidden
from ...payt_api.connection import checked_base_url

ENVIRONMENTS = {"demo": DEMO, "production": PRODUCTION}
# a change of these makes the tokens we have worthless
TOKEN_OWNER_FIELDS = ("base_url", "environment", "client_id", "auth_method")
# which administration it is; nothing carries over from one to another
ADMINISTRATION_FIELDS = ("environment", "administration_id")


class PaytBackend(models.Model):
    """One PAYT administration of one company: how to get there, and whether we go there at all."""

    _name = "payt.backend"
    _inherit = ["payt.backend.hooks", "payt.secret.mixin", "mail.thread", "mail.activity.mixin"]
    _description = "PAYT Connection"
    _check_company_auto = True

    name = fields.Char(compute="_compute_name", store=True, readonly=False, precompute=True, required=True)
    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company, ondelete="cascade", tracking=True
    )
    responsible_id = fields.Many2one(
        "res.users",
        string="Person responsible",
        default=lambda self: self.env.user,
        domain="[('share', '=', False), ('company_ids', 'in', company_id)]",
        help="Is told when PAYT can't be reached any more or wants something of us.",
    )

    # where
    environment = fields.Selection(
        [("demo", "Demo"), ("production", "Production"), ("other", "Another address")],
        default="demo",
        required=True,
        tracking=True,
    )
    base_url = fields.Char(
        string="Address",
        compute="_compute_base_url",
        store=True,
        readonly=False,
        precompute=True,
        required=True,
        tracking=True,
    )
    administration_id = fields.Char(
        tracking=True,
        help="PAYT's number of the administration. Empty: the only one there is.",
    )

    # how to get in
    auth_method = fields.Selection(
        [
            ("static", "Fixed token"),
            ("client_credentials", "Client id and secret"),
            ("refresh_token", "Access granted by a person (OAuth)"),
        ],
        string="Authentication",
        default="refresh_token",
        required=True,
        tracking=True,
    )
    client_id = fields.Char(groups="base.group_system", copy=False)
    client_secret = fields.Char(groups="base.group_system", copy=False, exportable=False)
    access_token = fields.Char(
        string="Fixed token", groups="base.group_system", copy=False, exportable=False, help="Never lapses."
    )
    refresh_token = fields.Char(
        compute="_compute_refresh_token",
        inverse="_inverse_refresh_token",
        groups="base.group_system",
        exportable=False,
        help="Only to give one that was got elsewhere. It is kept with the token and never shown.",
    )
    token_ids = fields.One2many("payt.token", "backend_id", groups="base.group_system")
    is_authorized = fields.Boolean(string="Access granted", compute="_compute_token_facts")
    token_expires_at = fields.Datetime(string="Access ends", compute="_compute_token_facts")
    refresh_expires_at = fields.Datetime(string="Access can be renewed until", compute="_compute_token_facts")

    # webhooks
    webhook_key = fields.Char(
        groups="base.group_system", copy=False, default=lambda self: secrets.token_urlsafe(16), readonly=True
    )
    webhook_url = fields.Char(compute="_compute_webhook_url", groups="base.group_system")
    webhook_secret = fields.Char(groups="base.group_system", copy=False, exportable=False)
    webhook_secret_previous = fields.Char(
        string="Previous webhook secret",
        groups="base.group_system",
        copy=False,
        exportable=False,
        help="After PAYT made a new secret, both are in use for a while.",
    )

    # what is done with it
    payments_list = fields.Selection(
        selection=[("all", "All payments, PAYT's own by its numbers"), ("own", "Only what Odoo booked")],
        default="all",
        required=True,
        string="Payments of an invoice",
        help="What PAYT gets as the payments of an invoice when Odoo booked something new on it. PAYT wants the whole "
        "list. Choose only what Odoo booked if PAYT keeps its own payments beside that list, and shows them twice.",
    )
    psp_provider = fields.Selection(
        [("none", "None"), ("mollie", "Mollie"), ("twikey", "Twikey")],
        string="Payment provider",
        default="none",
        required=True,
        help="Through which PAYT collects direct debits.",
    )
    mailing = fields.Selection(
        [("payt", "PAYT"), ("odoo", "Odoo")],
        string="Invoices are mailed by",
        default="payt",
        required=True,
        tracking=True,
    )
    default_sending_method = fields.Selection(
        [("payt", "by PAYT"), ("email", "as without PAYT")],
        string="Customers without a sending method",
        default="payt",
        required=True,
        help="How invoices are sent to customers that have no sending method of their own.",
    )

    # whether it is done
    paused = fields.Boolean(copy=False, tracking=True, readonly=True)
    is_stopped = fields.Boolean(string="Paused by the system", copy=False, readonly=True)
    paused_reason = fields.Char(string="Why", copy=False, readonly=True)
    paused_since = fields.Datetime(copy=False, readonly=True)
    remark = fields.Char(string="Last remark of PAYT", copy=False, readonly=True)

    _company_uniq = models.Constraint("UNIQUE(company_id)", "A company has one connection to PAYT.")
    _webhook_key_uniq = models.Constraint("UNIQUE(webhook_key)", "This webhook key is in use.")

    # === COMPUTE

    @api.depends("company_id")
    def _compute_name(self):
        for backend in self:
            backend.name = backend.name or self.env._("PAYT of %s", backend.company_id.name or "")

    @api.depends("environment")
    def _compute_base_url(self):
        for backend in self:
            if known := ENVIRONMENTS.get(backend.environment):
                backend.base_url = known.api
            else:
                backend.base_url = backend.base_url or False

    def _compute_refresh_token(self):
        """Write-only: what came in is never shown again."""
        self.refresh_token = False

    def _inverse_refresh_token(self):
        for backend in self.filtered("refresh_token"):
            refresh_token = backend.refresh_token
            backend.sudo().token_ids._forget()
            backend.sudo().token_ids.write({"refresh_token": refresh_token})

    @api.depends("auth_method")
    def _compute_token_facts(self):
        for backend in self:
            settings = backend.sudo()
            token = settings.token_ids[:1]
            by_oauth = backend.auth_method == "refresh_token"
            backend.is_authorized = bool(
                token.refresh_token if by_oauth else settings.access_token or settings.client_secret
            )
            backend.token_expires_at = token.expires_at if backend.auth_method != "static" else False
            backend.refresh_expires_at = token.refresh_expires_at if by_oauth else False

    def _compute_webhook_url(self):
        for backend in self:
            backend.webhook_url = f"{backend.get_base_url()}/payt/webhook/{backend.webhook_key}"

    # === CONSTRAINTS

    @api.constrains("base_url", "environment")
    def _check_base_url(self):
        for backend in self:
            known = ENVIRONMENTS.get(backend.environment)
            if known and backend.base_url != known.api:
                raise ValidationError(self.env._("This is not the address of PAYT's environment."))
            try:
                checked_base_url(backend.base_url)
            except PaytForbidden as err:
                raise ValidationError(str(err)) from err

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        given = [values.pop("refresh_token", False) for values in vals_list]
        backends = super().create(vals_list)
        # the inverse needs the token's row
        self.env["payt.token"].sudo().create([{"backend_id": backend.id} for backend in backends])
        for backend, refresh_token in zip(backends, given, strict=True):
            if refresh_token:
                backend.refresh_token = refresh_token
        backends.company_id._forget_payt_vat_rates()
        return backends

    def write(self, vals):
        """Another client's tokens are worth nothing, and another administration has none of our records."""
        before = {backend: [backend[name] for name in ADMINISTRATION_FIELDS] for backend in self}
        self._forget_foreign_tokens(vals)
        result = super().write(vals)
        for backend, administration in before.items():
            if backend._is_elsewhere(*administration) and backend._was_used():
                backend.sudo()._forget_administration()
        self._retry_payments(vals)
        return result

    # === ACTIONS

    def action_pause(self):
        """Stop everything: nothing goes to PAYT or comes from there. What has to go out is kept."""
        self._check_may_pause()
        self.sudo().write(
            {
                "paused": True,
                "is_stopped": False,
                "paused_reason": self.env._("Paused by %s", self.env.user.name),
                "paused_since": fields.Datetime.now(),
            }
        )

    def action_resume(self):
        """Go on, with all that was kept meanwhile."""
        self._check_may_pause()
        self.sudo()._resume()

    # === BUSINESS: PAUSING

    def _check_may_pause(self):
        self.check_access("read")
        if not self.env.su and not self.env.user.has_group("bfocused_billing.group_billing_manager"):
            raise AccessError(self.env._("Only billing managers pause the connection to PAYT."))

    def _resume(self):
        self.write({"paused": False, "is_stopped": False, "paused_reason": False, "paused_since": False})
        self.activity_feedback(["mail.mail_activity_data_warning"])
        self._wake_outbox()

    def _stop(self, reason):
        """Pause the connection because going on would do harm or is of no use, and tell a person.

        That must outlive a rollback, so it happens in a transaction of its own. The caller must not have written on the
        backend before.

        :param reason: why, without anything secret
        """
        self.ensure_one()
        with self.env.registry.cursor() as cr:
            env = self.env(cr=cr, user=SUPERUSER_ID, su=True)
            # locked: another worker is saying the same
            self.with_env(env).try_lock_for_update(allow_referencing=True)._note_stop(reason)
        self.invalidate_recordset()

    def _note_stop(self, reason):
        for backend in self.filtered(lambda backend: not backend.paused):
            backend.write(
                {
                    "paused": True,
                    "is_stopped": True,
                    "paused_reason": reason,
                    "paused_since": fields.Datetime.now(),
                }
            )
            backend._tell(backend.env._("PAYT: the connection stopped"), reason)

    # === BUSINESS: ANOTHER ADMINISTRATION

    def _forget_foreign_tokens(self, vals):
        """Tokens belong to the environment and the client that got them."""
        changed = {name for name in TOKEN_OWNER_FIELDS if name in vals}
        moved = self.sudo().filtered(lambda backend: any(backend[name] != vals[name] for name in changed))
        moved.token_ids._forget()

    def _is_elsewhere(self, environment, administration_id):
        """Whether this is another administration than the given one.

        Without an id it was the only one there is; giving that its id changes nothing.
        """
        is_other = administration_id and administration_id != self.administration_id
        return self.environment != environment or bool(is_other)

    def _was_used(self):
        return bool(
            self.env["payt.outbox"].sudo().search_count([("backend_id", "=", self.id), ("state", "=", "sent")], limit=1)
        )

    def _forget_administration(self):
        """Take all records for unknown to PAYT, so that they can be handed over again. Debtors keep their numbers."""
        company = self.company_id
        self._drop_waiting(self.env._("It was for another administration. Hand it over again."))
        company._forget_payt_vat_rates()
        backend = self.with_context(active_test=False).with_company(company)
        # from the top down: by what a lower room forgets the upper ones find their records
        backend._forget_clearing()
        backend._forget_dunning()
        backend._forget_incoming()
        backend._forget_outgoing()

    # === BUSINESS: WHO IS TOLD

    def _tell(self, summary, note):
        """An activity for the responsible person, one at a time for the same thing."""
        for backend in self:
            if summary not in backend.activity_ids.mapped("summary"):
                user = backend.responsible_id or self.env.ref("base.user_admin")
                backend.activity_schedule(
                    "mail.mail_activity_data_warning", summary=summary, note=note, user_id=user.id
                )

    def _is_news(self, moment):
        """Whether something happened since there is a connection.

        The first reading of an administration brings years of reminders and comments: they are kept, but nobody has to
        be told.

        :param moment: in UTC, without time zone
        """
        self.ensure_one()
        return bool(moment) and moment >= self.create_date.replace(microsecond=0)

    def _get_person(self, move=None):
        """Who looks after the administration: the person responsible for the connection, or for the invoice.

        :param move: ``account.move`` record
        """
        self.ensure_one()
        candidates = self.responsible_id
        if move:
            candidates += move.invoice_user_id
        company = self.company_id
        fit = candidates.filtered(lambda user: user.active and not user.share and company in user.company_ids)
        return fit[:1] or self.env.ref("base.user_admin")

    def _ask_person(self, record, summary, note, activity_type="mail.mail_activity_data_todo"):
        """An activity on a record, for who looks after it.

        :param record: invoice or customer
        :param note: text
        :return: ``mail.activity`` record
        """
        self.ensure_one()
        person = self._get_person(record if record._name == "account.move" else None)
        return record.activity_schedule(activity_type, summary=summary, note=plaintext2html(note), user_id=person.id)
