from odoo import api, models

from ...mandate_text import TEXT_VERSION, mandate_title


class MandateRequest(models.Model):
    """The form on paper: empty, filled in, or signed. One A4 page, which needs nothing but itself to be rendered."""

    _inherit = "bfocused.mandate.request"

    def action_print(self):
        """The form as it is now, to be signed on paper."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_url",
            "url": f"/bfocused_billing/mandate_request/{self.id}/pdf",
            "target": "new",
        }

    @api.model
    def action_print_empty(self):
        """The form of the current company without a customer."""
        company = self.env.company
        url = f"/bfocused_billing/mandate_form/{company.id}/{company.mandate_scheme}"
        return {"type": "ir.actions.act_url", "url": url, "target": "new"}

    def _render_pdf(self):
        """The form of this request.

        :return: bytes of a PDF
        """
        self.ensure_one()
        return self._render_form(self._prepare_form())

    def _render_html(self, values):
        lang = values["lang"]
        return self.env["ir.qweb"].with_context(lang=lang)._render("bfocused_billing.mandate_form", values, lang=lang)

    def _render_form(self, values):
        # No style sheet, script or image comes from elsewhere, so rendering doesn't call this server again, which may
        # have no worker left to answer; and the same input always looks the same.
        return self.env["ir.actions.report"]._run_wkhtmltopdf(
            [str(self._render_html(values))],
            specific_paperformat_args={
                "data-report-margin-top": 12,
                "data-report-margin-bottom": 10,
                "data-report-header-spacing": 0,
                "data-report-dpi": 96,
            },
        )

    def _prepare_form(self):
        """What the form shows of this request."""
        return {
            **self._prepare_empty_form(self.company_id, self.scheme, self.lang),
            "doc": self.with_context(lang=self.lang),  # names of countries, whoever prints it
            "text": self._get_text(),
            "version": self.text_version or TEXT_VERSION,
            "signing_time": self.signed_at or self.env.context.get("mandate_signed_at", False),
        }

    def _prepare_empty_form(self, company, scheme, lang):
        """What the form shows without a customer.

        :param company: ``res.company`` that collects
        :param scheme: ``CORE`` or ``B2B``
        :param lang: language code
        """
        blank = self.new({"company_id": company.id, "scheme": scheme, "lang": lang})
        blank.prenotification_days = company._get_pre_notification_days(company.billing_payment_mode_id)
        return {
            "doc": blank,
            "company": company.with_context(lang=lang),
            "creditor_identifier": company._get_creditor_identifier(),
            "title": mandate_title(scheme, lang),
            "text": blank._get_text(),
            "version": TEXT_VERSION,
            "signing_time": False,
            "lang": lang,
        }
