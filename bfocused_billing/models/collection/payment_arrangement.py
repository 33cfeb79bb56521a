import logging
from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

_logger = logging.getLogger(__name__)

IN_FORCE = ("requested", "agreed")
# What an arrangement is about: fixed once it was agreed or refused
AGREED_FIELDS = {"company_id", "partner_id", "currency_id", "move_ids", "term_ids"}


class PaymentArrangement(models.Model):
    """A customer pays open invoices in instalments ("betalingsregeling").

    While it is agreed, its invoices aren't collected by the company's own payment orders. It is kept as soon as they
    are paid, and broken when an instalment isn't, some days after its due date.
    """

    _name = "bfocused.payment.arrangement"
    _description = "Payment Arrangement"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "id desc"
    _check_company_auto = True

    company_id = fields.Many2one("res.company", required=True, index=True, default=lambda self: self.env.company)
    partner_id = fields.Many2one(
        "res.partner", string="Customer", required=True, index=True, domain="[('parent_id', '=', False)]", tracking=True
    )
    currency_id = fields.Many2one(
        "res.currency",
        required=True,
        compute="_compute_currency_id",
        store=True,
        readonly=False,
        precompute=True,
    )
    move_ids = fields.Many2many(
        "account.move",
        string="Invoices",
        check_company=True,
        domain="[('move_type', '=', 'out_invoice'), ('state', '=', 'posted'), ('amount_residual', '>', 0),"
        " ('commercial_partner_id', '=', partner_id), ('company_id', '=', company_id)]",
    )
    term_ids = fields.One2many("bfocused.payment.arrangement.term", "arrangement_id", string="Instalments", copy=False)
    asked_by = fields.Selection(
        [("staff", "Us"), ("customer", "The customer")], string="Asked by", required=True, default="staff"
    )
    reason = fields.Char()
    state = fields.Selection(
        [
            ("requested", "Requested"),
            ("agreed", "Agreed"),
            ("refused", "Refused"),
            ("broken", "Broken"),
            ("kept", "Kept"),
        ],
        required=True,
        readonly=True,
        default="requested",
        copy=False,
        tracking=True,
        index=True,
    )
    agreed_date = fields.Date(string="Agreed on", readonly=True, copy=False)
    amount = fields.Monetary(string="Sum of the instalments", compute="_compute_amount", store=True)
    open_amount = fields.Monetary(string="Still open", compute="_compute_open_amount")

    # === COMPUTE

    @api.depends("partner_id", "amount", "currency_id")
    def _compute_display_name(self):
        for arrangement in self:
            amount = arrangement.currency_id.format(arrangement.amount) if arrangement.currency_id else ""
            arrangement.display_name = f"{arrangement.partner_id.name or ''} - {amount}"

    @api.depends("move_ids", "company_id")
    def _compute_currency_id(self):
        for arrangement in self:
            own = arrangement.move_ids[:1].currency_id or arrangement.currency_id
            arrangement.currency_id = own or arrangement.company_id.currency_id

    @api.depends("term_ids.amount")
    def _compute_amount(self):
        for arrangement in self:
            arrangement.amount = sum(arrangement.term_ids.mapped("amount"))

    @api.depends("move_ids.amount_residual")
    def _compute_open_amount(self):
        for arrangement in self:
            arrangement.open_amount = sum(arrangement.sudo().move_ids.mapped("amount_residual"))

    # === CONSTRAINTS

    @api.constrains("company_id", "partner_id", "currency_id", "move_ids")
    def _check_invoices(self):
        for arrangement in self:
            moves = arrangement.sudo().move_ids
            wrong = moves.filtered(
                lambda move, arrangement=arrangement: (
                    move.company_id != arrangement.company_id
                    or move.commercial_partner_id != arrangement.partner_id.commercial_partner_id
                    or move.currency_id != arrangement.currency_id
                    or move.move_type != "out_invoice"
                    or move.state != "posted"
                )
            )
            if wrong:
                raise ValidationError(
                    self.env._(
                        "%s: an arrangement is about posted invoices of one customer, in one company and currency.",
                        ", ".join(wrong.mapped("display_name")),
                    )
                )

    @api.constrains("move_ids", "state")
    def _check_once(self):
        for arrangement in self.sudo().filtered(lambda one: one.state in IN_FORCE):
            others = arrangement.move_ids.arrangement_ids.filtered(lambda one: one.state in IN_FORCE) - arrangement
            shared = arrangement.move_ids & others.move_ids
            if shared and arrangement._is_watched_here():
                raise ValidationError(
                    self.env._(
                        "%s is in another arrangement that was requested or agreed.",
                        ", ".join(shared.mapped("display_name")),
                    )
                )

    def _check_sum(self):
        """
        :raise UserError: when the instalments aren't what is open
        """
        for arrangement in self:
            if not arrangement.move_ids:
                raise UserError(self.env._("An arrangement is about at least one invoice."))
            format_amount = arrangement.currency_id.format
            if arrangement.currency_id.compare_amounts(arrangement.amount, arrangement.open_amount):
                raise UserError(
                    self.env._(
                        "The instalments are %(instalments)s together, and %(open)s is open. Make them the same.",
                        instalments=format_amount(arrangement.amount),
                        open=format_amount(arrangement.open_amount),
                    )
                )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        if not self.env.su and any(values.get("state", "requested") != "requested" for values in vals_list):
            raise UserError(self.env._("A new arrangement is requested; agree with it by its button."))
        return super().create(vals_list)

    def write(self, vals):
        """What was agreed stays as it was agreed; states follow from buttons."""
        if not self.env.su and "state" in vals:
            raise UserError(self.env._("The state of an arrangement changes by its buttons."))
        if AGREED_FIELDS & vals.keys():
            self._check_editable()
        return super().write(vals)

    @api.ondelete(at_uninstall=False)
    def _unlink_except_decided(self):
        if self.filtered(lambda arrangement: arrangement.state != "requested"):
            raise UserError(self.env._("An arrangement is kept once it was agreed or refused."))

    def _check_editable(self):
        if not self.env.su and self.filtered(lambda arrangement: not arrangement._is_editable()):
            raise UserError(self.env._("This arrangement can't be changed any more. End it and make another one."))

    def _is_editable(self):
        """Whether a person may change what it is about."""
        self.ensure_one()
        return self.state == "requested"

    # === ACTIONS

    def action_agree(self):
        """Agree with what was requested."""
        self._check_may_decide("requested")
        self._agree()

    def action_refuse(self):
        """Refuse what was requested."""
        self._check_may_decide("requested")
        self._refuse()

    def action_end(self):
        """End what was agreed: the customer doesn't keep to it."""
        self._check_may_decide("agreed")
        self._break(self.env._("Ended by %s.", self.env.user.name))

    def _check_may_decide(self, state):
        self.check_access("write")
        if self.filtered(lambda arrangement: arrangement.state != state):
            states = dict(self._fields["state"]._description_selection(self.env))
            raise UserError(self.env._("This is for arrangements that are: %s.", states[state]))

    # === BUSINESS

    def _agree(self):
        """From now on its invoices aren't collected otherwise."""
        self.filtered(lambda arrangement: arrangement._is_watched_here())._check_sum()
        self._set_state("agreed", agreed_date=fields.Date.context_today(self))

    def _refuse(self):
        self._set_state("refused")

    def _break(self, reason):
        """It isn't kept to.

        :param reason: sentence for the log
        """
        self._set_state("broken")
        for arrangement in self:
            arrangement.message_post(body=reason)

    def _keep(self):
        """Everything is paid."""
        self._set_state("kept")

    def _set_state(self, state, **values):
        """Move on; what somebody had to do about the state before is done with."""
        self.sudo().activity_unlink(["mail.mail_activity_data_todo"])
        self.sudo().write({"state": state, **values})

    def _is_watched_here(self):
        """Whether Odoo looks after its instalments, and not a service that collects for the company."""
        self.ensure_one()
        return True

    def _is_paid(self):
        self.ensure_one()
        return bool(self.move_ids) and self.currency_id.is_zero(self.open_amount)

    def _keep_paid(self):
        """Those of which all is paid are kept."""
        self.filtered(lambda one: one.state == "agreed" and one._is_watched_here() and one._is_paid())._keep()

    def _get_term_rests(self):
        """What is open of each instalment: what was paid pays the oldest first.

        :return: dict of instalment to amount
        """
        self.ensure_one()
        paid = 0.0 if self.state == "requested" else max(self.amount - self.open_amount, 0.0)
        rests = {}
        for instalment in self.term_ids.sorted("due_date"):
            used = min(paid, instalment.amount)
            paid -= used
            rests[instalment] = self.currency_id.round(instalment.amount - used)
        return rests

    # === WATCHING

    @api.model
    def _cron_watch(self):
        """See which arrangements are kept, and which aren't kept to."""
        arrangements = self.search([("state", "=", "agreed")])
        for number, arrangement in enumerate(arrangements, start=1):
            arrangement.with_company(arrangement.company_id)._watch_safely()
            self.env["ir.cron"]._commit_progress(1, remaining=len(arrangements) - number)

    def _watch_safely(self):
        """What goes wrong with one doesn't stop the others."""
        try:
            with self.env.cr.savepoint():
                self._watch(fields.Date.context_today(self))
        except (UserError, ValidationError):
            _logger.exception("Payment arrangement %s could not be watched", self.id)

    def _watch(self, today):
        """Keep it or break it, by what was paid of its instalments.

        :param today: date
        """
        self.ensure_one()
        self._keep_paid()
        if self.state == "agreed":
            late = self._get_late_terms(today)
            if late:
                self._treat_late(late)

    def _get_late_terms(self, today):
        """Instalments that aren't paid although their days of grace went by too."""
        last = today - timedelta(days=self.company_id.arrangement_grace_days)
        rests = self._get_term_rests()
        return self.term_ids.filtered(
            lambda one: one.due_date < last and self.currency_id.compare_amounts(rests[one], 0) > 0
        )

    def _treat_late(self, instalments):
        """An instalment wasn't paid in time: that breaks the arrangement, and a person is told."""
        localized = self._with_responsible()
        self._break(self._get_late_reason(instalments))
        self._tell_responsible(localized.env._("Payment arrangement broken"), localized._get_late_reason(instalments))

    def _get_late_reason(self, instalments):
        first = instalments.sorted("due_date")[:1]
        return self.env._(
            "The instalment of %(amount)s that was due on %(date)s wasn't paid.",
            amount=self.currency_id.format(first.amount),
            date=format_date(self.env, first.due_date),
        )

    # === TELLING

    def _get_responsible(self):
        return self.partner_id._get_mandate_user(self.company_id)

    def _with_responsible(self):
        """This record in the language of whom it is for."""
        return self.with_context(lang=self._get_responsible().lang)

    def _tell_responsible(self, summary, note):
        """An activity, one at a time for the same thing."""
        self.ensure_one()
        own = self.sudo()
        if summary not in own.activity_ids.mapped("summary"):
            own.activity_schedule(
                "mail.mail_activity_data_todo", summary=summary, note=note, user_id=self._get_responsible().id
            )
