from odoo import api, fields, models
from odoo.exceptions import ValidationError


class AccountPaymentMode(models.Model):
    """What the company agreed with its customers and its bank about direct debits, per payment mode."""

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

    @api.depends("company_id")
    def _compute_pre_notification_days(self):
        for mode in self:
            mode.pre_notification_days = mode.company_id.mandate_prenotification_days

    @api.depends("company_id.use_billing", "payment_method_id.code", "payment_order_ok")
    def _compute_is_own_collection(self):
        for mode in self:
            is_debit = mode.payment_method_id.code == "sepa_direct_debit"
            mode.is_own_collection = mode.company_id.use_billing and is_debit and mode.payment_order_ok

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
