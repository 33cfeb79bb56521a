from odoo import models
from odoo.exceptions import UserError

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban

from ...tools import changed_values

# Odoo takes a number written as the sanitized one for the number itself.
NUMBER_FIELDS = ("acc_number", "sanitized_acc_number")
ACCOUNT_FIELDS = (*NUMBER_FIELDS, "acc_holder_name", "partner_id")
MERGE = object()  # in the context while customers are merged; no user can send it along


class ResPartnerBank(models.Model):
    _inherit = "res.partner.bank"

    def write(self, vals):
        # EXTENDS 'base': through its account a signed mandate would become another one
        if self.env.context.get("billing_customer_merge") is MERGE:
            with self.env.protecting([self._fields["acc_holder_name"]], self):  # who signed is still the holder
                return super().write(vals)
        if self.env.context.get("billing_mandate_holder_kept") and "acc_holder_name" in vals:
            signed = self.filtered(lambda account: account.sudo()._get_signed_mandates())
            rest = {name: value for name, value in vals.items() if name != "acc_holder_name"}
            super(ResPartnerBank, signed).write(rest)
            return super(ResPartnerBank, self - signed).write(vals)
        changes = {name: vals[name] for name in ACCOUNT_FIELDS if name in vals}
        for account in self if changes else ():
            if account._get_account_changes(changes) and account.sudo()._get_signed_mandates():
                raise UserError(
                    self.env._(
                        "A mandate was signed for this bank account, so its number, holder and owner are fixed. Add "
                        "the new account beside it."
                    )
                )
        return super().write(vals)

    def _get_account_changes(self, changes):
        """The part of ``changes`` that makes it another account: spaces in its number don't."""
        changes = changed_values(self, changes)
        for name in NUMBER_FIELDS:
            if normalize_iban(changes.get(name)) == normalize_iban(self.acc_number):
                changes.pop(name, None)
        return changes

    def _get_signed_mandates(self):
        """The mandates that stand or fall with what this account is."""
        return self.mandate_ids.filtered(
            lambda mandate: mandate.company_id.use_billing and (mandate.request_id or mandate.state == "valid")
        )
