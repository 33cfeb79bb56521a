from odoo import fields, models

from ...payt_api.guard import guarded
from ...payt_api.operations import VatRatePayload

# PAYT's category by the code that electronic invoices have for it (UNCL5305)
CATEGORIES = {
    "AE": "reversed",
    "B": "regular",
    "E": "exempt",
    "G": "export",
    "K": "export_within_eea",
    "L": "regular",
    "M": "regular",
    "O": "none",
    "S": "regular",
    "Z": "zero",
}
# the boxes of the Dutch VAT return, for taxes without such a code; services to the EU are reverse-charged
CATEGORIES_BY_BOX = {"3a": "export", "3bs": "reversed", "3b": "export_within_eea"}
DOMESTIC_REVERSE_CHARGE = "btw_verk_0"  # l10n_nl; in the same box as the zero rate
FIELDS = {"name", "description", "amount", "amount_type", "ubl_cii_tax_category_code"}


class AccountTax(models.Model):
    _name = "account.tax"
    _inherit = ["account.tax", "payt.record.mixin"]

    payt_state = fields.Selection(
        selection=[("none", "Not at PAYT"), ("queued", "Queued"), ("pushed", "At PAYT"), ("error", "Refused")],
        string="PAYT state",
        default="none",
        copy=False,
        readonly=True,
    )
    payt_message = fields.Char(string="PAYT message", copy=False, readonly=True)

    # === CRUD

    def write(self, vals):
        # EXTENDS 'account'
        result = super().write(vals)
        if FIELDS & vals.keys():
            self.filtered(lambda tax: tax.payt_state != "none")._queue_payt("vat_rate")
        return result

    # === BUSINESS

    def _get_payt_backend(self):
        # EXTENDS 'payt.record.mixin': the branches of a company use its taxes
        self.ensure_one()
        return self.env["payt.backend"].sudo().search([("company_id", "child_of", self.company_id.id)])

    def _queue_payt_vat_rates(self):
        """Those that PAYT doesn't know yet, or refused."""
        unknown = self.filtered(lambda tax: tax.payt_state in ("none", "error"))._queue_payt("vat_rate")
        unknown.sudo().write({"payt_state": "queued"})

    def _get_payt_key_vat_rate(self):
        self.ensure_one()
        return str(self.id)

    def _prepare_payt_vat_rate(self, backend):
        """A percentage as PAYT knows it. Taxes of another kind have no place there."""
        self.ensure_one()
        if self.amount_type != "percent":
            return None
        tax = self.with_context(lang=self.company_id.partner_id.lang)
        return guarded(
            VatRatePayload,
            {
                "code": self._get_payt_key_vat_rate(),
                "rate": tax.amount,
                "name": tax.name,
                "category": tax._get_payt_category(),
            },
        )

    def _get_payt_category(self):
        if self.ubl_cii_tax_category_code:
            return CATEGORIES[self.ubl_cii_tax_category_code]
        if self.amount:
            return "regular"
        chart = self.env["account.chart.template"].with_company(self.company_id)
        if self == chart.ref(DOMESTIC_REVERSE_CHARGE, raise_if_not_found=False):
            return "reversed"
        base = self.invoice_repartition_line_ids.filtered(lambda line: line.repartition_type == "base")
        boxes = base.tag_ids.mapped("name")
        return next(
            (category for box, category in CATEGORIES_BY_BOX.items() if any(name.startswith(box) for name in boxes)),
            "zero",
        )

    def _payt_taken_vat_rate(self, backend, answer):
        self.sudo().write({"payt_state": "pushed", "payt_message": False})

    def _payt_refused_vat_rate(self, backend, reasons):
        self.sudo().write({"payt_state": "error", "payt_message": "; ".join(reasons)})
