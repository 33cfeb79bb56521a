from odoo import fields, models


class AccountBankingMandate(models.Model):
    _inherit = "account.banking.mandate"

    commercial_partner_id = fields.Many2one(
        related="partner_bank_id.partner_id.commercial_partner_id",
        string="Customer",
        store=True,
        index="btree_not_null",
        help="Whose mandate it is, also if the account is that of a contact.",
    )

    def _get_mandate_problem(self):
        """Why nothing can be collected with this mandate, as a sentence in the user's language.

        :return: ``False`` when it is usable
        """
        self.ensure_one()
        reference = self.unique_mandate_reference
        if self.type == "oneoff":
            return self.env._("Mandate %s is for one collection only.", reference)
        return self._get_debit_problem()

    def _get_debit_problem(self):
        """Why not even one collection can be made with this mandate, as a sentence in the user's language.

        :return: ``False`` when it is usable
        """
        self.ensure_one()
        reference = self.unique_mandate_reference
        if not self.sudo().partner_bank_id.active:
            return self.env._("The bank account of mandate %s is archived.", reference)
        problems = {
            "draft": self.env._("Mandate %s is not signed yet.", reference),
            "expired": self.env._("Mandate %s has expired.", reference),
            "cancel": self.env._("Mandate %s was cancelled.", reference),
        }
        if self._has_lapsed():
            return problems["expired"]
        return problems.get(self.state) or self._get_format_problem() or self._get_registration_problem()

    def _get_format_problem(self):
        """The file of direct debits can't be made, for nobody on the order, with one mandate that isn't SEPA's."""
        is_sepa = self.format == "sepa" and self.type in ("recurrent", "oneoff")
        if is_sepa or not self.company_id.use_billing:
            return False
        return self.env._(
            "Mandate %s is no SEPA mandate: set its format to SEPA and its type to recurrent or one-off.",
            self.unique_mandate_reference,
        )

    def _has_lapsed(self):
        """Whether it expired since the scheduled action that says so ran last."""
        lapses = self.state == "valid" and self.company_id.use_billing and self.expiry_date
        return bool(lapses and self.expiry_date <= fields.Date.context_today(self))

    def _get_registration_problem(self):
        """The debtor's bank refuses each B2B debit of which the debtor didn't confirm the mandate to it (SDD B2B)."""
        if self.scheme != "B2B" or self.b2b_registered_date or not self.company_id.use_billing:
            return False
        return self.env._("B2B mandate %s isn't registered at the customer's bank yet.", self.unique_mandate_reference)
