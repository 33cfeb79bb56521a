from lxml import etree
from markupsafe import Markup

from odoo import fields, models
from odoo.exceptions import UserError


class AccountPaymentOrder(models.Model):
    """Orders of direct debits: their days, the limits of the bank's contract, their file, the life of the mandates.

    Invoices whose collection waits for the quarter's batch aren't debited before it (R5).
    """

    _inherit = "account.payment.order"

    # === CONFIRM

    def draft2open(self):
        # EXTENDS 'account_payment_order': days of collection by banking days and notice (T14), within the contract
        own = self.filtered("payment_mode_id.is_own_collection")
        others = self - own
        for order in own:
            order._fit_to_open_amounts()
        for order in others + own:  # its dates may have changed since its lines were added
            order.payment_line_ids.move_line_id._check_collectible(order)
        if others:
            super(AccountPaymentOrder, others).draft2open()
        if own:
            super(AccountPaymentOrder, own.with_context(billing_set_collection_days=True)).draft2open()
        for order in own:
            order._check_contract()
        return True

    def _fit_to_open_amounts(self):
        """Debit no more than is still open: since a line was put on this order it may have been paid or credited.

        :raise UserError: when that leaves nothing
        """
        self.ensure_one()
        notes = [(line, line._get_settled_note()) for line in self.payment_line_ids]
        notes = [(line, note) for line, note in notes if note]
        paid = self.env["account.payment.line"].union(*(line for line, _note in notes if line.move_line_id.reconciled))
        messages = [note for _line, note in notes]
        if paid and paid == self.payment_line_ids:
            raise UserError("\n".join(messages))
        for line, _note in notes:
            if line not in paid:
                line.amount_currency = line.move_line_id.amount_residual_currency
        paid.unlink()
        if messages:
            self.message_post(body=Markup("<br/>").join(messages))

    def _check_contract(self):
        """Refuse an order that goes beyond a limit of the bank's contract.

        :raise UserError: with each limit
        """
        self.ensure_one()
        mode = self.payment_mode_id
        problems = [mode._get_batch_problem(sum(self.payment_ids.mapped("amount")), len(self.payment_ids))]
        for month, lines in self.payment_line_ids.grouped(lambda line: line.date.replace(day=1)).items():
            amount = sum(lines.mapped("amount_currency"))
            problems.append(mode._get_month_problem(month, mode._get_month_amount(month, self) + amount))
        if any(problems):
            raise UserError("\n".join(filter(None, problems)))

    # === FILE

    def open2generated(self):
        # EXTENDS 'account_payment_order': the payments have their amounts, so what was paid since then is refused
        own = self.filtered("payment_mode_id.is_own_collection")
        notes = [line._get_settled_note() for line in own.payment_line_ids]
        if any(notes):
            again = self.env._("Cancel the payment order, set it back to draft and confirm it again.")
            raise UserError("\n".join([*filter(None, notes), again]))
        return super().open2generated()

    def generate_address_block(self, parent_node, partner, gen_args):
        # EXTENDS 'account_banking_pain_base': banks are ending free address lines, and SEPA needs no address within
        # the European Economic Area (EPC130-08, customer-to-bank guidelines); elsewhere it is written in parts (T10)
        if not self._writes_own_debits(gen_args):
            return super().generate_address_block(parent_node, partner, gen_args)
        if partner.country_id and not self._is_in_eea(partner.country_id):
            self._add_structured_address(parent_node, partner, gen_args)
        return True

    def _writes_own_debits(self, gen_args):
        return gen_args.get("payment_method") == "DD" and self.payment_mode_id.is_own_collection

    def _is_in_eea(self, country):
        return country in self.env.ref("base.europe").country_ids or country.code in ("IS", "LI", "NO")

    def _add_structured_address(self, parent_node, partner, gen_args):
        address = etree.SubElement(parent_node, "PstlAdr")
        parts = (
            ("StrtNm", "partner.street", 70),
            ("PstCd", "partner.zip", 16),
            ("TwnNm", "partner.city", 35),
            ("Ctry", "partner.country_id.code", 2),
        )
        for tag, path, size in parts:
            if partner.mapped(path.removeprefix("partner."))[0]:
                node = etree.SubElement(address, tag)
                node.text = self._prepare_field(tag, path, {"partner": partner}, size, gen_args=gen_args)

    def finalize_sepa_file_creation(self, xml_root, gen_args):
        # EXTENDS 'account_banking_pain_base': tell the banks of replaced mandates before the file is validated
        if self._writes_own_debits(gen_args):
            self._add_amendments(xml_root)
        return super().finalize_sepa_file_creation(xml_root, gen_args)

    def _add_amendments(self, xml_root):
        mandates = {str(payment.id): payment.payment_line_ids[:1].mandate_id for payment in self.payment_ids}
        for debit in xml_root.iter("DrctDbtTxInf"):
            amendment = mandates[debit.findtext("PmtId/EndToEndId")]._get_amendment()
            if amendment:
                self._add_amendment(debit.find("DrctDbtTx/MndtRltdInf"), amendment)

    def _add_amendment(self, node, amendment):
        """Put an amendment in the mandate's part of a debit; it replaces what the OCA add-on may have put there."""
        for tag in ("AmdmntInd", "AmdmntInfDtls"):
            for old in node.findall(tag):
                node.remove(old)
        etree.SubElement(node, "AmdmntInd").text = "true"
        details = etree.SubElement(node, "AmdmntInfDtls")
        if amendment.get("reference"):
            etree.SubElement(details, "OrgnlMndtId").text = amendment["reference"]
        if amendment.get("iban"):
            account = etree.SubElement(etree.SubElement(details, "OrgnlDbtrAcct"), "Id")
            etree.SubElement(account, "IBAN").text = amendment["iban"]

    # === LIFE OF THE MANDATE (T11)

    def generated2uploaded(self):
        # EXTENDS 'account_banking_sepa_direct_debit': there, the last debit is the day on which the file was made
        ours = self.filtered(lambda order: order.company_id.use_billing)
        lines = ours.payment_line_ids.filtered("mandate_id")
        for line in lines:
            line.mandate_debited_before = line.mandate_id.last_debit_date
        result = super().generated2uploaded()
        for mandate, debits in lines.grouped("mandate_id").items():
            mandate.last_debit_date = max(
                filter(None, [*debits.mapped("date"), *debits.mapped("mandate_debited_before")])
            )
        return result

    def action_cancel(self):
        # EXTENDS 'account_payment_order': what the bank never got was no collection
        uploaded = self.filtered(lambda order: order.state == "uploaded" and order.company_id.use_billing)
        result = super().action_cancel()
        for mandate, lines in uploaded.payment_line_ids.filtered("mandate_id").grouped("mandate_id").items():
            if mandate.last_debit_date == max(lines.mapped("date")):
                rest = mandate.payment_line_ids.filtered(lambda line: line.state == "uploaded")
                days = [*rest.mapped("date"), *lines.mapped("mandate_debited_before")]
                mandate.last_debit_date = max(filter(None, days), default=False)
        return result

    # === COLLECTION OF DEFERRED INVOICES

    def _get_collection_date(self):
        """The day on which this order debits; ``None`` when that is each line's own due date."""
        self.ensure_one()
        today = fields.Date.context_today(self)
        if self.date_prefered == "due":
            return None
        scheduled = self.date_scheduled if self.date_prefered == "fixed" else today
        return max(scheduled or today, today)
