from odoo import fields, models


class PaymentReturnLine(models.Model):
    _inherit = "payment.return.line"

    return_code = fields.Char(
        string="Reason code", readonly=True, help="The code as it stands in the bank's file, also when it is unknown."
    )
    mandate_reference = fields.Char(readonly=True, help="Read from the imported file; finds the debit it is about.")

    # === MATCHING

    def _find_match(self):
        # EXTENDS 'account_payment_return_import_iso20022': a number of another system isn't a payment of ours
        ours = self.filtered(lambda line: line.return_id.company_id.use_billing and not line.move_line_ids)
        # OCA takes digits for an id; longer ones don't fit in the database's column
        foreign = ours.filtered(lambda line: (line.reference or "").isdigit() and len(line.reference) > 9)
        result = super(PaymentReturnLine, self - foreign)._find_match()
        for line in ours:
            if line.move_line_ids and line._is_another_debit():
                line.write({"move_line_ids": [fields.Command.clear()], "partner_id": False})
            if not line.move_line_ids:
                line._match_mandate()
        ours._get_partner_from_move()
        ours.filtered(lambda line: not line.amount)._compute_amount()
        return result

    def _is_another_debit(self):
        """Whether the payment that was found contradicts the bank's file: its company, amount or mandate."""
        payments = self.move_line_ids.payment_id.sudo()  # payment lines are for those who make payment orders
        currency = self.return_id.company_id.currency_id
        references = payments.mapped("mandate_id.unique_mandate_reference")
        return (
            payments.company_id != self.return_id.company_id
            or bool(self.amount and currency.compare_amounts(self.amount, sum(self.move_line_ids.mapped("credit"))))
            or bool(self.mandate_reference and references and self.mandate_reference not in references)
        )

    def _match_mandate(self):
        """Find the debit by its mandate and amount, where that leaves just one that wasn't returned yet."""
        if not self.mandate_reference:
            return
        lines = (
            self.env["account.payment.line"]
            .sudo()
            .search(
                [
                    ("mandate_id.unique_mandate_reference", "=", self.mandate_reference),
                    ("company_id", "=", self.return_id.company_id.id),
                    ("state", "=", "uploaded"),
                ]
            )
        )
        currency = self.return_id.company_id.currency_id
        payments = lines.payment_ids.filtered(lambda payment: not currency.compare_amounts(payment.amount, self.amount))
        found = [items for items in map(self._get_collected_items, payments) if items]
        if len(found) > 1:
            found = [items for items in found if items.payment_id.payment_line_date == self.date]
        if len(found) == 1:
            self.write({"move_line_ids": [fields.Command.set(found[0].ids)], "partner_id": found[0].partner_id.id})

    def _get_collected_items(self, payment):
        """The journal items by which a payment paid invoices; none when it was returned already."""
        items = payment.move_id.line_ids.filtered(lambda item: item.account_id == payment.destination_account_id)
        return items if items.matched_debit_ids and not items.matched_debit_ids.origin_returned_move_ids else items[:0]

    # === POLICY

    def _apply_policy(self):
        """Apply the policy of the reason code to the invoices that this line's debit had paid.

        A debit that a person put on a payment order by hand has no invoice, but it has a mandate and a customer.
        """
        self.ensure_one()
        payment = self.move_line_ids.payment_id[:1].sudo()
        moves = self.move_line_ids.matched_debit_ids.origin_returned_move_ids.move_id.filtered(
            lambda move: move.is_invoice()
        )
        lines = payment.payment_line_ids
        source = lines.filtered(lambda line: line.move_line_id.move_id in moves) or moves or lines
        if source:
            self.env["bfocused.payment.return.policy"]._apply_reversal(
                source,
                self.return_code or self.reason_id.code,
                f"payment:{payment.id}" if payment else f"return:{self.id}",
                date=self.date or self.return_id.date,
                amount=self.amount,
                info=self.reason_additional_information,
                return_line_id=self.id,
            )
