from odoo import api, fields, models

from ...tools import includes_vat


class AccountMoveLine(models.Model):
    """What an invoice line bills or gives back: its charges, its period's subscription line, and the line credited."""

    _inherit = "account.move.line"

    subscription_line_id = fields.Many2one(
        comodel_name="sale.subscription.line",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        copy=False,
        help="The subscription line whose period, from start date to end date, this line bills.",
    )
    billing_cycle = fields.Selection(
        selection=[("month", "Month"), ("quarter", "Quarter"), ("year", "Year")], copy=False
    )
    is_billing_credit = fields.Boolean(
        string="Credits billed days", copy=False, help="Gives back a part of a period that was billed before."
    )
    charge_ids = fields.One2many(
        comodel_name="bfocused.billing.charge",
        inverse_name="move_line_id",
        string="Charges",
        groups="bfocused_billing.group_billing_user",
    )
    refunded_line_id = fields.Many2one(
        comodel_name="account.move.line",
        string="Credited invoice line",
        index="btree_not_null",
        copy=False,
        ondelete="set null",
        help="The invoice line that this line of a credit note gives back.",
    )
    is_corrected = fields.Boolean(
        copy=False,
        help="What this line of a reversal gives back is billed anew, on the corrected invoice made with the reversal.",
    )
    refund_line_ids = fields.One2many(comodel_name="account.move.line", inverse_name="refunded_line_id")

    @api.ondelete(at_uninstall=False)
    def _unlink_except_credited(self):
        self.move_id._check_charges_uncredited(self)

    def _copy_data_extend_business_fields(self, values):
        # EXTENDS 'account': a line of a credit note knows what it gives back, a corrected one what it bills
        result = super()._copy_data_extend_business_fields(values)
        if self.env.context.get("billing_reversal"):
            values["refunded_line_id"] = self.id
        elif self.env.context.get("billing_correction"):
            values["subscription_line_id"] = self.subscription_line_id.id
            values["billing_cycle"] = self.billing_cycle
            values["is_billing_credit"] = self.is_billing_credit
        return result

    # === BUSINESS

    def _get_booked_amount(self):
        """What this line comes to in the books, without VAT, in the invoice's currency; signed as ``price_subtotal``.

        Odoo rounds the VAT base of the whole invoice by default, and moves the cents that this differs from its lines
        onto some of them: so a line may be booked, and be on the e-invoice, a cent above or below ``price_subtotal``
        (T26).
        """
        self.ensure_one()
        return self.currency_id.round(self.move_id.direction_sign * self.amount_currency)

    def _get_charged_amount(self):
        """What days of this line are reckoned from: the booked amount, or the price where that includes VAT."""
        self.ensure_one()
        if includes_vat(self.tax_ids):
            return self.currency_id.round(self.price_unit * self.quantity * (1 - self.discount / 100))
        return self._get_booked_amount()

    # === ON PAPER

    def _get_child_lines(self):
        # EXTENDS 'account': it sums up the lines of a collapsed section; here what is booked of them
        if not self.move_id._shows_booked_amounts():
            return super()._get_child_lines()
        lines, vat = self._get_section_lines(), self.move_id._get_vat_by_line()
        booked = [(line._get_booked_amount(), line._get_booked_amount() + vat.get(line, 0.0)) for line in lines]
        computed = [(line.price_subtotal, line.price_total) for line in lines]
        try:
            lines._show_amounts(booked)
            return super()._get_child_lines()
        finally:
            lines._show_amounts(computed)

    def _show_amounts(self, amounts):
        """Let these lines tell other amounts for the length of a report, in the cache only.

        :param amounts: list of (price_subtotal, price_total), one per line
        """
        for line, values in zip(self, amounts, strict=True):
            for name, value in zip(("price_subtotal", "price_total"), values, strict=True):
                self._fields[name]._update_cache(line, value)

    def get_section_subtotal(self):
        # EXTENDS 'account': on paper too, lines add up to their section and sections to the invoice
        if not self.move_id._shows_booked_amounts():
            return super().get_section_subtotal()
        return sum(line._get_booked_amount() for line in self._get_section_lines())

    def _is_billed_again(self):
        """Whether this line of a credit note frees what it credits: for the next run, or the corrected invoice."""
        self.ensure_one()
        charges = self.refunded_line_id.sudo().charge_ids
        return self.is_corrected or any(
            charge.reversal_line_id == self and charge.state == "void" for charge in charges
        )
