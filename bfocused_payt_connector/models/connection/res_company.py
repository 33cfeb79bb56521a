from odoo import fields, models

from ...payt_api.guard import guarded
from ...payt_api.operations import VatRatePayload

NO_VAT = "none"  # code of the rate that lines without tax refer to


class ResCompany(models.Model):
    """A company's connection to PAYT, how it sends, and the VAT rate of lines without tax."""

    _inherit = "res.company"

    payt_backend_ids = fields.One2many("payt.backend", "company_id", string="PAYT connection")
    payt_on_posting = fields.Boolean(
        string="Hand over to PAYT when posted",
        default=True,
        help="Invoices and credit notes of customers that are sent by PAYT go there as soon as they are posted. "
        "Otherwise when somebody presses Send, or the billing run sends.",
    )
    payt_no_vat_known = fields.Boolean(string="PAYT knows the rate of what has no VAT", readonly=True)

    # === BUSINESS

    def _get_payt_backend(self):
        """The connection of the companies to PAYT, paused or not; empty where there is none."""
        return self.sudo().payt_backend_ids

    def _get_payt_tz(self):
        """In which time zone moments of PAYT are told: the company's, whoever reads them."""
        return self.billing_tz or self.partner_id.tz or "UTC"

    # === BUSINESS: THE RATE OF LINES WITHOUT TAX

    def _get_payt_key_vat_rate(self):
        self.ensure_one()
        return NO_VAT

    def _prepare_payt_vat_rate(self, backend):
        """The rate for lines without tax: each line has to name one."""
        self.ensure_one()
        values = {"code": NO_VAT, "rate": "0", "name": "Geen btw", "category": "none"}
        return guarded(VatRatePayload, values)

    def _forget_payt_vat_rates(self):
        """Another administration has none of them."""
        taxes = self.env["account.tax"].sudo().with_context(active_test=False)
        taxes.search([("company_id", "parent_of", self.ids), ("payt_state", "!=", "none")]).payt_state = "none"
        self.sudo().filtered("payt_no_vat_known").payt_no_vat_known = False

    def _payt_taken_vat_rate(self, backend, answer):
        return None

    def _payt_refused_vat_rate(self, backend, reasons):
        self.payt_no_vat_known = False
