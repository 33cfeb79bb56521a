from odoo import fields, models
from odoo.exceptions import ValidationError


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
            if line.move_line_ids and (reason := line._get_mismatch()):
                line._note_mismatch(reason)
                line.write({"move_line_ids": [fields.Command.clear()], "partner_id": False})
            if not line.move_line_ids:
                line._match_mandate()
        ours._get_partner_from_move()
        ours.filtered(lambda line: not line.amount)._compute_amount()
        return result

    def _get_mismatch(self):
        """How the payment that was found contradicts the bank's file: its company, amount or mandate.

        :return: a sentence, empty where it fits
        """
        payments = self.move_line_ids.payment_id.sudo()  # payment lines are for those who make payment orders
        references = payments.mapped("mandate_id.unique_mandate_reference")
        names = ", ".join(self.move_line_ids.move_id.sudo().mapped("display_name"))
        if payments.company_id != self.return_id.company_id:
            return self.env._("The bank's reference %s is of another company's payment.", self.reference)
        if self.mandate_reference and references and self.mandate_reference not in references:
            return self.env._(
                "The bank names mandate %(mandate)s, but %(payment)s was collected with another one.",
                mandate=self.mandate_reference,
                payment=names,
            )
        if self.move_line_ids & (self.return_id.line_ids - self).move_line_ids:
            return self._describe_twice()
        if self.amount and not self._is_returnable():
            return self._describe_excess()
        return ""

    def _get_returnable(self):
        """How much of the payment can be returned: what earlier returns left of it."""
        returned = sum(partial.amount for partial in self.move_line_ids._get_return_partials())
        return self.return_id.company_id.currency_id.round(sum(self.move_line_ids.mapped("credit")) - returned)

    def _is_returnable(self):
        """Whether the amount fits what earlier returns left of the payment."""
        currency = self.return_id.company_id.currency_id
        return self.amount >= 0 and currency.compare_amounts(self.amount, self._get_returnable()) <= 0

    def _describe_twice(self):
        return self.env._(
            "%s stands on another line of this return already. Confirm that first, and return the other part with a "
            "payment return of its own.",
            ", ".join(self.move_line_ids.move_id.sudo().mapped("display_name")),
        )

    def _describe_excess(self):
        return self.env._(
            "The return of %(amount)s doesn't fit %(payment)s, of which %(left)s can be returned. "
            "Look at the bank's statement, and choose the payment or correct the amount.",
            amount=f"{self.amount:.2f}",
            payment=", ".join(self.move_line_ids.move_id.mapped("display_name")),
            left=f"{self._get_returnable():.2f}",
        )

    def _note_mismatch(self, reason):
        """Tell on the return why a person has to choose the payment of this line."""
        reference = self.reference or self.mandate_reference or ""
        self.return_id.message_post(body=self.env._("%(line)s: %(reason)s", line=reference, reason=reason))

    def _check_returnable(self):
        """:raise ValidationError: when more is returned than was paid"""
        for line in self.filtered("move_line_ids"):
            if not line._is_returnable():
                raise ValidationError(line._describe_excess())

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
                self._get_reversal_reference(payment),
                date=self.date or self.return_id.date,
                amount=self.amount,
                info=self.reason_additional_information,
                return_line_id=self.id,
            )

    def _get_reversal_reference(self, payment):
        """What names the reversed debit. Each further part of one that was returned before is a reversal of its own."""
        if not payment:
            return f"return:{self.id}"
        domain = [
            *(("move_line_ids.payment_id", "=", payment.id), ("return_id.state", "=", "done")),
            *(("id", "!=", self.id), ("return_id", "!=", self.return_id.id)),
        ]
        is_further = self.sudo().search_count(domain, limit=1)
        return f"payment:{payment.id}:{self.id}" if is_further else f"payment:{payment.id}"
