from datetime import datetime, time
from zoneinfo import ZoneInfo

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import float_compare

from ...drafting.terms import InvoiceTerms
from ...periods import ONE_DAY


class SaleOrder(models.Model):
    """What a billing run needs of orders: which ones it looks at, on what terms, and what of them it bills (R3)."""

    _inherit = "sale.order"

    @api.model
    def _find_billable(self, run, customers=None):
        """The orders of which something may be due on the date of the run.

        With all rights: what a run bills doesn't depend on whose orders its user may see.

        :param customers: ``res.partner`` records, commercial entities; all when left out
        :return: ``sale.order`` records
        """
        domain = self._get_billable_domain(run.company_id, run._get_sale_period().end)
        if customers is not None:
            domain &= Domain("partner_invoice_id.commercial_partner_id", "in", customers.ids)
        return self.sudo().search(domain, order="date_order, id")

    @api.model
    def _get_billable_domain(self, company, last_day):
        """Domain of the orders of ``company`` that a billing run looks at: taken until ``last_day``.

        :param company: ``res.company`` record
        :param last_day: last day of what the run bills
        """
        if not company.use_billing or not company.billing_orders:
            return Domain.FALSE
        domain = (
            Domain("company_id", "=", company.id)
            & Domain("state", "=", "sale")
            & Domain("invoice_status", "=", "to invoice")
            & Domain("date_order", "<", self._get_start_of_day(company, last_day + ONE_DAY))
        )
        if company.billing_orders_from:
            domain &= Domain("date_order", ">=", self._get_start_of_day(company, company.billing_orders_from))
        return domain

    @api.model
    def _get_start_of_day(self, company, day):
        """When ``day`` begins where the company is, as a naive datetime in UTC."""
        start = datetime.combine(day, time.min, ZoneInfo(company.billing_tz))
        return start.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)

    # === TERMS

    def _get_invoice_terms(self, company, memo):
        """The terms of the invoice on which this order belongs.

        :param company: ``res.company`` that bills
        :param memo: dict that remembers fiscal positions
        """
        self.ensure_one()
        partner = self.partner_invoice_id.sudo(False)
        sources, delivery = self.env["bfocused.billing.source.mixin"].sudo(False), self.partner_shipping_id.sudo(False)
        position = self.fiscal_position_id or sources._get_billing_position(company, partner, delivery, memo)
        return InvoiceTerms.of_order(self, position)

    def _get_billing_payment_mode(self):
        """How this order is paid: as agreed, or else as its customer pays, or else with the customer's mandate.

        Only subscriptions have to be collected (R1): without a mandate the customer pays it by bank transfer.
        """
        self.ensure_one()
        company, partner = self.company_id, self.partner_invoice_id
        mode = self.payment_mode_id or partner.with_company(company).customer_payment_mode_id
        if mode or partner._get_mandate_problem(company, partner._get_billing_mandate(company)):
            return mode
        return company.billing_payment_mode_id

    def _get_billing_mandate(self):
        """The mandate this order is collected with: its own as long as it is usable, or else the customer's current.

        :return: ``account.banking.mandate``, maybe empty; always empty where no mandate is asked for
        """
        self.ensure_one()
        partner, company, mandate = self.partner_invoice_id, self.company_id, self.mandate_id
        if not self._get_billing_payment_mode().payment_method_id.mandate_required:
            return mandate.browse()
        if mandate and not partner._get_mandate_problem(company, mandate):
            return mandate
        return partner._get_billing_mandate(company)

    def _get_hold_reason(self):
        """Why this order isn't billed although something is due, as a sentence; an empty text when it is.

        :return: text in the user's language
        """
        self.ensure_one()
        if self._get_open_transactions():
            return self.env._(
                "%s was paid online. Create its invoice on the order itself, so that the payment is set off.", self.name
            )
        if not self._get_billing_payment_mode().payment_method_id.mandate_required:
            return ""
        return self.partner_invoice_id._get_mandate_problem(self.company_id, self._get_billing_mandate()) or ""

    def _get_open_transactions(self):
        """The online payments that Odoo would set off against an invoice made from this order."""
        return self.sudo().transaction_ids.filtered(
            lambda payment: (
                payment.state in ("pending", "authorized")
                or (payment.state == "done" and not payment.payment_id.is_reconciled)
            )
        )

    # === WHAT IS BILLED

    def _get_items(self, sold):
        """The invoice lines for what is due of this order; headings and notes stay on the order.

        :param sold: dict of Sold by order line, see ``sale.order.line._get_sold``
        :rtype: list of Item
        """
        self.ensure_one()
        invoiceable = self._get_invoiceable_lines(final=True)
        lines = invoiceable.filtered(lambda line: line in sold or line._is_combo())
        if not self._is_worth_an_invoice(lines, sold):
            return []
        items = [item for line in lines for item in line._get_items(sold.get(line))]
        down_payments = invoiceable.filtered("is_downpayment")
        return items + [
            item
            for line in self._get_deducted(down_payments, sold)
            for item in line._get_items(line._get_sold_down_payment(sold))
        ]

    def _is_worth_an_invoice(self, lines, sold):
        """Whether there is more than what Odoo doesn't invoice alone, such as a discount, or nothing else to come."""
        due = lines.filtered(lambda line: line in sold)
        if not due or any(line._can_be_invoiced_alone() for line in due):
            return bool(due)
        others = self.order_line.filtered(lambda line: not line.display_type and not line.is_downpayment) - due
        return all(line.invoice_status == "invoiced" or line.subscription_template_id for line in others)

    def _get_deducted(self, down_payments, sold):
        """The down payments that are set off now: as far as they are covered, and all with the last of the order.

        Odoo deducts them whole from the first invoice with deduction; of an order that is billed month by month that
        would pay back what the customer paid in advance.

        :param down_payments: ``sale.order.line`` records that could be deducted
        """
        if self._is_completed_by(sold):
            return down_payments
        left = sum(line._get_sold_amount(sold[line]) for line in self.order_line if line in sold)
        covered = down_payments.browse()
        for line in down_payments:
            if self.currency_id.compare_amounts(left, line.price_unit) >= 0:
                covered |= line
                left -= line.price_unit
        return covered

    def _is_completed_by(self, sold):
        """Whether nothing of the order is left to be billed after this."""
        digits = self.env["decimal.precision"].precision_get("Product Unit")
        for line in self.order_line:
            if line.display_type or line.is_downpayment or line._is_billed_otherwise():
                continue
            billed = line.qty_invoiced + (sold[line].quantity if line in sold else 0.0)
            if float_compare(billed, line.product_uom_qty, precision_digits=digits) < 0:
                return False
        return True
