from datetime import timedelta

from odoo import Command, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

INTEREST = "interest_costs"
COSTS = ("administration_costs", "debt_collection_costs")
SETTINGS = {"journal_id", "costs_account_id", "interest_account_id"}


class PaytBackend(models.Model):
    """Where money that PAYT collected is booked."""

    _inherit = "payt.backend"

    journal_id = fields.Many2one(
        "account.journal",
        string="Clearing journal",
        domain="[('type', '=', 'bank'), ('company_id', '=', company_id)]",
        check_company=True,
        tracking=True,
        help="Payments that PAYT collected are booked here. Its outstanding account is what the payment provider and "
        "the bailiff still have to pay out; the payout on the bank statement clears it.",
    )
    costs_account_id = fields.Many2one(
        "account.account",
        string="Collection costs",
        domain="[('internal_group', '=', 'income')]",
        check_company=True,
        tracking=True,
        help="Income account for collection and administration costs that customers paid.",
    )
    interest_account_id = fields.Many2one(
        "account.account",
        string="Interest",
        domain="[('internal_group', '=', 'income')]",
        check_company=True,
        tracking=True,
        help="Income account for interest that customers paid.",
    )

    # === ACTIONS

    def action_make_journal(self):
        """Make a clearing journal with an outstanding account of its own."""
        self.check_access("write")
        for backend in self.filtered(lambda backend: not backend.journal_id):
            backend.journal_id = backend._make_clearing_journal()

    # === BUSINESS

    def _make_clearing_journal(self):
        company = self.company_id
        account = (
            self.env["account.account"]
            .with_company(company)
            .create(
                {
                    "name": self.env._("PAYT clearing"),
                    "code": self.env["account.account"].with_company(company)._search_new_account_code("1090"),
                    "account_type": "asset_current",
                    "reconcile": True,
                    "company_ids": [Command.link(company.id)],
                }
            )
        )
        journals = self.env["account.journal"].with_context(active_test=False)
        taken = set(journals.search([("company_id", "=", company.id)]).mapped("code"))
        code = next(code for code in ("PAYT", *(f"PAY{number}" for number in range(1, 1000))) if code not in taken)
        journal = journals.create(
            {"name": self.env._("PAYT clearing"), "type": "bank", "code": code, "company_id": company.id}
        )
        journal.inbound_payment_method_line_ids.payment_account_id = account
        journal.outbound_payment_method_line_ids.payment_account_id = account
        return journal

    def _retry_payments(self, vals):
        # EXTENDS 'bfocused_payt_connector' (connection): payments that waited for these settings
        if SETTINGS & vals.keys():
            domain = [("backend_id", "in", self.ids), ("resource", "=", "payments"), ("state", "=", "error")]
            self.env["payt.mirror"].sudo().search(domain).action_try_again()

    def _forget_clearing(self):
        # EXTENDS 'bfocused_payt_connector' (connection)
        # payments that were booked stay: the money came, and what was paid has to be told there too
        payments = self.env["account.payment"].search(
            [("company_id", "=", self.company_id.id), ("payt_payment_id", "!=", False)]
        )
        payments.payt_reversal_ids.sudo().unlink()
        payments.write({"payt_payment_id": False, "payt_transaction_id": False, "payt_reversal_id": False})

    def _get_clearing_method(self):
        """How payments come in on the clearing journal.

        :return: ``account.payment.method.line`` with an outstanding account
        :raise UserError: when there is none
        """
        self.ensure_one()
        if not self.journal_id:
            raise UserError(self.env._("Choose the clearing journal on the connection to PAYT: it collected money."))
        lines = self.journal_id.inbound_payment_method_line_ids.filtered("payment_account_id")
        if not lines:
            raise UserError(
                self.env._(
                    "Give the incoming payments of journal %s an outstanding account, which the payout clears.",
                    self.journal_id.display_name,
                )
            )
        return lines.filtered(lambda line: line.code == "manual")[:1] or lines[:1]

    def _get_costs_account(self, cost_type):
        """The income account for what a customer paid besides the invoice.

        :raise UserError: when it isn't chosen
        """
        self.ensure_one()
        if cost_type != INTEREST and cost_type not in COSTS:
            raise UserError(self.env._('PAYT books costs of a kind that Odoo does not know: "%s".', cost_type))
        account = self.interest_account_id if cost_type == INTEREST else self.costs_account_id
        if not account:
            raise UserError(
                self.env._("Choose the account for interest on the connection to PAYT: a customer paid interest.")
                if cost_type == INTEREST
                else self.env._(
                    "Choose the account for collection costs on the connection to PAYT: a customer paid some."
                )
            )
        return account

    def _get_open_date(self, date):
        """The date itself, or the first one after it that isn't locked for the clearing journal.

        :raise UserError: when all days until now are locked
        """
        self.ensure_one()
        day = date
        while locks := self.company_id._get_violated_lock_dates(day, False, self.journal_id):
            day = locks[-1][0] + timedelta(days=1)
        if day > max(date, fields.Date.context_today(self)):
            raise UserError(
                self.env._(
                    "The books are locked until %s: PAYT's payments are booked once a day up to now is open.",
                    format_date(self.env, day - timedelta(days=1)),
                )
            )
        return day
