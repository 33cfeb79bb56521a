from odoo import models


class AccountBankingMandate(models.Model):
    _inherit = "account.banking.mandate"

    def _get_mandate_problem(self):
        """Why nothing can be collected with this mandate, as a sentence in the user's language.

        :return: ``False`` when it is usable
        """
        self.ensure_one()
        reference = self.unique_mandate_reference
        if self.type == "oneoff":
            return self.env._("Mandate %s is for one collection only.", reference)
        if not self.sudo().partner_bank_id.active:
            return self.env._("The bank account of mandate %s is archived.", reference)
        problems = {
            "draft": self.env._("Mandate %s is not signed yet.", reference),
            "expired": self.env._("Mandate %s has expired.", reference),
            "cancel": self.env._("Mandate %s was cancelled.", reference),
        }
        return problems.get(self.state, False)
