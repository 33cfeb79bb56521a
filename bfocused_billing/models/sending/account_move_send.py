from odoo import api, models

from .account_edi_xml_cii_facturx import FacturxLeftOut


class AccountMoveSend(models.AbstractModel):
    _inherit = "account.move.send"

    # === THE SPECIFICATION OF THE CALLS GOES ALONG

    @api.model
    def _get_placeholder_mail_attachments_data(self, move, invoice_edi_format=None, extra_edis=None, pdf_report=None):
        # EXTENDS 'account'
        results = super()._get_placeholder_mail_attachments_data(
            move, invoice_edi_format=invoice_edi_format, extra_edis=extra_edis, pdf_report=pdf_report
        )
        if move.has_usage and not move.usage_specification_id:
            name = move.with_context(lang=move.partner_id.lang or self.env.lang)._get_usage_filename("pdf")
            results.append(
                {"id": f"placeholder_{name}", "name": name, "mimetype": "application/pdf", "placeholder": True}
            )
        return results

    @api.model
    def _get_invoice_extra_attachments(self, move):
        # EXTENDS 'account'
        attachments = super()._get_invoice_extra_attachments(move)
        is_left_out = self.env.context.get("billing_leaves_out_calls")
        return attachments if is_left_out else attachments + move.usage_specification_id

    # === THE SECOND E-INVOICE

    @api.model
    def _hook_invoice_document_after_pdf_report_render(self, invoice, invoice_data):
        # EXTENDS 'account_edi_ubl_cii': it embeds a Factur-X in each PDF, and keeps its export errors to itself
        company = invoice.company_id
        is_own_format = invoice_data.get("ubl_cii_xml_options", {}).get("ubl_cii_format") == "facturx"
        is_embedded = is_own_format or company.billing_embeds_facturx or not company.use_billing
        sending = super(AccountMoveSend, self.with_context(billing_leaves_out_facturx=not is_embedded))
        try:
            sending._hook_invoice_document_after_pdf_report_render(invoice, invoice_data)
        except FacturxLeftOut:
            return  # it is the last thing that is done to the PDF
        if company.use_billing and not is_own_format:
            self._tell_facturx_errors(invoice)

    @api.model
    def _tell_facturx_errors(self, invoice):
        """Say on the invoice what is wrong with the e-invoice inside its PDF."""
        _content, errors = self.env["account.edi.xml.cii"]._export_invoice(invoice)
        if errors:
            problems = " ".join(sorted(errors))
            invoice.message_post(body=self.env._("The Factur-X e-invoice inside the PDF isn't right: %s", problems))

    # === SENT OR NOT

    @api.model
    def _link_invoice_documents(self, invoices_data):
        # EXTENDS 'account': it marks an invoice as sent once its PDF is made, also where there is nobody to send it to
        invoices = self.env["account.move"].union(*invoices_data)
        unsent = invoices.filtered(lambda move: move.company_id.use_billing and not move.is_move_sent)
        result = super()._link_invoice_documents(invoices_data)
        unsent.is_move_sent = False
        invoices._make_usage_specification()
        return result

    @api.model
    def _hook_if_success(self, moves_data, from_cron=False):
        # EXTENDS 'account': sent is what could go to somebody (T16)
        result = super()._hook_if_success(moves_data, from_cron=from_cron)
        for move, move_data in moves_data.items():
            if move.company_id.use_billing:
                if self._is_handed_over(move, move_data):
                    move.is_move_sent = True
                else:
                    self._tell_not_sent(move, move_data)
        return result

    @api.model
    def _tell_not_sent(self, move, move_data):
        """Say on the invoice why it isn't sent."""
        move.message_post(body=self._get_unsent_reason(move, move_data))

    @api.model
    def _get_unsent_reason(self, move, move_data):
        if "email" in move_data["sending_methods"]:
            return self.env._("Not sent: %s has no e-mail address.", move.partner_id.name)
        return self.env._("Not sent: this invoice can't go by the chosen way of sending.")

    @api.model
    def _is_handed_over(self, move, move_data):
        """Whether at least one of the ways of sending could do its work."""
        methods = move_data["sending_methods"]
        return not methods or any(self._is_applicable_to_move(method, move, **move_data) for method in methods)
