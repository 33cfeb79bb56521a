from odoo import fields, models
from odoo.exceptions import UserError

COPIED_TYPES = ("product", "line_section", "line_subsection", "line_note")  # of lines; Odoo makes the others anew


class AccountMove(models.Model):
    """The fields that bind an invoice to its run and to R5, and the one ``_post``, whose steps other rooms follow."""

    _inherit = "account.move"

    billing_run_id = fields.Many2one(
        comodel_name="bfocused.billing.run",
        string="Billing run",
        index="btree_not_null",
        copy=False,
        readonly=True,
        ondelete="set null",
    )
    deferral_state = fields.Selection(
        selection=[("none", "Not deferred"), ("deferred", "Deferred"), ("released", "Released")],
        string="Deferral",
        default="none",
        copy=False,
        readonly=True,
        index="btree_not_null",
        help="Deferred: under the minimum amount, so it waits as a draft for the quarter turn.",
    )
    correction_of_id = fields.Many2one(
        comodel_name="account.move",
        string="Corrects",
        index="btree_not_null",
        copy=False,
        readonly=True,
        ondelete="set null",
        help="The invoice that was reversed to make this one. Even a small one doesn't wait: its reversal went.",
    )
    is_printed_as_booked = fields.Boolean(
        string="Printed as booked",
        copy=False,
        readonly=True,
        help="Posted while its company used the billing: a document printed later has the same amounts per line, "
        "whatever the settings are by then.",
    )
    deferred_until = fields.Date(copy=False, readonly=True, help="The quarter turn with which a deferred invoice goes.")

    # === BUSINESS

    def _post(self, soft=True):
        # EXTENDS 'account': a deferred invoice that is posted, by whatever way, waits no longer
        self._check_subscription_mandates()
        self._check_credited_whole()
        self.filtered(lambda move: move.company_id.use_billing and move.is_sale_document()).is_printed_as_booked = True
        posted = super()._post(soft=soft)
        posted.filtered(lambda move: move.deferral_state == "deferred").deferral_state = "released"
        return posted

    def _get_billing_sign(self):
        """1 where the lines' amounts are the customer's to pay, -1 on a credit note."""
        return -1 if self.move_type == "out_refund" else 1

    def _shows_booked_amounts(self):
        """Whether documents say per line what is booked, so that the lines add up to the invoice (T26)."""
        self.ensure_one()
        if self.state != "draft":
            return self.is_printed_as_booked
        return self.company_id.use_billing and self.is_sale_document()

    def _get_vat_by_line(self):
        """What each line has of the invoice's VAT: Odoo's own division, which adds up also where it rounds globally.

        :return: dict of an amount in the invoice's currency by ``account.move.line``
        """
        self.ensure_one()
        base_lines, _tax_lines = self._get_rounded_base_and_tax_lines()
        return {
            base_line["record"]: sum(tax["tax_amount_currency"] for tax in base_line["tax_details"]["taxes_data"])
            for base_line in base_lines
        }

    def _get_amounts_on_paper(self):
        """What documents say of each line: what is booked, with its VAT where the company shows prices so.

        :return: dict by ``account.move.line``; empty where Odoo's own amounts are shown
        """
        self.ensure_one()
        if not self._shows_booked_amounts():
            return {}
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        vat = self._get_vat_by_line() if self.company_price_include == "tax_included" else {}
        return {line: self.currency_id.round(line._get_booked_amount() + vat.get(line, 0.0)) for line in lines}

    # === CREDITING

    def _reverse_moves(self, default_values_list=None, cancel=False):
        # EXTENDS 'account'
        moves = self.with_context(billing_reversal=True)
        reversals = super(AccountMove, moves)._reverse_moves(default_values_list, cancel)
        return reversals.with_context(billing_reversal=False)

    def _hand_over_charges(self, copy):
        """Let a corrected invoice bill what this one billed, line by line, now that it was reversed as a whole."""
        self.ensure_one()
        copy.correction_of_id = self
        reversal = self.reversal_move_ids.sorted("id")[-1:].invoice_line_ids
        lines, copies = (
            move.line_ids.filtered(lambda line: line.display_type in COPIED_TYPES).sorted("id") for move in (self, copy)
        )
        for line, corrected in zip(lines, copies, strict=True):
            refunds = line.refund_line_ids
            line.sudo().charge_ids._get_live().move_line_id = corrected
            (refunds & reversal).is_corrected = True
            (refunds - reversal).refunded_line_id = corrected

    def button_cancel(self):
        # EXTENDS 'account'
        self._check_not_billed_again()
        self._check_charges_uncredited(self.line_ids)
        return super().button_cancel()

    def _bill_again(self):
        """Let the posting of these credit notes free what they credit, to be billed by the next run.

        :raise UserError: when a part was given back or freed before
        """
        refunded = self.invoice_line_ids.refunded_line_id
        for line in self.invoice_line_ids.filtered("refunded_line_id"):
            charges = line.refunded_line_id.sudo().charge_ids
            given_back = (charges._get_live_credits() | charges._get_rebilled()).move_line_id - refunded
            if charges.filtered(lambda charge: charge.state == "void") or given_back:
                self._refuse_to_bill_again(line.refunded_line_id)
            charges.reversal_line_id = line

    def _refuse_to_bill_again(self, line):
        raise UserError(
            self.env._(
                "%s was credited before, so it can't be billed again as a whole. Credit it without billing it again.",
                line.name,
            )
        )

    def _check_credited_whole(self):
        """What is billed again has to be credited whole, or the customer pays a part of it twice."""
        reversals = self.filtered("reversed_entry_id")  # a credit note, or an invoice that reverses one
        charges = self.env["bfocused.billing.charge"].sudo()
        freed = charges.search([("reversal_line_id", "in", reversals.invoice_line_ids.ids)])
        for charge in freed:
            line = charge.reversal_line_id
            if (charge._get_live_credits() | charge._get_rebilled()) - freed:
                self._refuse_to_bill_again(charge.move_line_id)
            if charge.currency_id.compare_amounts(charge.move_line_id.price_subtotal, line.price_subtotal):
                raise UserError(
                    self.env._(
                        "%(line)s is billed again, so it has to be credited whole: %(amount)s.",
                        line=line.name,
                        amount=charge.currency_id.format(charge.amount_untaxed),
                    )
                )

    def _check_not_billed_again(self):
        """What comes back to life, with an invoice that was cancelled or of which the credit note goes, must fit.

        :raise UserError: when its days were billed again meanwhile
        """
        charges = self.env["bfocused.billing.charge"].sudo()
        freed = charges.search([("reversal_line_id", "in", self.line_ids.ids), ("state", "=", "void")])
        cancelled = self.filtered(lambda move: move.state == "cancel").line_ids.sudo().charge_ids
        revived = freed | cancelled.filtered(
            lambda charge: charge.subscription_line_id and charge.reversal_line_id.parent_state != "posted"
        )
        for charge in revived:
            again = charge._get_billed_again() - revived
            if not again:
                continue
            values = {"period": charge.display_name, "invoice": again[:1].move_id.display_name}
            if charge.is_credit and again[:1].state == "void":
                raise UserError(
                    self.env._("%(period)s, which is given back here, isn't billed any more on %(invoice)s.", **values)
                )
            raise UserError(self.env._("%(period)s was billed again on %(invoice)s. Cancel that first.", **values))
        revived._renumber_in_chain()

    def _check_charges_uncredited(self, lines):
        """An invoice of which a part was given back on another one can't go: that part would be lost to the company.

        Nor can one that gave back what was billed again since: the customer would pay that twice.
        """
        charges = lines.sudo().charge_ids
        for credit in charges._get_live_credits():
            if credit.move_id not in self:
                raise UserError(
                    self.env._(
                        "%(period)s was credited on %(invoice)s. Cancel that first.",
                        period=credit.credited_charge_id.display_name,
                        invoice=credit.move_id.display_name,
                    )
                )
        for charge in charges._get_rebilled():
            if charge.move_id not in self:
                raise UserError(
                    self.env._(
                        "%(period)s was billed again on %(invoice)s. Cancel that first.",
                        period=charge.display_name,
                        invoice=charge.move_id.display_name,
                    )
                )
