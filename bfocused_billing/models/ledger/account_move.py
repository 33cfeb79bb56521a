from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...periods import is_quarter_turn

COPIED_TYPES = ("product", "line_section", "line_subsection", "line_note")  # of lines; Odoo makes the others anew


class AccountMove(models.Model):
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
    deferred_until = fields.Date(copy=False, readonly=True, help="The quarter turn with which a deferred invoice goes.")
    deferral_reason = fields.Char(compute="_compute_deferral_reason")

    # === COMPUTE

    @api.depends(
        "deferral_state",
        "state",
        "deferred_until",
        "company_id.use_billing",
        "company_id.billing_min_amount",
        "commercial_partner_id",
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
        if self.commercial_partner_id.with_company(self.company_id).billing_deferral == "always":
            return self.env._("This customer gets one invoice a quarter, at the quarter turn of %s.", date)
        values = {"minimum": self.company_id.currency_id.format(self.company_id.billing_min_amount), "date": date}
        if self.company_id.billing_deferral_release == "threshold":
            return self.env._(
                "Under %(minimum)s, so it waits until the total of what waits reaches that, or goes along with the "
                "quarter turn of %(date)s.",
                **values,
            )
        return self.env._("Under %(minimum)s, so it goes along with the quarter turn of %(date)s.", **values)

    # === ACTIONS

    def action_send_anyway(self):
        """Post the deferred invoices now instead of at the quarter turn, dated today, and go on to sending them."""
        waiting = self.filtered(lambda move: move._is_waiting())
        waiting._send_off()
        return waiting.action_send_and_print()

    def _send_off(self):
        """Post these deferred invoices, dated today, to be collected with the mandates that are valid today."""
        for move in self:
            move.mandate_id = move._get_group_key().mandate_id
        self.write(self._prepare_billing_dates(fields.Date.context_today(self)))
        self.with_context(billing_send_anyway=True).action_post()

    # === BUSINESS

    def _post(self, soft=True):
        # EXTENDS 'account': a deferred invoice that is posted, by whatever way, waits no longer
        self._check_subscription_mandates()
        self._check_credited_whole()
        posted = super()._post(soft=soft)
        posted.filtered(lambda move: move.deferral_state == "deferred").deferral_state = "released"
        return posted

    @api.model
    def _prepare_billing_dates(self, date):
        """Values that date an invoice; Odoo itself would let one without payment term fall due on the day it is made.

        :param date: date of the invoice
        """
        return {"invoice_date": date, "invoice_date_due": date}

    def _is_waiting(self):
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

    def _get_billing_sign(self):
        """1 where the lines' amounts are the customer's to pay, -1 on a credit note."""
        return -1 if self.move_type == "out_refund" else 1

    # === CREDITING

    def _reverse_moves(self, default_values_list=None, cancel=False):
        # EXTENDS 'account'
        moves = self.with_context(billing_reversal=True)
        reversals = super(AccountMove, moves)._reverse_moves(default_values_list, cancel)
        return reversals.with_context(billing_reversal=False)

    def _hand_over_charges(self, copy):
        """Let a corrected invoice bill what this one billed, line by line, now that it was reversed as a whole."""
        self.ensure_one()
        reversal = self.reversal_move_ids.sorted("id")[-1:].invoice_line_ids
        lines, copies = (
            move.line_ids.filtered(lambda line: line.display_type in COPIED_TYPES).sorted("id") for move in (self, copy)
        )
        for line, its_copy in zip(lines, copies, strict=True):
            refunds = line.refund_line_ids
            line.sudo().charge_ids._get_live().move_line_id = its_copy
            (refunds & reversal).is_corrected = True
            (refunds - reversal).refunded_line_id = its_copy

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
        credits = self.filtered(lambda move: move.move_type == "out_refund")
        charges = self.env["bfocused.billing.charge"].sudo()
        freed = charges.search([("reversal_line_id", "in", credits.invoice_line_ids.ids)])
        for charge in freed:
            line = charge.reversal_line_id
            if (charge._get_live_credits() | charge._get_rebilled()) - freed:
                self._refuse_to_bill_again(charge.move_line_id)
            if charge.currency_id.compare_amounts(charge.amount_untaxed, line.price_subtotal):
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

    # === MERGING DRAFTS (account_invoice_merge)

    @api.model
    def _get_invoice_key_cols(self):
        # EXTENDS 'account_invoice_merge': only what is collected in the same way and waits alike
        return super()._get_invoice_key_cols() + self._get_merged_billing_fields()

    @api.model
    def _get_merged_billing_fields(self):
        return ["payment_mode_id", "mandate_id", "fiscal_position_id", "deferral_state", "deferred_until"]

    @api.model
    def _get_invoice_line_key_cols(self):
        # EXTENDS 'account_invoice_merge': it drops fields it doesn't know (T18)
        own = ["start_date", "end_date", "subscription_line_id", "billing_cycle", "is_billing_credit"]
        return super()._get_invoice_line_key_cols() + own

    @api.model
    def _get_first_invoice_fields(self, invoice):
        # EXTENDS 'account_invoice_merge'
        values = super()._get_first_invoice_fields(invoice)
        if not invoice.company_id.use_billing:
            return values
        names = [*self._get_merged_billing_fields(), "billing_run_id", "invoice_date", "invoice_date_due"]
        return {**values, **{name: self._fields[name].convert_to_write(invoice[name], invoice) for name in names}}

    @api.model
    def merge_callback(self, invoices_info, old_invoices):
        # EXTENDS 'account_invoice_merge': the charges go along, or their periods would be billed again
        result = super().merge_callback(invoices_info, old_invoices)
        for merged_id, old_ids in invoices_info.items():
            lines = {
                (line.subscription_line_id, line.start_date, line.is_billing_credit): line
                for line in self.browse(merged_id).invoice_line_ids
            }
            texts = {(line.name, line.start_date): line for line in self.browse(merged_id).invoice_line_ids}
            for charge in self.browse(old_ids).invoice_line_ids.sudo().charge_ids:
                if not charge.subscription_line_id:
                    charge.move_line_id = texts[charge.move_line_id.name, charge.period_start]
                    continue
                charge.move_line_id = lines[charge.subscription_line_id, charge.period_start, charge.is_credit]
        return result
