from odoo import fields, models
from odoo.tools import float_round

from ...payt_api.guard import guarded
from ...payt_api.payloads import InvoicePayload
from ...payt_api.signature import checksum
from ..connection.res_company import NO_VAT

CYCLE_LABELS = {"month": "MAAND", "quarter": "KWARTAAL", "year": "JAAR"}
QUANTITY_DIGITS = 6


class AccountMove(models.Model):
    """An invoice or credit note in PAYT's words."""

    _inherit = "account.move"

    # === WHAT GOES TO PAYT

    def _get_payt_key_invoice(self):
        self.ensure_one()
        return self.name

    def _prepare_payt_invoice(self, backend):
        """The whole invoice as it is now; ``None`` while there is nothing that PAYT may know.

        A payment list is always there, so that PAYT never invents a payment for a changed open amount.
        """
        self.ensure_one()
        move = self.sudo().with_company(self.company_id)
        return move._prepare_payt_whole() if move._is_ready_for_payt(backend) else None

    def _prepare_payt_whole(self):
        move = self
        sign = -1 if move.move_type == "out_refund" else 1
        amount_open, book_amount_open = move._get_payt_open_amounts()
        values = {
            **move._prepare_payt_head(),
            **move._prepare_payt_documents(),
            "amount_total": move.currency_id.round(sign * move.amount_total),
            "amount_open": amount_open,
            "book_amount_total": move.company_currency_id.round(move.amount_total_signed),
            "book_amount_open": book_amount_open,
            "payments": move._prepare_payt_payments(),
            "sent_at": move._get_payt_sent_at(),
        }
        if lines := move._prepare_payt_lines():
            values["invoice_lines"] = lines
        if labels := move._get_payt_labels():
            values["labels"] = labels
        return guarded(InvoicePayload, values)

    def _get_payt_open_amounts(self):
        """What PAYT should have open, with the sign of the document.

        :return: tuple of the amount in the invoice's and in the company's currency
        """
        self.ensure_one()
        amount = book_amount = 0.0
        if self.state != "cancel":
            sign = -1 if self.move_type == "out_refund" else 1
            amount, book_amount = sign * self.amount_residual, self.amount_residual_signed
        excess, book_excess = self._get_payt_excess()
        return self.currency_id.round(amount - excess), self.company_currency_id.round(book_amount - book_excess)

    def _is_ready_for_payt(self, backend):
        """Whether PAYT may have it as it is.

        A draft waits until it is posted again or cancelled; PAYT stopped following it up meanwhile. An invoice that
        PAYT is to send waits for its PDF; one that Odoo sends, until it was sent: otherwise PAYT would send it.
        """
        if self.state == "cancel":
            return self._is_known_at_payt()
        if self.state != "posted":
            return False
        if self.payt_sent_by == "odoo" or self.payt_pushed_at:
            return True
        return backend.mailing != "odoo" and not self._lacks_payt_document()

    def _prepare_payt_head(self):
        debtor = self.commercial_partner_id
        due = self.invoice_date_due or self.invoice_date
        return {
            "invoice_number": self._get_payt_key_invoice(),
            "invoice_identifier": str(self.id),
            "invoice_date": self.invoice_date,
            "due_date": due,
            "payment_term": max((due - self.invoice_date).days, 0),
            "currency_code": self.currency_id.name,
            "debtor_number": debtor.payt_debtor_number,
            "debtor_identifier": str(debtor.id),
            "contact_identifier": self.partner_id._get_payt_key_contact() if self._has_own_payt_contact() else False,
            "order_number": self.ref or self.invoice_origin,
            "payment_method": self._get_payt_payment_method(),
        }

    def _has_own_payt_contact(self):
        """Whether this invoice goes to another address than the customer's invoices do."""
        self.ensure_one()
        debtor = self.commercial_partner_id
        return self.partner_id != debtor and self.partner_id != debtor._get_payt_recipients()[0]

    def _get_payt_sent_at(self):
        """Given, PAYT doesn't send the invoice: it was sent already, or it is cancelled before PAYT could."""
        was_lost = self.payt_sent_at and not self.payt_pushed_at  # PAYT sent it, and doesn't have it any more
        if self.payt_sent_by == "odoo" or was_lost:
            return self.payt_sent_at
        return self.create_date if self.state == "cancel" and not self.payt_pushed_at else False

    def _get_payt_labels(self):
        """The billing cycles of the lines."""
        cycles = set(self.invoice_line_ids.mapped("billing_cycle"))
        return [label for cycle, label in CYCLE_LABELS.items() if cycle in cycles]

    # === DOCUMENTS

    def _get_payt_files(self):
        """The documents PAYT is to have.

        :return: list of ``(filename, content type, bytes)``, the PDF first
        """
        self.ensure_one()
        move = self.sudo()
        files = [
            (move.invoice_pdf_report_id, "application/pdf"),
            (move.ubl_cii_xml_id, "application/xml"),
        ]
        return [(file.name, content_type, file.raw) for file, content_type in files if file and file.raw]

    def _prepare_payt_documents(self):
        names = {"application/pdf": "document", "application/xml": "ubl_document"}
        return {
            names[content_type]: {"checksum": checksum(content), "filename": filename}
            for filename, content_type, content in self._get_payt_files()
        }

    # === LINES

    def _prepare_payt_lines(self):
        """The lines; none at all when one of them has taxes that no single VAT rate of PAYT stands for."""
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        lines = lines.sorted(lambda line: (line.sequence, line.id))
        if any(len(line.tax_ids) > 1 or line.tax_ids.filtered(lambda t: t.amount_type != "percent") for line in lines):
            return []
        return [self._prepare_payt_line(line, place) for place, line in enumerate(lines, start=1)]

    def _prepare_payt_line(self, line, place):
        sign = -1 if self.move_type == "out_refund" else 1
        currency = self.currency_id
        values = {
            "description": line.name or line.product_id.display_name or self.name,
            "vat_rate_code": line.tax_ids._get_payt_key_vat_rate() if line.tax_ids else NO_VAT,
            "total_excl_tax_amount": currency.round(sign * line.price_subtotal),
            "total_incl_tax_amount": currency.round(sign * line.price_total),
            "vat_amount": currency.round(sign * (line.price_total - line.price_subtotal)),
            "product_quantity": float_round(line.quantity, precision_digits=QUANTITY_DIGITS),
            "product_unit": line.product_uom_id.name,
            "line_order": place,
        }
        price = currency.round(line.price_unit)
        if not currency.compare_amounts(price * line.quantity, sign * values["total_excl_tax_amount"]) and (
            abs(price - line.price_unit) < 1e-9
        ):
            values["product_price"] = sign * price
        return values

    # === WHAT PAYT SAID

    def _payt_taken_invoice(self, backend, answer):
        now = fields.Datetime.now()
        warnings = "; ".join((answer or {}).get("warnings") or []) or False
        for move in self.sudo():
            values = {"payt_message": warnings, "payt_synced_at": now, "payt_pushed_at": move.payt_pushed_at or now}
            if move.state == "cancel" or not move.amount_residual:
                values["payt_state"] = "paid"
            elif move.payt_state in ("none", "queued", "error", "paid"):
                values["payt_state"] = "sent" if move.payt_sent_at else "pushed"
            move.write(values)

    def _payt_refused_invoice(self, backend, reasons):
        self._set_payt_error("; ".join(reasons))

    def _set_payt_error(self, message):
        self.sudo().write({"payt_state": "error", "payt_message": message, "payt_synced_at": fields.Datetime.now()})
