from datetime import datetime, time

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import float_round

from ...const import NOT_THERE, SEVERITY
from ...payt_api import PaytPayloadInvalid
from ...payt_api.guard import guarded
from ...payt_api.operations import InvoicePayload
from ...payt_api.signature import checksum
from ..connection.res_company import NO_VAT

STATES = [
    ("none", "Not at PAYT"),
    ("queued", "On its way"),
    ("pushed", "At PAYT"),
    ("sent", "Sent"),
    ("reminded", "Reminded"),
    ("final_notice", "Final notice"),
    ("collection", "Debt collection"),
    ("bailiff", "Bailiff"),
    ("paid", "Paid"),
    ("paused", "Follow-up stopped"),
    ("error", "Needs attention"),
]
SENT_STATES = ("sent", "reminded", "final_notice", "collection", "bailiff")
# a mandate in these states is PAYT's to collect with; also when its answer is still out
COLLECTED_THERE = ("queued", "pushed", "revoking")
# after a reversal (bfocused_billing, collection/account_move.py) the customer is to pay by bank transfer
NOT_DEBITED = ("reminder", "dispute", "staff")
# What may still change on an invoice that PAYT has: a reversal or a new mandate changes how it is paid; the customer's
# order number may come later, or another day
CHANGING = {"reversal_state", "mandate_id", "payment_mode_id", "ref", "invoice_date_due"}
# Writing only these, or fields of PAYT, changes nothing in the books, and nobody modified the invoice by hand
HARMLESS = ("is_move_sent",)
QUICK = {
    "check_move_validity": False,
    "skip_account_move_synchronization": True,
    "skip_invoice_line_sync": True,
    "skip_invoice_sync": True,
    "skip_is_manually_modified": True,
}
CYCLE_LABELS = {"month": "MAAND", "quarter": "KWARTAAL", "year": "JAAR"}
QUANTITY_DIGITS = 6


