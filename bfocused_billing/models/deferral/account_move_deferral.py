import logging

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...periods import is_quarter_turn, next_quarter

_logger = logging.getLogger(__name__)


class AccountMove(models.Model):
    """Deferral of small invoices (R5) that no billing run made: confirming one under the minimum lets it wait."""

    _inherit = "account.move"

    collection_date = fields.Date(
        string="Collected from",
        copy=False,
        readonly=True,
        help="The invoice was sent, but is so small that it is collected with the batch of this quarter turn.",
    )

    # === ACTIONS

    def action_post(self):
        # EXTENDS 'account': a person's confirmation defers what is too small, and lets wait what waits
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

    def _defer_small(self):
        """Let those of these drafts wait that are too small to be sent, or postpone only their collection.

        :return: the drafts that wait, also those that waited before; and those that don't, without what was put on
            another of them
        """
        waiting = self.browse()
        drafts = self.filtered(lambda move: move.state == "draft")
        for move in drafts:  # one after the other: what waits already counts for the next
            if move.state == "cancel":
                continue  # one before it took it along
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
            else:
                move._defer_until(date)
                waiting += move
        taken = drafts.filtered(lambda move: move.state == "cancel")
        return waiting - taken, self - waiting - taken

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
        """Until when this draft waits when somebody confirms it.

        :return: date of the quarter turn, or ``None`` when it is invoiced now
        """
        today = fields.Date.context_today(self)
        date = self.invoice_date or today
        if is_quarter_turn(date) or next_quarter(date) <= today:
            return None
        company = self.company_id
        wish = self.commercial_partner_id.with_company(company).billing_deferral
        if wish:
            return next_quarter(date) if wish == "always" else None
        if not company._is_under_billing_minimum(self, self.currency_id, date) or self._completes_waiting_total():
            return None
        return next_quarter(date)

    def _completes_waiting_total(self):
        """Whether, together with what waits for this customer, the minimum is reached where that releases it."""
        company = self.company_id
        if company.billing_deferral_release != "threshold":
            return False
        field = f"{company._get_billing_minimum_field()}_signed"  # in the company's currency
        total = sum((self._get_customer_waiting() + self).mapped(field))
        return company.currency_id.compare_amounts(total, company.billing_min_amount) >= 0

    def _get_customer_waiting(self):
        """The drafts of this invoice's customer and company that wait."""
        customer = [("commercial_partner_id", "=", self.commercial_partner_id.id), ("id", "not in", self.ids)]
        return self.search([*self._get_waiting_domain(self.company_id), *customer], order="id")

    def _release_waiting_of_customer(self):
        """Release what waits for this customer where this invoice completes the minimum: on it, or else beside it."""
        if not self._completes_waiting_total():
            return
        if self.commercial_partner_id.with_company(self.company_id).billing_deferral:
            return  # the minimum is not what this customer's invoices wait for
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
