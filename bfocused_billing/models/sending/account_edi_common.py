from odoo import api, models

# Taxes of the Dutch chart of accounts by which the customer owes the VAT: "btw verlegd", services to other EU countries
REVERSE_CHARGE_TAXES = ("btw_verk_0", "btw_X0_diensten")


class AccountEdiCommon(models.AbstractModel):
    _inherit = "account.edi.common"

    def _get_tax_category_code(self, customer, supplier, tax):
        # EXTENDS 'account_edi_ubl_cii': it takes "btw verlegd" for exempt, services for goods; a tax's own code wins
        code = super()._get_tax_category_code(customer, supplier, tax)
        if tax and not tax.ubl_cii_tax_category_code and self._is_dutch_reverse_charge(tax):
            return "AE"
        return code

    def _get_tax_exemption_reason(self, customer, supplier, tax):
        # EXTENDS 'account_edi_ubl_cii': it has no reason for reverse charge, which BR-AE-10 wants, and none in the
        # customer's language
        if not tax.company_id.use_billing:
            return super()._get_tax_exemption_reason(customer, supplier, tax)
        localized = self.with_context(lang=customer.lang or self.env.lang)
        reason = super(AccountEdiCommon, localized)._get_tax_exemption_reason(customer, supplier, tax)
        if (
            not reason["tax_exemption_reason"]
            and not reason["tax_exemption_reason_code"]
            and self._get_tax_category_code(customer, supplier, tax) == "AE"
        ):
            return {
                "tax_exemption_reason": localized.env._("Reverse charge"),
                "tax_exemption_reason_code": "VATEX-EU-AE",
            }
        return reason

    @api.model
    def _is_dutch_reverse_charge(self, tax):
        company = tax.company_id
        if not company.use_billing or tax.amount:
            return False
        chart = self.env["account.chart.template"].with_company(company)
        return any(chart.ref(name, raise_if_not_found=False) == tax for name in REVERSE_CHARGE_TAXES)
