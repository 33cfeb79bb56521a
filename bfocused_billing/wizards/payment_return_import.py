from lxml import etree

from odoo import api, models

from odoo.addons.base_iban.models.res_partner_bank import normalize_iban


class PaymentReturnImport(models.TransientModel):
    _inherit = "payment.return.import"

    @api.model
    def _find_bank_account_id(self, account_number):
        # EXTENDS 'account_payment_return_import': the company's own account; another one may know the same number
        domain = [
            ("company_id", "=", self.env.company.id),
            ("bank_account_id.sanitized_acc_number", "=", normalize_iban(account_number)),
        ]
        journal = self.env["account.journal"].search(domain, limit=1) if account_number else False
        return journal.bank_account_id.id if journal else super()._find_bank_account_id(account_number)

    @api.model
    def _complete_payment_return(self, payret_vals):
        # EXTENDS 'account_payment_return_import': it forgets codes it doesn't know, and takes what was accepted for
        # returned
        if not self.env.company.use_billing:
            return super()._complete_payment_return(payret_vals)
        transactions = []
        for values in payret_vals["transactions"]:
            node = etree.fromstring(values["raw_import_data"]) if values.get("raw_import_data") else None
            if node is not None and node.findtext("{*}TxSts", "RJCT") != "RJCT":
                continue
            code = values.get("reason_code")
            transactions.append(
                {
                    **values,
                    "return_code": code,
                    "reason_code": code or "NARR",  # the add-on can't do without one
                    "mandate_reference": node.findtext(".//{*}MndtId") if node is not None else False,
                }
            )
        completed = super()._complete_payment_return({**payret_vals, "transactions": transactions})
        for values in completed["transactions"]:  # the add-on also takes a reason that only mentions the code
            values["reason_id"] = self._find_reason(values["return_code"]).id
        return completed

    @api.model
    def _find_reason(self, code):
        reasons = self.env["payment.return.reason"]
        return reasons.search([("code", "=", code)], limit=1) if code else reasons
