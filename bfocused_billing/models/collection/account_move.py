from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import format_date

from ...banking_days import add_banking_days, get_collection_day
from ...instalments import equal_instalments


class AccountMove(models.Model):
    """When an invoice is collected on the company's own bank contract, and why it isn't.

    After a reversed debit it is collected again as the policy says. While it is paid by a payment arrangement it isn't
    collected at all.
    """

    _inherit = "account.move"

    collection_problem = fields.Char(
        copy=False,
        readonly=True,
        help="Why this invoice was left out when its payment mode was last collected.",
    )
    reversal_state = fields.Selection(
        selection=[
            ("retry", "Collected again"),
            ("reminder", "Not collected again: reminder flow"),
            ("mandate", "Waits for a new mandate"),
            ("dispute", "Disputed"),
            ("staff", "A person decides"),
        ],
        string="Follow-up of the reversal",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="What becomes of this invoice's collection after its direct debit was reversed.",
    )
    collection_date = fields.Date(
        string="Collected from",
        copy=False,
        readonly=True,
        help="The invoice was sent, but is so small that it is collected with the batch of this quarter turn.",
    )
    collection_retry_date = fields.Date(string="Collected again on", copy=False, readonly=True)
    collection_retry_count = fields.Integer(
        string="Retries", copy=False, readonly=True, help="How many times this invoice was collected again."
    )
    arrangement_ids = fields.Many2many(
        "bfocused.payment.arrangement",
        string="Payment arrangements",
        copy=False,
        readonly=True,
        groups="bfocused_billing.group_billing_user",
        bypass_search_access=True,
    )
    has_arrangement = fields.Boolean(compute="_compute_has_arrangement", compute_sudo=True)

    # === COMPUTE

    @api.depends("arrangement_ids.state")
    def _compute_has_arrangement(self):
        for move in self:
            move.has_arrangement = bool(move._get_arrangement())

    # === ACTIONS

    def action_open_arrangement(self):
        """The arrangement that was requested or agreed for this invoice."""
        self.ensure_one()
        arrangement = self._get_arrangement(("agreed", "requested"))
        return {
            "type": "ir.actions.act_window",
            "res_model": arrangement._name,
            "res_id": arrangement.id,
            "view_mode": "form",
        }

    def action_collect_again(self):
        """Let a reversed invoice be collected again, with the next payment order."""
        self.write(self._prepare_collect_again())

    # === BUSINESS

    # --- when and whether it is collected

    def _get_collection_day(self, today, due=None):
        """The banking day on which this invoice is collected.

        :param today: date on which the file is made
        :param due: due date of the instalment; the invoice's own when left out
        """
        self.ensure_one()
        mode = self.payment_mode_id
        floor = [add_banking_days(today, mode.collection_lead_days), *self._get_collection_floor()]
        due = due or self.invoice_date_due
        return get_collection_day(max(floor), due, self.invoice_date, self._get_notice_days())

    def _get_notice_days(self):
        """Calendar days between telling the customer and collecting: the payment mode's, or more where the mandate that
        was signed says more."""
        self.ensure_one()
        return max(self.payment_mode_id.pre_notification_days, self.mandate_id._get_agreed_notice_days())

    def _get_collection_floor(self):
        """Days before which this invoice mustn't be collected, besides its due date and the notice."""
        self.ensure_one()
        return [day for day in (self.collection_date, self.collection_retry_date) if day]

    @api.model
    def _get_to_collect_domain(self, mode):
        """Domain of the receivable lines that are collected with a payment mode and stand on no payment order.

        After a reversal that is only what is retried or waits for a mandate.
        """
        collectable = Domain(
            [
                ("move_id.payment_mode_id", "=", mode.id),
                ("company_id", "=", mode.company_id.id),
                ("parent_state", "=", "posted"),
                ("move_id.move_type", "=", "out_invoice"),
                ("account_id.account_type", "=", "asset_receivable"),
                ("reconciled", "=", False),
                ("amount_residual", ">", 0),
            ]
        )
        on_order = Domain("payment_line_ids.state", "in", ("draft", "open", "generated"))
        in_arrangement = Domain("move_id.arrangement_ids.state", "=", "agreed")
        reversal_states = Domain("move_id.reversal_state", "in", [False, "retry", "mandate"])
        return collectable & ~on_order & ~in_arrangement & reversal_states

    def _get_debit_problem(self, day):
        """Why this invoice can't be collected on ``day``, as a sentence in the user's language.

        :return: ``False`` when it can
        """
        self.ensure_one()
        if self._get_arrangement():
            return self.env._("It is paid in the instalments of a payment arrangement.")
        if self.reversal_state in ("dispute", "staff"):
            return self.env._("Its last debit was reversed. Press Collect again on the invoice when that is settled.")
        mandate = self.mandate_id
        if self.currency_id.name != "EUR":
            return self.env._("SEPA collects in euros only.")
        if not mandate:
            return self.commercial_partner_id._get_mandate_problem(self.company_id, mandate)
        if mandate.partner_id.commercial_partner_id != self.commercial_partner_id:
            return self.commercial_partner_id._get_mandate_problem(self.company_id, mandate)
        return mandate._get_debit_problem_on(day)

    # --- netting

    def _net_credit_notes(self):
        """Set the open credit notes of these invoices' customers off against them, so that only the rest is collected.

        A credit note of an invoice goes to that one first, then the oldest to the oldest. Left alone is one that is
        paid back (it has a payment mode), or is in another currency or on another account.
        """
        for (customer, company), moves in self.grouped(
            lambda move: (move.commercial_partner_id, move.company_id)
        ).items():
            notes = self.search(moves._get_open_credit_notes_domain(customer, company), order="invoice_date, id")
            for note in notes:
                mine = note.reversed_entry_id & moves
                others = (moves - mine).sorted(lambda move: (move.invoice_date_due or move.invoice_date, move.id))
                for move in mine + others:
                    note._set_off_against(move)

    @api.model
    def _get_open_credit_notes_domain(self, customer, company):
        return [
            ("commercial_partner_id", "=", customer.id),
            ("company_id", "=", company.id),
            ("move_type", "=", "out_refund"),
            ("state", "=", "posted"),
            ("payment_mode_id", "=", False),
            ("amount_residual", "!=", 0),
        ]

    def _set_off_against(self, invoice):
        """Reconcile what is open of this credit note with what is open of an invoice."""
        lines = (self + invoice).line_ids.filtered(
            lambda line: line.account_id.account_type == "asset_receivable" and not line.reconciled
        )
        if invoice.currency_id == self.currency_id and len(lines.account_id) == 1 and len(lines.move_id) == 2:
            lines.reconcile()

    # --- after a reversal

    @api.model
    def _prepare_collect_again(self):
        return {"reversal_state": False, "collection_retry_date": False}

    def _apply_reversal_state(self, retry_date, otherwise):
        """Set what becomes of the collection.

        :param retry_date: date on which it is collected again, or ``False``
        :param otherwise: value of ``reversal_state`` when it isn't
        """
        self.ensure_one()
        values = {"reversal_state": otherwise, "collection_retry_date": False}
        if retry_date:
            retries = self.collection_retry_count + 1
            values = {
                "reversal_state": "retry",
                "collection_retry_date": retry_date,
                "collection_retry_count": retries,
            }
        self.write(values)

    def _take_new_mandates(self):
        """Let invoices of which the mandate was stopped, replaced, expired or never there be collected with the one
        signed since."""
        ended = ("cancel", "expired", False)
        for move in self.filtered(lambda move: move.reversal_state == "mandate" or move.mandate_id.state in ended):
            mandate = move.commercial_partner_id._get_billing_mandate(move.company_id)
            if mandate and mandate != move.mandate_id and not mandate._get_mandate_problem():
                again = move._prepare_collect_again() if move.reversal_state == "mandate" else {}
                move.write({**again, "mandate_id": mandate.id})
                move.message_post(
                    body=self.env._(
                        "Collected with mandate %(mandate)s, signed on %(date)s.",
                        mandate=mandate.unique_mandate_reference,
                        date=format_date(self.env, mandate.signature_date),
                    )
                )

    # --- arrangement

    def _get_arrangement(self, states=("agreed",)):
        """The arrangement by which this invoice is paid; maybe empty."""
        self.ensure_one()
        arrangements = self.sudo().arrangement_ids
        return next((one for state in states for one in arrangements if one.state == state), arrangements.browse())

    def _invoice_paid_hook(self):
        # EXTENDS 'account': the last payment ends an arrangement as it should
        result = super()._invoice_paid_hook()
        self.sudo().arrangement_ids._keep_paid()
        return result

    def _get_for_arrangement(self):
        """Those of these that can be paid in instalments.

        :raise UserError: when they don't belong together, or there is none
        """
        moves = self.filtered(
            lambda move: move.move_type == "out_invoice" and move.state == "posted" and move.amount_residual > 0
        )
        if not moves:
            raise UserError(self.env._("A payment arrangement is about open invoices; choose some."))
        if len(moves.company_id) > 1 or len(moves.commercial_partner_id) > 1 or len(moves.currency_id) > 1:
            raise UserError(self.env._("Choose invoices of one customer, in one company and one currency."))
        return moves

    def _get_equal_instalments(self, count, first_date):
        """What is open of these invoices in equal monthly instalments.

        :return: list of (date, Decimal)
        """
        currency = self.currency_id
        step = Decimal(str(currency.rounding))
        amount = (Decimal(str(sum(self.mapped("amount_residual")))) / step).quantize(Decimal(1)) * step
        try:
            return equal_instalments(amount, count, first_date, step)
        except ValueError as err:
            raise UserError(
                self.env._(
                    "%(amount)s can't be paid in %(count)s instalments.",
                    amount=currency.format(float(amount)),
                    count=count,
                )
            ) from err

    def _prepare_arrangement(self, count, first_date, **values):
        """Values of an arrangement in equal monthly instalments."""
        moves = self._get_for_arrangement()
        return {
            "company_id": moves.company_id.id,
            "partner_id": moves.commercial_partner_id.id,
            "move_ids": [Command.set(moves.ids)],
            "term_ids": [
                Command.create({"due_date": day, "amount": float(amount)})
                for day, amount in moves._get_equal_instalments(count, first_date)
            ],
            **values,
        }

    # --- arrangement on the portal

    def _get_arrangement_offer(self, user):
        """In how many instalments at most a user of the portal may ask to pay this invoice; 0: not at all."""
        self.ensure_one()
        most = self.company_id.arrangement_max_terms
        is_own = user.partner_id.commercial_partner_id == self.commercial_partner_id and not user._is_public()
        is_open = self.move_type == "out_invoice" and self.state == "posted" and self.amount_residual > 0
        if not is_own or not is_open or most < 2 or self._get_arrangement(("requested", "agreed")):
            return 0
        return most

    def _ask_for_arrangement(self, user, count, reason):
        """Keep what a customer asks for, and have somebody answer it.

        :param user: ``res.users`` of the portal
        :param count: number of instalments, as text
        :param reason: why, in the customer's words
        :raise UserError: when this isn't offered
        """
        self.ensure_one()
        number = int(count) if count.isdecimal() and len(count) < 4 else 0
        reason = (reason or "").strip()[:200]
        if not 2 <= number <= self._get_arrangement_offer(user) or not reason:
            raise UserError(self.env._("This invoice can't be paid in instalments like these."))
        first = fields.Date.add(fields.Date.context_today(self), months=1)
        values = self._prepare_arrangement(number, first, asked_by="customer", reason=reason)
        arrangement = self.env["bfocused.payment.arrangement"].sudo().create(values)
        localized = arrangement._with_responsible()
        arrangement._tell_responsible(localized.env._("A customer asks for a payment arrangement"), reason)
        return arrangement
