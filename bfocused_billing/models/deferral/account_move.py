import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...deferral import get_deferral, is_total_released
from ...periods import is_quarter_turn

_logger = logging.getLogger(__name__)


class AccountMove(models.Model):
    """Deferral of small invoices (R5): what waits and why, also without a run, and by when the law wants it sent."""

    _inherit = "account.move"

    deferral_reason = fields.Char(compute="_compute_deferral_reason")
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

    @api.depends(
        lambda self: [
            "deferral_state",
            "state",
            "deferred_until",
            "company_id.use_billing",
            *self.env["res.partner"]._get_deferral_terms_depends(),
        ]
    )
    def _compute_deferral_reason(self):
        for move in self:
            move.deferral_reason = move._is_waiting() and move._get_deferral_reason()

    def _get_deferral_reason(self):
        """Why this invoice waits and until when, as a sentence in the user's language."""
        self.ensure_one()
        if self.deferred_until and not is_quarter_turn(self.deferred_until):
            return self.env._("It waits no longer for the quarter turn, and goes with the next billing run.")
        date = format_date(self.env, self.deferred_until, date_format="d MMMM y")
        terms = self._get_deferral_terms()
        if terms.wish == "always":
            return self.env._("This customer gets one invoice a quarter, at the quarter turn of %s.", date)
        values = {"minimum": self.company_id.currency_id.format(terms.minimum), "date": date}
        if terms.release == "threshold":
            return self.env._(
                "Under %(minimum)s, so it waits until the total of what waits reaches that, or goes along with the "
                "quarter turn of %(date)s.",
                **values,
            )
        return self.env._("Under %(minimum)s, so it goes along with the quarter turn of %(date)s.", **values)

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

    # === ACTIONS

    def action_post(self):
        # EXTENDS 'account': a person's confirmation defers what is too small, and leaves what waits as it is
        if self.env.context.get("billing_send_anyway"):
            return super().action_post()
        waiting, others = self._defer_small()
        result = super(AccountMove, others).action_post() if others or not self else False
        return waiting._get_deferred_notification() if waiting and not result else result

    def action_validate_moves_with_confirmation(self):
        # EXTENDS 'account': the same when many are confirmed from the list
        waiting, others = self._defer_small()
        result = False
        if others or not waiting:
            result = super(AccountMove, others).action_validate_moves_with_confirmation()
        return waiting._get_deferred_notification() if waiting and not result else result

    def action_send_anyway(self):
        """Post the deferred invoices now instead of at the quarter turn, dated today, and go on to sending them."""
        waiting = self.filtered(lambda move: move._is_waiting())
        waiting._send_off()
        return waiting.action_send_and_print()

    def _get_deferred_notification(self, next_action=None):
        """Client action that says what wasn't posted: until when and why, or how many.

        :param next_action: what to do after it; without it, the page is read again
        """
        message = (
            self.deferral_reason
            if len(self) == 1
            else self.env._("%s invoices are too small to send now. Each says until when it waits.", len(self))
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Deferred"),
                "message": message,
                "type": "warning",
                "next": next_action or {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    # === BUSINESS

    def _get_deferral_terms(self):
        """What holds for this invoice's customer (R5)."""
        self.ensure_one()
        return self.commercial_partner_id._get_deferral_terms(self.company_id)

    def _is_waiting(self):
        """Whether this is a draft that waits for the quarter turn."""
        self.ensure_one()
        return self.deferral_state == "deferred" and self.state == "draft" and self.company_id.use_billing

    def _get_waiting_domain(self, company):
        """Domain of the invoices of ``company`` that wait for the quarter turn."""
        return [
            ("company_id", "=", company.id),
            ("state", "=", "draft"),
            ("deferral_state", "=", "deferred"),
            ("move_type", "=", "out_invoice"),
        ]

    def _defer_small(self):
        """Let those of these drafts wait that are too small to be sent, or postpone only their collection.

        :return: the drafts that wait, also those that waited before; and those that don't, without what was put on
            another of them
        """
        waiting = self.browse()
        drafts = self.filtered(lambda move: move.state == "draft")
        for move in drafts:  # one after the other: what waits already counts for the next
            if move.state == "cancel":
                continue  # its lines were put on one before it
            if move._is_waiting() and not move._is_paid_online():
                waiting += move
                continue
            if not move._is_deferrable():
                continue
            date = move._get_confirmed_deferral_date()
            if not date:
                move._release_waiting_of_customer()
            elif move.company_id._issues_small_invoices(move.invoice_line_ids.mapped("supply_nature")):
                move._postpone_collection(date)
            elif not move.correction_of_id:  # which goes with its reversal
                move._defer_until(date)
                waiting += move
        merged = drafts.filtered(lambda move: move.state == "cancel")
        return waiting - merged, self - waiting - merged

    def _is_deferrable(self):
        """Whether the deferral is about this draft at all: an invoice nobody saw or paid yet, made without a run."""
        self.ensure_one()
        return (
            self.move_type == "out_invoice"
            and self.state == "draft"
            and self.company_id.use_billing
            and self.deferral_state in (False, "none")
            and not self.billing_run_id
            and not self.posted_before
            and self.currency_id.compare_amounts(self.amount_total, 0) > 0
            and not self._is_downpayment()
            and not self._is_paid_online()
        )

    def _is_paid_online(self):
        """Whether the customer paid, so that the payment's own posting of the invoice mustn't wait."""
        return any(transaction.state in ("authorized", "done") for transaction in self.sudo().transaction_ids)

    def _get_confirmed_deferral_date(self):
        """Until when this draft waits when somebody confirms it (R5).

        :return: date of the quarter turn, or ``None`` when it is invoiced now
        """
        customer, today = self.commercial_partner_id, fields.Date.context_today(self)
        date = self.invoice_date or today
        deferral = get_deferral(
            date,
            today,
            self._get_deferral_terms(),
            is_small=lambda: customer._is_under_minimum(self.company_id, self, self.currency_id, date),
            is_completed=self._completes_waiting_total,
        )
        return deferral.until

    def _completes_waiting_total(self):
        """Whether, together with what waits for this customer, the minimum is reached where that releases it (R5)."""
        terms = self._get_deferral_terms()
        field = f"{terms.amount_field}_signed"  # in the company's currency
        return is_total_released(
            terms,
            get_total=lambda: sum((self._get_customer_waiting() + self).mapped(field)),
            rounding=self.company_id.currency_id.rounding,
        )

    def _get_customer_waiting(self):
        """The drafts of this invoice's customer and company that wait."""
        customer = [("commercial_partner_id", "=", self.commercial_partner_id.id), ("id", "not in", self.ids)]
        return self.search([*self._get_waiting_domain(self.company_id), *customer], order="id")

    def _release_waiting_of_customer(self):
        """Release what waits for this customer where this invoice completes the minimum: on it, or else beside it."""
        if not self._completes_waiting_total():
            return
        waiting = self._get_customer_waiting().filtered(lambda move: not move._get_collection_problem())
        terms = self._get_shared_terms(waiting)
        joining = waiting.filtered(lambda move: move._fits(terms))
        if joining:
            self.write({"payment_mode_id": terms.payment_mode_id, "mandate_id": terms.mandate_id})
            (self + joining)._merge_waiting()
        (waiting - joining)._send_off()

    def _postpone_collection(self, date):
        """Let the invoice be sent now and be collected with the quarter's batch."""
        self.write(self._prepare_postponed_collection(date))
        self.message_post(
            body=self.env._(
                "Under the minimum amount: sent now, collected from %s on.",
                format_date(self.env, date, date_format="d MMMM y"),
            )
        )

    def _prepare_postponed_collection(self, date):
        """Values of an invoice that is collected from ``date`` on; a payment term would set another due date."""
        return {"collection_date": date, "invoice_payment_term_id": False, "invoice_date_due": date}

    def _defer_until(self, date):
        # the date of a waiting draft moves with the run it joins, the day of the supply doesn't
        supplied = self.delivery_date or self.invoice_date or fields.Date.context_today(self)
        self.invoice_line_ids.filtered(lambda line: not line.supply_date).supply_date = supplied
        self._stop_automatic_posting()
        self.write({"deferral_state": "deferred", "deferred_until": date})
        self.message_post(body=self.deferral_reason)

    @api.model
    def _prepare_billing_dates(self, date):
        """Values that date an invoice; Odoo itself would let one without payment term fall due on the day it is made.

        :param date: date of the invoice
        """
        return {"invoice_date": date, "invoice_date_due": date}

    def _send_off(self):
        """Post these deferred invoices, dated today, to be collected with the mandates that are valid today."""
        for move in self:
            move.mandate_id = move._get_invoice_terms().mandate_id
        self.write(self._prepare_billing_dates(fields.Date.context_today(self)))
        self.with_context(billing_send_anyway=True).action_post()

    # === AUTOMATIC POSTING

    def _autopost_draft_entries(self, batch_size=100):
        # EXTENDS 'account': what Odoo confirms by itself on its day waits too when it is too small
        domain = [
            ("state", "=", "draft"),
            ("date", "<=", fields.Date.context_today(self)),
            ("auto_post", "!=", "no"),
            ("move_type", "=", "out_invoice"),
            ("company_id.use_billing", "=", True),
        ]
        for move in self.search(domain):
            try:
                with self.env.cr.savepoint():
                    move._defer_small()
            except UserError:  # Odoo's own posting of it says on the invoice what is wrong
                _logger.info("Invoice %s could not be deferred", move.id, exc_info=True)
        return super()._autopost_draft_entries(batch_size)

    def _stop_automatic_posting(self):
        """Odoo mustn't post on its day what waits; a recurring invoice has its successor as if it had been posted."""
        if self.auto_post not in ("no", "at_date"):
            self._copy_recurring_entries()
        self.auto_post = "no"

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
            localized = moves.with_context(lang=user.lang)
            localized.activity_schedule(
                "mail.mail_activity_data_todo",
                date_deadline=date,
                summary=localized.env._("Deferred invoice: send it in time"),
                note=localized.env._(
                    "The law wants this invoice by %s. After that day it is late; Send anyway sends it now.",
                    format_date(localized.env, date),
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
