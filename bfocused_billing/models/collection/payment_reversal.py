import logging

from markupsafe import Markup

from odoo import api, fields, models
from odoo.tools import format_date

_logger = logging.getLogger(__name__)


class PaymentReversal(models.Model):
    """One direct debit that was rejected, returned or refunded, and what was done with it."""

    _name = "bfocused.payment.reversal"
    _description = "Reversed direct debit"
    _inherit = ["mail.thread", "mail.activity.mixin"]
    _order = "date desc, id desc"
    _check_company_auto = True
    _mail_post_access = "read"  # nobody writes on a reversal, but its activities are done and discussed

    company_id = fields.Many2one("res.company", required=True, readonly=True, index=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True, index=True)
    commercial_partner_id = fields.Many2one(related="partner_id.commercial_partner_id", store=True, index=True)
    move_ids = fields.Many2many("account.move", string="Invoices", readonly=True, check_company=True)
    mandate_id = fields.Many2one("account.banking.mandate", readonly=True, check_company=True, index="btree_not_null")
    return_line_id = fields.Many2one("payment.return.line", readonly=True, index="btree_not_null", ondelete="set null")
    policy_id = fields.Many2one("bfocused.payment.return.policy", readonly=True, ondelete="restrict")
    code = fields.Char(string="Reason code", readonly=True)
    info = fields.Char(string="Bank's information", readonly=True)
    reference = fields.Char(required=True, readonly=True, help="What names the reversed debit; it is handled once.")
    date = fields.Date(required=True, readonly=True, default=fields.Date.context_today)
    amount = fields.Monetary(readonly=True)
    currency_id = fields.Many2one("res.currency", required=True, readonly=True)
    retry_date = fields.Date(string="Collected again on", readonly=True)
    is_counted = fields.Boolean(
        string="Counts as a reversal of the customer",
        readonly=True,
        help="As the policy said when the debit was reversed.",
    )
    state = fields.Selection(
        selection=[("applied", "Applied"), ("withdrawn", "Withdrawn")],
        required=True,
        readonly=True,
        default="applied",
        help="Withdrawn: the payment return it came with was cancelled.",
    )

    _once = models.UniqueIndex("(company_id, reference) WHERE state = 'applied'", "This debit was reversed already.")

    # === COMPUTE

    @api.depends("code", "policy_id.name", "partner_id")
    def _compute_display_name(self):
        for reversal in self:
            reversal.display_name = f"{reversal._get_reason()} - {reversal.partner_id.name or ''}"

    def _get_reason(self):
        """The reason as the bank names it, followed by its meaning."""
        return " ".join(filter(None, (self.code, self.policy_id.name)))

    # === BUSINESS

    def _apply(self):
        """Do what the policy says, in the order in which the steps need each other."""
        self.ensure_one()
        self._treat_invoices()
        self._treat_mandate()
        self._tell_customer()
        self._tell_staff()
        _logger.info("Reversal %s of debit %s, reason %s", self.id, self.reference, self.code)

    def _treat_invoices(self):
        policy = self.policy_id
        retried = self.move_ids.filtered(lambda move: move.collection_retry_count < policy.retry_count)
        if retried and retried == self.move_ids:
            lead_days = max(retried.payment_mode_id.mapped("collection_lead_days"), default=0)
            start = max(self.date, fields.Date.context_today(self))
            self.retry_date = policy._get_retry_date(start, lead_days)
        for move in self.move_ids:
            move._apply_reversal_state(self.retry_date, policy.invoice_action or "staff")
            move.message_post(body=self._get_note(move))

    def _get_note(self, move):
        """What the invoice's log says."""
        states = dict(move._fields["reversal_state"]._description_selection(self.env))
        return Markup("%s<br/>%s") % (
            self.env._(
                "Direct debit reversed on %(date)s: %(reason)s",
                date=format_date(self.env, self.date),
                reason=self._get_reason(),
            ),
            self.env._("Collected again on %s", format_date(self.env, self.retry_date))
            if self.retry_date
            else states[move.reversal_state],
        )

    def _treat_mandate(self):
        policy, mandate = self.policy_id, self.mandate_id
        if policy.stop_mandate and mandate.state in ("draft", "valid"):
            # whether and how the customer is asked for a new one is up to the policy
            mandate.with_context(billing_mandate_request_follows=True).cancel()
            mandate.message_post(body=self.env._("Stopped by a reversed direct debit: %s", self._get_reason()))
        if policy.request_reason:
            user = self.partner_id._get_mandate_user(self.company_id)
            reason = policy.with_context(lang=user.lang).request_reason
            self.partner_id._request_new_mandate(reason, policy.request_scheme)

    def _tell_customer(self):
        template = self.policy_id.mail_template_id
        if not template or not self.move_ids:  # it speaks of invoices; of a debit without one staff is told
            return
        if self.partner_id.email:
            template.send_mail(self.id)
            return
        self._add_activity(
            lambda localized: localized.env._("No e-mail address: tell the customer of the reversal"),
            lambda localized: "",
        )

    def _tell_staff(self):
        policy = self.policy_id
        # without an invoice nothing shows that the amount is open again, nor goes on to collect or remind of it
        if policy.activity_summary or not policy or not self.move_ids:
            self._add_activity(
                lambda localized: (
                    localized.policy_id.activity_summary or localized.env._("Reversed direct debit: look at it")
                ),
                lambda localized: localized._get_activity_note(),
            )

    def _add_activity(self, get_summary, get_note):
        """Put an activity on this reversal, in the language of whom it is for."""
        user = self.policy_id.activity_user_id or self.partner_id._get_mandate_user(self.company_id)
        localized = self.with_context(lang=user.lang)
        localized.activity_schedule(
            "mail.mail_activity_data_todo", summary=get_summary(localized), note=get_note(localized), user_id=user.id
        )

    def _get_activity_note(self):
        """What whoever looks at it wants to know: the reason, the invoices and, where asked for, doubles."""
        parts = [self._get_reason(), self.info, ", ".join(self.move_ids.mapped("display_name"))]
        if self.policy_id.check_double:
            doubles = self._find_doubles()
            parts.append(
                self.env._("Other debits of this amount: %s", ", ".join(doubles.mapped("display_name")))
                if doubles
                else self.env._("No other debit of this customer and amount was found.")
            )
        return Markup("<br/>").join(filter(None, parts))

    def _find_doubles(self):
        """Other debits of the same customer and amount that the bank got, without those that were reversed too."""
        lines = (
            self.env["account.payment.line"]
            .sudo()
            .search(
                [
                    ("company_id", "=", self.company_id.id),
                    ("state", "=", "uploaded"),
                    ("partner_id.commercial_partner_id", "=", self.commercial_partner_id.id),
                    ("payment_type", "=", "inbound"),
                ]
            )
        )
        reversed_ids = {int(name.split(":")[1]) for name in self._get_reversed_references()}
        return lines.payment_ids.filtered(
            lambda payment: (
                payment.id not in reversed_ids and not self.currency_id.compare_amounts(payment.amount, self.amount)
            )
        )

    def _get_reversed_references(self):
        """References of the customer's reversed debits that are payments of this database, ``payment:<id>``."""
        domain = [
            ("company_id", "=", self.company_id.id),
            ("commercial_partner_id", "=", self.commercial_partner_id.id),
            ("reference", "=like", "payment:%"),
            ("state", "=", "applied"),
        ]
        return self.search(domain).mapped("reference")

    def _withdraw(self):
        """Take back what can be taken back, as the bank's return was no return; a stopped mandate stays stopped."""
        for reversal in self.filtered(lambda reversal: reversal.state == "applied"):
            reversal.state = "withdrawn"
            reversal.activity_ids.unlink()
            for move in reversal.move_ids:
                retries = move.collection_retry_count - bool(reversal.retry_date)
                # what a later reversal of the invoice decided, stays
                again = {} if reversal._find_later(move) else move._prepare_collect_again()
                move.write({**again, "collection_retry_count": max(retries, 0)})

    def _find_later(self, move):
        """Reversals of an invoice that were applied after this one."""
        domain = [("move_ids", "in", move.ids), ("state", "=", "applied"), ("id", ">", self.id)]
        return self.search(domain, limit=1)
