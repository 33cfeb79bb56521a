from odoo import models


class FacturxLeftOut(Exception):
    """The PDF of an invoice is finished without a Factur-X, which Odoo would make and embed last."""


class AccountEdiXmlCii(models.AbstractModel):
    """The Factur-X e-invoice that Odoo embeds in the PDF: left out where the company doesn't want it."""

    _inherit = "account.edi.xml.cii"

    def _export_invoice(self, invoice):
        # EXTENDS 'account_edi_ubl_cii'
        if self.env.context.get("billing_leaves_out_facturx"):
            raise FacturxLeftOut
        return super()._export_invoice(invoice)