class AccountMove(models.Model):
    """An invoice or credit note as PAYT gets it, and where it stands there."""

    _name = "account.move"
    _inherit = ["account.move", "payt.record.mixin", "payt.invoice.hooks"]

    payt_state = fields.Selection(
        selection=STATES, string="PAYT", default="none", copy=False, readonly=True, index=True
    )
    payt_invoice_id = fields.Char(string="PAYT's id", copy=False, readonly=True, index="btree_not_null")
    payt_message = fields.Char(string="PAYT message", copy=False, readonly=True, groups="base.group_user")
    payt_synced_at = fields.Datetime(string="Last synchronised with PAYT", copy=False, readonly=True)
    payt_pushed_at = fields.Datetime(string="At PAYT since", copy=False, readonly=True)
    payt_sent_at = fields.Datetime(string="Sent at", copy=False, readonly=True)
    payt_sent_by = fields.Selection(
        selection=[("payt", "PAYT"), ("odoo", "Odoo")],
        string="Sent by",
        copy=False,
        readonly=True,
        help="What Odoo sent, now or before PAYT was used, PAYT is told not to send.",
    )
    payt_url = fields.Char(string="Page at PAYT", copy=False, readonly=True)
    payt_deleted_at = fields.Datetime(string="Deleted at PAYT", copy=False, readonly=True)
    payt_was_deleted = fields.Boolean(
        copy=False,
        readonly=True,
        help="PAYT is told that it was sent already, if it was, so that nobody gets it twice.",
    )
    has_payt_backend = fields.Boolean(compute="_compute_has_payt_backend")

    # === COMPUTE

    @api.depends("company_id")
    def _compute_has_payt_backend(self):
        for move in self:
            move.has_payt_backend = bool(move.company_id and move.company_id._get_payt_backend())

    # === CRUD

    def write(self, vals):
        # EXTENDS 'account'
        self._check_payt_number(vals)
        writing = self
        if vals and all(name.startswith("payt_") or name in HARMLESS for name in vals):
            # looking through the journal items for changes takes much longer than writing
            writing = self.with_context(**QUICK)
        result = super(AccountMove, writing).write(vals)
        if CHANGING & vals.keys():
            self._queue_payt_update()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_at_payt(self):
        if self.filtered(lambda move: move._is_known_at_payt()):
            raise UserError(self.env._("PAYT has this invoice. Cancel it instead of deleting it, so that PAYT hears."))

    # === ACTIONS

    def action_payt_retry(self):
        """Send to PAYT again what it refused: the invoice, and its customer where that was refused too."""
        self.check_access("write")
        moves = self.filtered(lambda move: move._get_payt_backend() and move.payt_state != "none")
        lacking = moves.filtered(lambda move: move._lacks_payt_document())
        lacking.sudo().write({"payt_state": "queued", "payt_message": False})
        lacking._hand_to_sending()
        (moves - lacking)._queue_payt_invoices()

    def action_open_payt(self):
        """The invoice's page at PAYT."""
        self.ensure_one()
        return {"type": "ir.actions.act_url", "url": self.payt_url, "target": "new"}

    # === BUSINESS

    def _check_payt_number(self, vals):
        """Under another number PAYT would have it twice, and both to be paid."""
        if "name" in vals and self.filtered(lambda move: move.name != vals["name"] and move._is_known_at_payt()):
            raise UserError(self.env._("PAYT knows this invoice by its number, which can't change any more."))

    def _is_known_at_payt(self):
        """Whether PAYT has this invoice, or may have it: an answer can be lost."""
        self.ensure_one()
        return bool(self.payt_pushed_at or self.payt_invoice_id or self.payt_state == "queued")

    def _is_sent_through_payt(self):
        """Whether PAYT said that the invoice went out."""
        self.ensure_one()
        return self.payt_sent_by == "payt" or self.payt_state in SENT_STATES

    def _mark_sent_by_payt(self, sent_at):
        """PAYT says that it sent the invoice: only now it counts as sent.

        :param sent_at: ``datetime`` in UTC, without time zone
        """
        for move in self.filtered(lambda move: not move.payt_sent_at):
            values = {"payt_sent_at": sent_at, "payt_sent_by": "payt", "is_move_sent": True}
            if move.payt_state in ("queued", "pushed"):
                values["payt_state"] = "sent"
            move.sudo().write(values)

    def _lacks_payt_document(self):
        """Whether PAYT is to send the invoice, but there is no PDF (yet, or since it was corrected)."""
        self.ensure_one()
        is_sent_by_payt = (self.payt_pushed_at and self.payt_sent_at) or self._is_sent_before_deletion()
        is_out = self.payt_sent_by == "odoo" or is_sent_by_payt
        return self.state == "posted" and not is_out and not self.invoice_pdf_report_id

    # === BUSINESS: WHEN IT GOES TO PAYT

    def _post(self, soft=True):
        # EXTENDS 'account'
        posted = super()._post(soft=soft)
        documents = posted.filtered(lambda move: move.is_sale_document() and move._get_payt_backend())
        if documents:
            known = documents.filtered(lambda move: move._is_known_at_payt())
            known._queue_payt_update()
            known._queue_payt_resume()
            known.filtered(lambda move: move._lacks_payt_document())._hand_to_sending()
            (documents - known)._hand_to_payt_on_posting()
        return posted

    def button_draft(self):
        # EXTENDS 'account': PAYT waits while an invoice is corrected
        result = super().button_draft()
        self._queue_payt_block()
        return result

    def button_cancel(self):
        # EXTENDS 'account'
        known = self.filtered(lambda move: move._is_known_at_payt())
        result = super().button_cancel()
        known._queue_payt("invoice")
        return result

    def _hand_to_payt_on_posting(self):
        """Have the documents made and handed over by the job that sends. The billing run does that itself."""
        moves = self.filtered(
            lambda move: (
                not move.payt_deleted_at  # nobody said so of a correction
                and move.company_id.payt_on_posting
                and not (move.company_id.billing_auto_send and self.env.context.get("billing_posting_batch"))
                and move.commercial_partner_id._is_sent_by_payt(move.company_id)
            )
        )
        moves._hand_to_sending()

    def _get_payt_problem(self):
        """What would keep PAYT from taking this invoice, as a sentence; empty when nothing is known."""
        self.ensure_one()
        try:
            self.sudo().with_company(self.company_id)._prepare_payt_whole()
        except PaytPayloadInvalid as error:
            return "; ".join(error.problems)
        return ""

    def _job_hand_to_payt(self, send_unsent):
        """Job: hand over open invoices; doing it twice hands over nothing twice.

        :param send_unsent: PAYT sends those that were never sent; otherwise it takes all of them as sent
        """
        moves = self.exists().filtered(
            lambda move: move.state == "posted" and move.payt_state in (False, "none", "error")
        )
        unsent = moves.filtered(lambda move: send_unsent and not move.is_move_sent)
        unsent._hand_to_sending()
        for move in (moves - unsent).sudo():
            # noon is the same day in all of Europe
            move.write({"payt_sent_at": datetime.combine(move.invoice_date, time(12)), "payt_sent_by": "odoo"})
        (moves - unsent)._queue_payt_invoices()
        moves.filtered("payt_blocked")._queue_payt_block()

    # === BUSINESS: THE OUTBOX

    def _queue_payt_invoices(self):
        """Put invoices and credit notes into the outbox, with what they refer to and PAYT doesn't have yet.

        What was deleted at PAYT is sent there again: PAYT forgot what it took before.
        """
        deleted = self.filtered("payt_deleted_at")
        deleted.sudo().write({"payt_deleted_at": False})
        moves = self.filtered(lambda move: move.is_sale_document() and move._get_payt_backend())
        moves._queue_what_payt_needs()
        waiting = moves.filtered(lambda move: move.payt_state in (False, "none", "error"))
        waiting.sudo().write({"payt_state": "queued", "payt_message": False})
        moves._queue_payt("invoice")
        self.env["payt.outbox"]._put(deleted, "invoice", force=True)
        deleted.filtered("payt_blocked")._queue_payt_block()

    def _queue_what_payt_needs(self):
        """Put what these invoices refer to and PAYT doesn't have yet into the outbox."""
        for company, moves in self.grouped("company_id").items():
            moves._queue_payt_vat_rates(company)
            debtors = moves.with_company(company).commercial_partner_id
            debtors.filtered(lambda debtor: debtor.payt_debtor_state != "pushed")._queue_payt_debtor()
            moves._queue_payt_contacts()

    def _queue_payt_update(self):
        """Put those that PAYT has, or will have, into the outbox again."""
        self._note_reopened_after_deletion()
        known = self.filtered(lambda move: move.is_sale_document() and move.payt_state not in NOT_THERE)
        known._queue_payt_contacts()
        known._queue_payt("invoice")

    def _queue_payt_contacts(self):
        """Addresses of their own that these invoices name; also one that became that since."""
        for company, moves in self.grouped("company_id").items():
            moves = moves.with_company(company)
            moves.filtered(lambda move: move._has_own_payt_contact()).partner_id._queue_payt("contact")

    def _queue_payt_vat_rates(self, company):
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        lines.tax_ids._queue_payt_vat_rates()
        if not company.payt_no_vat_known and lines.filtered(lambda line: not line.tax_ids):
            self.env["payt.outbox"]._put(company, "vat_rate")
            company.sudo().payt_no_vat_known = True

    # === BUSINESS: DELETED AT PAYT

    def _note_reopened_after_deletion(self):
        """What was paid when PAYT deleted it may be open again: a person has to decide."""
        for move in self.filtered(lambda move: move.payt_deleted_at and move.payt_state != "error"):
            if move._is_open_without_payt():
                move._set_payt_error(self.env._("Deleted at PAYT, and open again since."))

    def _is_sent_before_deletion(self):
        """Whether PAYT sent it and lost it since: its document isn't needed any more, and it isn't sent once more."""
        return self.payt_was_deleted and bool(self.payt_sent_at)

    def _is_open_without_payt(self):
        return self.state != "cancel" and self.payment_state not in ("paid", "reversed", "in_payment")

    # === BUSINESS: WHO COLLECTS

    def _is_collected_by_payt(self):
        self.ensure_one()
        return self.payt_state not in NOT_THERE and self.mandate_id.sudo().payt_state in COLLECTED_THERE

    @api.model
    def _get_to_collect_domain(self, mode):
        # EXTENDS 'bfocused_billing'
        at_payt = Domain("move_id.payt_state", "not in", NOT_THERE)
        with_mandate = Domain("move_id.mandate_id.payt_state", "in", COLLECTED_THERE)
        return super()._get_to_collect_domain(mode) & ~(at_payt & with_mandate)

    def _get_debit_problem(self, day):
        # EXTENDS 'bfocused_billing'
        if self._is_collected_by_payt():
            return self.env._("PAYT collects it with mandate %s.", self.mandate_id.unique_mandate_reference)
        return super()._get_debit_problem(day)

    def _get_payt_payment_method(self):
        """PAYT's word for how the customer pays: by direct debit only while there is something to collect with."""
        self.ensure_one()
        is_debit = self._get_collecting_mandate() and self.reversal_state not in NOT_DEBITED
        return "direct_debit" if is_debit else "bank_transfer"

    # === BUSINESS: THE PAYLOAD

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
        if self.payt_deleted_at:
            return False
        if self.state == "cancel":
            return self._is_known_at_payt()
        if self.state != "posted":
            return False
        if self.payt_sent_by == "odoo" or self.payt_pushed_at or self._is_sent_before_deletion():
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

    def _get_payt_instead_invoice(self):
        """The customer's own contact, where the invoice went to another one before."""
        self.ensure_one()
        return {"contact_identifier": self.commercial_partner_id._get_payt_key_contact()}

    def _has_own_payt_contact(self):
        """Whether this invoice goes to another address than the customer's invoices do."""
        self.ensure_one()
        debtor = self.commercial_partner_id
        return self.partner_id != debtor and self.partner_id != debtor._get_payt_recipients()[0]

    def _get_payt_sent_at(self):
        """Given, PAYT doesn't send the invoice: it was sent already, or it is cancelled before PAYT could."""
        was_lost = self.payt_sent_at and not self.payt_pushed_at  # PAYT sent it, and doesn't have it any more
        if self.payt_sent_by == "odoo" or was_lost or self._is_sent_before_deletion():
            return self.payt_sent_at
        return self.create_date if self.state == "cancel" and not self.payt_pushed_at else False

    def _get_payt_labels(self):
        """The billing cycles of the lines."""
        cycles = set(self.invoice_line_ids.mapped("billing_cycle"))
        return [label for cycle, label in CYCLE_LABELS.items() if cycle in cycles]

    # === BUSINESS: DOCUMENTS

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

    # === BUSINESS: LINES

    def _prepare_payt_lines(self):
        """The lines; none at all when one of them has taxes that no single VAT rate of PAYT stands for."""
        lines = self.invoice_line_ids.filtered(lambda line: line.display_type == "product")
        lines = lines.sorted(lambda line: (line.sequence, line.id))
        if any(len(line.tax_ids) > 1 or line.tax_ids.filtered(lambda t: t.amount_type != "percent") for line in lines):
            return []
        vat = self._get_vat_by_line()
        return [self._prepare_payt_line(line, place, vat[line]) for place, line in enumerate(lines, start=1)]

    def _prepare_payt_line(self, line, place, vat):
        """
        :param place: of the line on the invoice, from 1
        :param vat: what it has of the invoice's VAT
        """
        sign = -1 if self.move_type == "out_refund" else 1
        currency = self.currency_id
        booked = line._get_booked_amount()
        values = {
            "description": line.name or line.product_id.display_name or self.name,
            "vat_rate_code": line.tax_ids._get_payt_key_vat_rate() if line.tax_ids else NO_VAT,
            "total_excl_tax_amount": currency.round(sign * booked),
            "total_incl_tax_amount": currency.round(sign * (booked + vat)),
            "vat_amount": currency.round(sign * vat),
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

    # === BUSINESS: WHAT PAYT SAID

    def _payt_taken_invoice(self, backend, answer):
        now = fields.Datetime.now()
        warnings = "; ".join((answer or {}).get("warnings") or []) or False
        for move in self.sudo():
            move.write(
                {
                    "payt_message": warnings,
                    "payt_synced_at": now,
                    "payt_pushed_at": move.payt_pushed_at or now,
                    "payt_told_at": now,
                    "payt_state": move._get_payt_state_taken(),
                }
            )

    def _get_payt_state_taken(self):
        """The state once PAYT took the invoice. What PAYT had done before is still so."""
        self.ensure_one()
        state = self.payt_state
        if self.state == "cancel" or not self.amount_residual:
            state = "paid"
        elif state in ("none", "queued", "error", "paid"):
            state = "sent" if self.payt_sent_at else "pushed"
        if state in ("pushed", "sent") and self.payt_step_state in SEVERITY:
            state = max(state, self.payt_step_state, key=SEVERITY.index)
        return state

    def _payt_refused_invoice(self, backend, reasons):
        self._set_payt_error("; ".join(reasons))

    def _set_payt_error(self, message):
        self.sudo().write({"payt_state": "error", "payt_message": message, "payt_synced_at": fields.Datetime.now()})
