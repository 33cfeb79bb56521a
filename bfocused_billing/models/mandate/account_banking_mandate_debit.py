from odoo import models
from odoo.tools import format_date

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban


class AccountBankingMandate(models.Model):
    """What a file of direct debits needs to know of a mandate."""

    _inherit = "account.banking.mandate"

    def _get_debit_problem_on(self, day):
        """Why nothing can be collected with this mandate on ``day``, as a sentence in the user's language.

        :return: ``False`` when it is usable on that day
        """
        self.ensure_one()
        problem = self._get_debit_problem()
        if problem:
            return problem
        reference = self.unique_mandate_reference
        if self.partner_bank_id.acc_type != "iban":
            return self.env._("The bank account of mandate %s is no IBAN.", reference)
        if self.type == "oneoff" and self.last_debit_date:
            return self.env._("Mandate %s was for one collection only, which was made.", reference)
        if self.expiry_date <= day:
            return self.env._(
                "Mandate %(mandate)s expires on %(date)s, before the day of the collection.",
                mandate=reference,
                date=format_date(self.env, self.expiry_date),
            )
        return False

    def _get_agreed_notice_days(self):
        """The pre-notification that stands in the text of this mandate; 0 when that isn't known, or without mandate."""
        return self.sudo().request_id.prenotification_days

    def _get_amendment(self):
        """What was changed in this mandate since the debtor's bank last saw it, told with the first debit after it.

        :return: dict with ``reference`` (the mandate it replaces) and ``iban`` (the account that was debited), each
            left out when it is the same; empty when nothing was changed
        """
        self.ensure_one()
        if self.last_debit_date:  # told with its first debit
            return {}
        changes = {
            "reference": self.original_mandate_reference,
            "iban": normalize_iban(self.original_debtor_account or ""),
        }
        return {name: value for name, value in changes.items() if value}
