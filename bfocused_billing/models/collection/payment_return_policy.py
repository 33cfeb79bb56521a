from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ...banking_days import add_banking_days, on_or_after
from ...periods import next_month_day


class PaymentReturnPolicy(models.Model):
    """What a reason code of a rejected, returned or refunded direct debit means for us.

    The codes are those of ISO 20022's external code set "status reason", as the SDD rulebooks use them. A code without
    a row of its own is handled by the row without code: a person looks at it.
    """

    _name = "bfocused.payment.return.policy"
    _description = "What a reversal reason means"
    _order = "code, company_id"

    code = fields.Char(string="Reason code", size=4, help="Empty: every code that has no row of its own.")
    name = fields.Char(string="Meaning", required=True, translate=True)
    company_id = fields.Many2one(
        "res.company", index="btree_not_null", help="Empty: all companies that have no row of their own for this code."
    )
    active = fields.Boolean(default=True)
    retry_count = fields.Integer(string="Retries", help="How many times an invoice is collected again. 0: never.")
    retry_day = fields.Integer(
        string="Day of retry",
        help="Day of the month (1 to 28) on which it is collected again, moved to a banking day. 0: as soon as the "
        "bank takes it.",
    )
    invoice_action = fields.Selection(
        selection=[
            ("reminder", "Reminder flow"),
            ("mandate", "Wait for a new mandate"),
            ("dispute", "Disputed"),
            ("staff", "A person decides"),
        ],
        string="Follow-up of the invoice",
        required=True,
        default="staff",
        help="After the retries, or at once without them. Reminder flow: it is open and is not collected again. Wait "
        "for a new mandate: it is collected as soon as the customer has one. Disputed, a person decides: not collected "
        "until somebody presses Collect again.",
    )
    stop_mandate = fields.Boolean(help="Nothing is collected with this mandate any more.")
    request_reason = fields.Char(
        string="Ask for a new mandate because", translate=True, help="Empty: the customer isn't asked for a new one."
    )
    request_scheme = fields.Selection(
        selection=[("CORE", "Basic (CORE)"), ("B2B", "Enterprise (B2B)")],
        string="Scheme of the new mandate",
        help="Empty: that of the mandate until now.",
    )
    mail_template_id = fields.Many2one(
        "mail.template",
        string="E-mail to the customer",
        domain="[('model', '=', 'bfocused.payment.reversal')]",
        help="Empty: the customer gets no e-mail.",
    )
    activity_summary = fields.Char(string="Activity for staff", translate=True, help="Empty: none.")
    activity_user_id = fields.Many2one(
        "res.users", string="Activity assigned to", help="Empty: the customer's salesperson, or else a billing manager."
    )
    is_counted = fields.Boolean(
        string="Counts as a reversal of the customer",
        help="It adds to the reversals on the customer, as a sign of late payment.",
    )
    check_double = fields.Boolean(
        string="Check for duplicate debit", help="The activity names other debits of the same customer and amount."
    )

    _one_per_code = models.UniqueIndex(
        "(COALESCE(code, ''), COALESCE(company_id, 0))", "There is a row for this reason code already."
    )

    # === CONSTRAINTS

    @api.constrains("retry_count", "retry_day")
    def _check_retry(self):
        for policy in self:
            if policy.retry_count < 0 or not 0 <= policy.retry_day <= 28:
                raise ValidationError(
                    self.env._("Choose 0 or more retries, on a day from 1 to 28 or 0 for as soon as possible.")
                )

    # === CRUD

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._clean(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._clean(vals))

    @api.model
    def _clean(self, vals):
        """Codes are kept in capitals and without spaces, as they stand in the bank's files."""
        return {**vals, "code": (vals["code"] or "").strip().upper() or False} if "code" in vals else vals

    # === BUSINESS

    @api.model
    def _find(self, company, code):
        """The policy for a reason code: the company's own row, or else the common one, or else that of unknown codes.

        :return: ``bfocused.payment.return.policy``, maybe empty
        """
        codes = Domain("code", "=", code) if code else Domain.FALSE
        domain = Domain("company_id", "in", [company.id, False]) & (codes | Domain("code", "=", False))
        # a row for the code wins of one for all codes, and then the company's own of the common one
        return self.sudo().search(domain).sorted(lambda policy: (not policy.code, not policy.company_id))[:1]

    @api.model
    def _apply_reversal(self, source, code, reference, **values):
        """Do what the policy says with a debit that was rejected, returned or refunded. Doing it again does nothing.

        The invoices are open again before this is called; who calls takes care of the books.

        :param source: what was debited: ``account.move`` or ``account.payment.line`` records of one customer; the
            lines may be without invoice
        :param code: reason code, maybe empty or unknown
        :param reference: what names the reversed debit within the company, for ever the same
        :param values: more of the ``bfocused.payment.reversal``, such as ``date``, ``amount`` and ``info``
        :return: ``bfocused.payment.reversal``, the earlier one when it was applied before
        """
        lines = source.sudo() if source._name == "account.payment.line" else self.env["account.payment.line"].sudo()
        moves = lines.move_line_id.move_id if lines else source.sudo()
        company = (moves or lines).company_id.ensure_one()
        reversals = self.env["bfocused.payment.reversal"].sudo().with_company(company)
        known = [("company_id", "=", company.id), ("reference", "=", reference), ("state", "=", "applied")]
        earlier = reversals.search(known, limit=1)
        if earlier:
            return earlier
        code = (code or "").strip().upper() or False
        policy = self._find(company, code)
        reversal = reversals.create(
            {**policy._prepare_reversal(moves, lines), "code": code, "reference": reference, **values}
        )
        reversal._apply()
        return reversal

    def _prepare_reversal(self, moves, lines):
        """Values of a reversal that is handled by this policy, or by none.

        :param moves: ``account.move`` records that were debited
        :param lines: ``account.payment.line`` records of the debit, maybe without invoice; empty when not known
        """
        debited = moves or lines
        return {
            "company_id": debited.company_id.id,
            "partner_id": debited[:1].partner_id.id,
            "move_ids": moves.ids,
            "mandate_id": (lines.mandate_id or moves.mandate_id)[:1].id,
            "policy_id": self.id,
            "is_counted": self.is_counted,
            "amount": sum(moves.mapped("amount_residual") or lines.mapped("amount_currency")),
            "currency_id": debited[:1].currency_id.id,
        }

    def _get_retry_date(self, date, lead_days):
        """The banking day on which an invoice is collected again.

        :param date: the day of the reversal
        :param lead_days: banking days the bank wants the file before
        """
        earliest = add_banking_days(date, lead_days)
        if not self.retry_day:
            return earliest
        return max(earliest, on_or_after(next_month_day(date, self.retry_day)))
