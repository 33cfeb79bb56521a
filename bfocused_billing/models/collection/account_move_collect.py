from odoo import api, fields, models
from odoo.fields import Domain

from ...banking_days import add_banking_days, get_collection_day


class AccountMove(models.Model):
    """When an invoice is collected on the company's own bank contract, and why it isn't."""

    _inherit = "account.move"

    collection_problem = fields.Char(
        copy=False,
        readonly=True,
        help="Why this invoice was left out when its payment mode was last collected.",
    )

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
        return [self.collection_date] if self.collection_date else []

    @api.model
    def _get_to_collect_domain(self, mode):
        """Domain of the receivable lines that are collected with a payment mode and stand on no payment order."""
        return Domain(
            [
                ("move_id.payment_mode_id", "=", mode.id),
                ("company_id", "=", mode.company_id.id),
                ("parent_state", "=", "posted"),
                ("move_id.move_type", "=", "out_invoice"),
                ("account_id.account_type", "=", "asset_receivable"),
                ("reconciled", "=", False),
                ("amount_residual", ">", 0),
            ]
        ) & ~Domain("payment_line_ids.state", "in", ("draft", "open", "generated"))

    def _get_debit_problem(self, day):
        """Why this invoice can't be collected on ``day``, as a sentence in the user's language.

        :return: ``False`` when it can
        """
        self.ensure_one()
        mandate = self.mandate_id
        if self.currency_id.name != "EUR":
            return self.env._("SEPA collects in euros only.")
        if not mandate:
            return self.commercial_partner_id._get_mandate_problem(self.company_id, mandate)
        if mandate.partner_id.commercial_partner_id != self.commercial_partner_id:
            return self.commercial_partner_id._get_mandate_problem(self.company_id, mandate)
        return mandate._get_debit_problem_on(day)

    # === NETTING

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
