from odoo import fields, models
from odoo.exceptions import UserError


class AccountMove(models.Model):
    """Customers ask on the portal to pay an invoice in terms."""

    _inherit = "account.move"

    def _get_arrangement_offer(self, user):
        """In how many terms at most a user of the portal may ask to pay this invoice; 0: in none."""
        self.ensure_one()
        most = self.company_id.arrangement_max_terms
        is_own = user.partner_id.commercial_partner_id == self.commercial_partner_id and not user._is_public()
        is_open = self.move_type == "out_invoice" and self.state == "posted" and self.amount_residual > 0
        if not is_own or not is_open or most < 2 or self._get_arrangement(("requested", "agreed")):
            return 0
        return most

    def _ask_for_arrangement(self, user, count, reason):
        """Keep what a customer asks for, and have somebody answer it.

        :param user: ``res.users`` of the portal
        :param count: number of terms, as text
        :param reason: why, in the customer's words
        :raise UserError: when this isn't offered
        """
        self.ensure_one()
        number = int(count) if count.isdecimal() and len(count) < 4 else 0
        reason = (reason or "").strip()[:200]
        if not 2 <= number <= self._get_arrangement_offer(user) or not reason:
            raise UserError(self.env._("This invoice can't be paid in terms like these."))
        first = fields.Date.add(fields.Date.context_today(self), months=1)
        values = self._prepare_arrangement(number, first, asked_by="customer", reason=reason)
        arrangement = self.env["bfocused.payment.arrangement"].sudo().create(values)
        told = arrangement._with_responsible()
        arrangement._tell_responsible(told.env._("A customer asks for a payment arrangement"), reason)
        return arrangement
