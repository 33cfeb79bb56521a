from collections import defaultdict

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date


class AccountPaymentMode(models.Model):
    """What the company agreed with its customers and its bank about direct debits, and collecting what is due by it.

    It puts what is due on draft payment orders, within the limits of the bank's contract.
    """

    _inherit = "account.payment.mode"

    company_currency_id = fields.Many2one(related="company_id.currency_id", string="Company currency")
    is_own_collection = fields.Boolean(
        compute="_compute_is_own_collection",
        help="The company itself collects by SEPA direct debit: it makes payment orders with this payment mode.",
    )
    pre_notification_days = fields.Integer(
        string="Pre-notification (days)",
        compute="_compute_pre_notification_days",
        precompute=True,
        store=True,
        readonly=False,
        copy=True,
        help="Calendar days between the date of the invoice, which announces the debit, and the debit. By default the "
        "company's. New mandates that are collected with this payment mode say this number; one that was signed with "
        "a larger number keeps that.",
    )
    collection_lead_days = fields.Integer(
        string="Bank's lead time (days)",
        default=1,
        help="Banking days the bank wants a file before the day of the debit.",
    )
    batch_max_amount = fields.Monetary(
        string="Amount per batch",
        currency_field="company_currency_id",
        help="The most that the bank's contract lets one file collect. 0: no limit.",
    )
    batch_max_count = fields.Integer(
        string="Debits per batch", help="The most debits the bank's contract lets one file hold. 0: no limit."
    )
    month_max_amount = fields.Monetary(
        string="Amount per month",
        currency_field="company_currency_id",
        help="The most that the bank's contract lets the company collect in a calendar month, by the day of the debit. "
        "0: no limit.",
    )
    collection_ahead_days = fields.Integer(
        string="Collect ahead (days)",
        default=14,
        help="Invoices are put on a payment order when their day of collection is at most this number of days away. "
        "By SEPA's rulebook the bank takes files up to 14 days ahead.",
    )

    # === COMPUTE

    @api.depends("company_id")
    def _compute_pre_notification_days(self):
        for mode in self:
            mode.pre_notification_days = mode.company_id.mandate_prenotification_days

    @api.depends("company_id.use_billing", "payment_method_id.code", "payment_order_ok")
    def _compute_is_own_collection(self):
        for mode in self:
            is_debit = mode.payment_method_id.code == "sepa_direct_debit"
            mode.is_own_collection = mode.company_id.use_billing and is_debit and mode.payment_order_ok

    # === CONSTRAINTS

    @api.constrains(
        "pre_notification_days", "collection_lead_days", "batch_max_amount", "batch_max_count", "month_max_amount"
    )
    def _check_collection_settings(self):
        for mode in self:
            numbers = (
                mode.pre_notification_days,
                mode.collection_lead_days,
                mode.batch_max_amount,
                mode.batch_max_count,
                mode.month_max_amount,
            )
            if min(numbers) < 0:
                raise ValidationError(
                    self.env._("Days, numbers and amounts of %s can't be negative; use 0 for no limit.", mode.name)
                )

    # === ACTIONS

    def action_collect(self):
        """Put what is due on draft payment orders, and show them and what was left out."""
        orders = self._collect(fields.Date.context_today(self))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "account_payment_order.account_payment_order_inbound_action"
        )
        left_out = self.env["account.move"].search_count(self._get_left_out_domain())
        message = self.env._(
            "%(orders)s payment orders made, %(left_out)s invoices left out.", orders=len(orders), left_out=left_out
        )
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "title": self.env._("Collection"),
                "message": message,
                "type": "warning" if left_out else "success",
                "next": {**action, "domain": [("id", "in", orders.ids)], "context": {}},
            },
        }

    def _get_left_out_domain(self):
        """Domain of the invoices that were left out when these modes were last collected."""
        return [
            ("payment_mode_id", "in", self.ids),
            ("collection_problem", "!=", False),
            ("payment_state", "in", ("not_paid", "partial", "in_payment")),
        ]

    # === COLLECT

    def _collect(self, today):
        """Put what is due on draft payment orders; what can't be collected says why on the invoice.

        :param today: date
        :return: ``account.payment.order`` records
        """
        orders = self.env["account.payment.order"]
        for mode in self.filtered("is_own_collection"):
            orders |= mode.with_company(mode.company_id)._collect_mode(today)
        return orders

    def _collect_mode(self, today):
        moves = self.env["account.move"]
        lines = self.env["account.move.line"].search(moves._get_to_collect_domain(self))
        lines.move_id._take_new_mandates()
        last = today + relativedelta(days=self.collection_ahead_days)
        days = {line: line.move_id._get_collection_day(today, line.date_maturity) for line in lines}
        due = lines.filtered(lambda line: days[line] <= last)
        due.move_id._net_credit_notes()
        due = due.filtered(lambda line: not line.reconciled)
        problems = {line: line.move_id._get_debit_problem(days[line]) for line in due}
        debits = defaultdict(self.env["account.move.line"].browse)
        for line in due.sorted(lambda line: (days[line], line.move_id.name, line.id)):
            if not problems[line]:
                mandate = line.move_id.mandate_id
                debits[mandate.scheme, days[line], mandate, line.currency_id, not self.group_lines and line] += line
        orders = self._put_on_orders(debits, problems)
        # the first instalment that has one names it: a later one that isn't due yet has none
        for move, receivables in lines.sorted("date_maturity").grouped("move_id").items():
            self._note_problem(move, next(filter(None, map(problems.get, receivables)), False))
        return orders

    def _put_on_orders(self, debits, problems):
        """Put debits on as few orders as the bank's contract allows, CORE and B2B apart.

        :param debits: dict of (scheme, day, ...) to the move lines that are one debit, by day
        :param problems: dict of move line to sentence, completed with what the contract doesn't allow
        :return: ``account.payment.order`` records
        """
        orders = open_order = self.env["account.payment.order"]
        used, amount_on, number_on, scheme_on = {}, 0.0, 0, None
        for (scheme, day, *_rest), lines in sorted(debits.items(), key=lambda item: item[0][:2]):
            month, amount = day.replace(day=1), sum(lines.mapped("amount_residual_currency"))
            used.setdefault(month, self._get_month_amount(month, with_drafts=True))
            problem = self._get_batch_problem(amount, 1) or self._get_month_problem(month, used[month] + amount)
            if problem:
                problems.update(dict.fromkeys(lines, problem))
                continue
            if scheme != scheme_on or self._get_batch_problem(amount_on + amount, number_on + 1):
                open_order = open_order.create(self._prepare_collection_order())
                orders |= open_order
                amount_on, number_on, scheme_on = 0.0, 0, scheme
            lines.create_payment_line_from_move_line(open_order)
            amount_on, number_on, used[month] = amount_on + amount, number_on + 1, used[month] + amount
        return orders

    def _prepare_collection_order(self):
        journals = self.fixed_journal_id if self.bank_account_link == "fixed" else self.variable_journal_ids
        return {
            "payment_mode_id": self.id,
            "payment_type": "inbound",
            "journal_id": journals[:1].id,
            "date_prefered": "due",
        }

    def _note_problem(self, move, problem):
        if (move.collection_problem or False) != (problem or False):
            move.collection_problem = problem

    # === CONTRACT

    def _get_batch_problem(self, amount, number):
        """Why a file with this many debits of this total goes beyond the bank's contract; ``False`` if it doesn't."""
        currency = self.company_id.currency_id
        if self.batch_max_amount and currency.compare_amounts(amount, self.batch_max_amount) > 0:
            return self.env._(
                "%(amount)s is more than the %(limit)s that the bank's contract allows in a batch.",
                amount=currency.format(amount),
                limit=currency.format(self.batch_max_amount),
            )
        if self.batch_max_count and number > self.batch_max_count:
            return self.env._(
                "%(number)s debits are more than the %(limit)s that the bank's contract allows in a batch.",
                number=number,
                limit=self.batch_max_count,
            )
        return False

    def _get_month_problem(self, month, amount):
        """Why a total in a month goes beyond the bank's contract; ``False`` if it doesn't.

        :param month: first day of the month
        """
        currency = self.company_id.currency_id
        if not self.month_max_amount or currency.compare_amounts(amount, self.month_max_amount) <= 0:
            return False
        return self.env._(
            "With this, %(amount)s is collected in %(month)s, and the bank's contract allows %(limit)s a month.",
            amount=currency.format(amount),
            month=format_date(self.env, month, date_format="MMMM y"),
            limit=currency.format(self.month_max_amount),
        )

    def _get_month_amount(self, month, without=None, with_drafts=False):
        """What is collected with this payment mode in a month.

        :param month: first day of the month
        :param without: ``account.payment.order`` that doesn't count
        :param with_drafts: count orders that aren't confirmed yet too
        """
        states = ["open", "generated", "uploaded"] + (["draft"] if with_drafts else [])
        domain = [
            ("order_id.payment_mode_id", "=", self.id),
            ("state", "in", states),
            ("date", ">=", month),
            ("date", "<", month + relativedelta(months=1)),
            ("order_id", "not in", without.ids if without else []),
        ]
        [(amount,)] = self.env["account.payment.line"].sudo()._read_group(domain, aggregates=["amount_currency:sum"])
        return amount or 0.0
