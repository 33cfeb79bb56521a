from odoo import models
from odoo.fields import Domain

from ...periods import month_before


class BillingInvoiceMixin(models.AbstractModel):
    """What orders add to the invoices of a run: the customer's reference, their payment term, their timesheets."""

    _inherit = "bfocused.billing.invoice.mixin"

    def _prepare_base_line(self, values):
        # EXTENDS 'bfocused_billing': the taxes of a down payment as they were, to the cent
        base_line = super()._prepare_base_line(values)
        if values.get("extra_tax_data"):
            base_line["extra_tax_data"] = values["extra_tax_data"]
        return base_line

    def _prepare_move(self, group):
        # EXTENDS 'bfocused_billing'
        values = super()._prepare_move(group)
        orders = self._get_orders(group)
        if reference := self._get_customer_reference(orders):
            values["ref"] = reference
        terms = orders.payment_term_id
        mode = self.env["account.payment.mode"].browse(group.key.payment_mode_id)
        is_orders_only = len(orders) == len(group.get_documents()) and all(order.payment_term_id for order in orders)
        if is_orders_only and len(terms) == 1 and not mode.payment_method_id.mandate_required:
            values["invoice_payment_term_id"] = terms.id  # as agreed; what is debited follows the company's term
        return values

    def _prepare_joined_move(self, group):
        # EXTENDS 'bfocused_billing'
        values = super()._prepare_joined_move(group)
        if reference := self._get_customer_reference(self._get_orders(group)):
            references = [*(group.move.ref or "").split(", "), *reference.split(", ")]
            values["ref"] = ", ".join(dict.fromkeys(filter(None, references)))
        return values

    def _get_orders(self, group):
        orders = self.env["sale.order"].sudo()
        return orders.union(*(document for document in group.get_documents() if document._name == orders._name))

    def _get_customer_reference(self, orders):
        """The numbers under which the customer ordered."""
        return ", ".join(dict.fromkeys(order.client_order_ref for order in orders if order.client_order_ref))

    def _draft(self, groups):
        # EXTENDS 'bfocused_billing'
        result = super()._draft(groups)
        self._link_timesheets(groups)
        return result

    def _link_timesheets(self, groups):
        """Let the timesheets that were billed know their invoice; as Odoo does, but for all invoices at once."""
        moves = {
            item.source: group.move for group in groups for item in group.items if item.sold and item.source._is_hours()
        }
        if not moves:
            return
        lines = self.env["sale.order.line"].sudo().union(*moves)
        timesheets = self.env["account.analytic.line"].sudo()
        billed = timesheets.search(
            lines._get_billable_timesheet_domain() & Domain("date", "<=", month_before(self.date).end)
        )
        for move, its_own in billed.grouped(lambda timesheet: moves[timesheet.so_line]).items():
            its_own.write({"timesheet_invoice_id": move.id})
