from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import float_is_zero, format_date

from ...drafting.group import BillingGroup, Item, Sold

# What Odoo's values of an invoice line say only in the negative, or what the order of the lines says already.
DEFAULTS = ("is_downpayment", "extra_tax_data", "collapse_prices", "collapse_composition", "sequence")


def reduce_by(quantity, other):
    """``quantity`` brought towards zero by ``other`` of the same sign, and never beyond it."""
    if quantity * other <= 0:
        return quantity
    left = quantity - other
    return left if left * quantity > 0 else 0.0


def limit_to(quantity, other):
    """``quantity``, no further from zero than ``other``; nothing where that has the other sign."""
    return min(quantity, other, key=abs) if quantity * other > 0 else 0.0


class SaleOrderLine(models.Model):
    """What of an order line may be billed on a day, and how that stands on the invoice and in the ledger."""

    _name = "sale.order.line"
    _inherit = ["sale.order.line", "bfocused.billing.source.mixin"]

    billing_charge_ids = fields.One2many(
        comodel_name="bfocused.billing.charge",
        inverse_name="sale_line_id",
        string="Charges",
        groups="bfocused_billing.group_billing_user",
    )

    # === SOURCE

    @api.model
    def _get_charge_kinds(self):
        # OVERRIDES 'bfocused.billing.source.mixin'
        return ("sale",)

    @api.model
    def _get_billing_customers(self, run):
        # OVERRIDES 'bfocused.billing.source.mixin'
        orders = self.env["sale.order"]._find_billable(run)
        return orders.partner_invoice_id.commercial_partner_id.sudo(False)

    @api.model
    def _get_billing_parts(self, run, customers):
        # OVERRIDES 'bfocused.billing.source.mixin': one part per order
        orders = self.env["sale.order"]._find_billable(run, customers)
        lines = orders.order_line
        if run.scope_categ_ids:
            lines = lines.filtered_domain(run._get_scope_product_domain("product_id"))
        sold = lines._get_sold(run._get_sale_period())
        orders.order_line.fetch(["tax_ids"])  # Odoo's list of invoiceable lines would have it read per order
        for order in orders:
            yield order.partner_invoice_id.sudo(False), (order, sold)

    @api.model
    def _get_billing_group(self, run, part, memo):
        # OVERRIDES 'bfocused.billing.source.mixin'
        order, sold = part
        partner = order.partner_invoice_id.sudo(False)
        items = order.with_context(lang=partner.lang or self.env.lang)._get_items(sold)
        if not items:
            return None
        terms = order._get_invoice_terms(run.company_id, memo)
        # a product may be out of the range by the time it is billed, so products are no obstacle
        reason = order._get_hold_reason() or self._get_payment_mode_obstacle(run, terms)
        reason = reason or self._get_billing_obstacle(run, terms, partner, memo, items)
        return BillingGroup(terms, partner, reason, items=items)

    @api.model
    def _find_billed_items(self, items):
        # OVERRIDES 'bfocused.billing.source.mixin': with the headings of what was billed
        sold = [item for item in items if item.sold]
        charges = self.env["bfocused.billing.charge"].search(
            [("sale_line_id", "in", [item.source.id for item in sold]), ("state", "!=", "void")]
        )
        rounds = {(charge.sale_line_id.id, charge.billing_round) for charge in charges}
        billed = [item for item in sold if (item.source.id, item.sold.billing_round) in rounds]
        orders = {item.source.order_id.id for item in billed}
        return billed + [item for item in items if not item.sold and item.source.order_id.id in orders]

    @api.model
    def _get_supply_nature(self, has_period=True):
        # OVERRIDES 'bfocused.billing.source.mixin': what an order delivered, whatever its period
        return "separate"

    @api.model
    def _after_drafting(self, run, drafted):
        # OVERRIDES 'bfocused.billing.source.mixin'
        self._link_timesheets(run._get_sale_period().end, {item.source: move for item, move in drafted if item.sold})

    @api.model
    def _link_timesheets(self, last_day, moves):
        """Let the timesheets that were billed know their invoice; as Odoo does, but for all invoices at once.

        :param last_day: last day of the hours that were billed
        :param moves: dict of ``account.move`` by the line that was billed
        """
        moves = {line: move for line, move in moves.items() if line._is_hours()}
        if not moves:
            return
        lines = self.browse().sudo().union(*moves)
        timesheets = self.env["account.analytic.line"].sudo()
        billed = timesheets.search(lines._get_billable_timesheet_domain() & Domain("date", "<=", last_day))
        for move, invoiced in billed.grouped(lambda timesheet: moves[timesheet.so_line]).items():
            invoiced.write({"timesheet_invoice_id": move.id})

    # === WHAT IS DUE

    def _get_sold(self, period):
        """What of these lines a billing run bills: hours until the end of ``period``, else all.

        :param period: periods.Period the run bills, the month before for a month turn
        :return: dict of Sold by line, without lines of which nothing is due; down payments are not among them
        """
        lines = self.filtered(
            lambda line: not line.display_type and not line.is_downpayment and not line._is_billed_otherwise()
        )
        by_hours = lines.filtered(lambda line: line._is_hours())
        sold = by_hours._get_sold_hours(period.end)
        sold.update(
            (line, Sold(reduce_by(line.qty_to_invoice, line._get_credited_quantity()), period.start, period.end))
            for line in lines - by_hours
            if line.qty_to_invoice and not line._is_combo()
        )
        digits = self.env["decimal.precision"].precision_get("Product Unit")
        return {
            line: due._replace(billing_round=line._get_next_round())
            for line, due in sold.items()
            if not float_is_zero(due.quantity, precision_digits=digits)
        }

    def _is_billed_otherwise(self):
        """Whether a subscription bills this line."""
        self.ensure_one()
        return bool(self.subscription_template_id or self.product_id.subscribable)

    def _is_hours(self):
        """Whether this line is billed by the timesheets on it."""
        return bool(self.product_id) and self.product_id._is_delivered_timesheet()

    def _is_combo(self):
        """Whether this line is only the heading of its parts on an invoice."""
        return self.product_id.type == "combo"

    def _get_sold_hours(self, last_day):
        """Hours until ``last_day`` that are on no invoice yet.

        :return: dict of Sold by line, some maybe of no hours
        """
        if not self:
            return {}
        domain = self._get_billable_timesheet_domain()
        until = domain & Domain("date", "<=", last_day)
        hours = self.sudo()._get_delivered_quantity_by_analytic(until)
        days = self._get_timesheet_days(until)
        later = self.sudo()._get_delivered_quantity_by_analytic(domain & Domain("date", ">", last_day))
        return {
            line: Sold(line._get_unbilled_hours(hours[line.id], later.get(line.id, 0.0)), *days[line.id])
            for line in self.filtered(lambda line: hours.get(line.id))
        }

    def _get_billable_timesheet_domain(self):
        """Domain of the timesheets of these lines that may be billed, which is what Odoo links to an invoice."""
        return Domain(self._timesheet_compute_delivered_quantity_domain()) & Domain(
            self.env["account.move.line"]._timesheet_domain_get_invoiced_lines(self)
        )

    def _get_timesheet_days(self, domain):
        """First and last day of the timesheets in ``domain``, by the id of their line."""
        rows = self.env["account.analytic.line"].sudo()._read_group(domain, ["so_line"], ["date:min", "date:max"])
        return {line.id: days for line, *days in rows}

    def _get_unbilled_hours(self, hours, later):
        """Of ``hours`` what isn't billed: timesheets can be on no invoice although what they came to is on one.

        Odoo takes all timesheets off an invoice of which a part is credited, and doesn't put them back on one that was
        cancelled and confirmed again.

        :param later: hours after the period, on no invoice either
        """
        self.ensure_one()
        unbilled = self.qty_delivered - self.qty_invoiced - later - self._get_credited_quantity()
        return limit_to(hours, unbilled)

    # --- credit notes

    def _get_credits(self):
        """The lines of credit notes that give back what an invoice of this line charged."""
        return self.invoice_lines.filtered(
            lambda line: (
                line.move_type == "out_refund" and line.parent_state != "cancel" and line.move_id.reversed_entry_id
            )
        )

    def _get_credited_quantity(self):
        """What was credited for good, which Odoo counts as still to be invoiced.

        Neither what *Bill again* frees nor what somebody invoiced anew from the order counts.

        :return: quantity in the line's unit
        """
        self.ensure_one()
        credits = self._get_credits()
        credited = 0.0
        if not credits:
            return credited
        for line in self.invoice_lines.filtered(lambda line: line.parent_state != "cancel").sorted("id"):
            quantity = line.product_uom_id._compute_quantity(line.quantity, self.product_uom_id)
            if line in credits:
                credited += 0.0 if line._is_billed_again() else quantity
            elif line.move_type == "out_invoice" and not line.sudo().charge_ids:
                credited = reduce_by(credited, quantity)
        return credited

    # --- down payments

    def _get_sold_down_payment(self, sold):
        """A down payment is deducted whole, with the period of what it is deducted from."""
        self.ensure_one()
        dues = [sold[line] for line in self.order_id.order_line if line in sold]
        start, end = min(due.period_start for due in dues), max(due.period_end for due in dues)
        return Sold(-1.0, start, end, self._get_next_round())

    def _get_sold_amount(self, due):
        """What ``due`` comes to, in the order's currency and with or without taxes as the price is."""
        self.ensure_one()
        return due.quantity * self.price_unit * (1 - self.discount / 100)

    # === ON THE INVOICE

    def _get_billing_document(self):
        # OVERRIDES 'bfocused.billing.source.mixin'
        return self.order_id

    def _get_items(self, due):
        """The invoice lines for what is due of this line, by Odoo's own hook.

        :param due: Sold, or ``None`` for a heading
        :rtype: list of Item
        """
        self.ensure_one()
        values_list = self._prepare_invoice_lines_vals_list(**self._prepare_billed_values(due))
        dues = [due] + [None] * (len(values_list) - 1)  # the ledger has one row for a line, also where it makes several
        return [
            Item(self, self._clean_billed_values(values), sold=charged)
            for values, charged in zip(values_list, dues, strict=True)
        ]

    def _prepare_billed_values(self, due):
        """What the invoice line says otherwise than Odoo would by itself."""
        if not due:
            return {}
        values = {"quantity": due.quantity}
        if self.is_downpayment:
            values["extra_tax_data"] = self.env["account.tax"]._reverse_quantity_base_line_extra_tax_data(
                self.extra_tax_data
            )
        elif self._is_hours():
            values.update(
                start_date=due.period_start,
                end_date=due.period_end,
                name=f"{self.name}\n{self._get_period_label(due)}",
            )
        return values

    def _get_period_label(self, due):
        """For example "5 januari 2026 t/m 31 januari 2026", in the customer's language."""
        start, end = (
            format_date(self.env, day, lang_code=self.env.lang, date_format="d MMMM y")
            for day in (due.period_start, due.period_end)
        )
        return self.env._("%(start)s to %(end)s", start=start, end=end)

    @api.model
    def _clean_billed_values(self, values):
        """Without what goes without saying, so that the invoice can be made in bulk; lines stand in the order made."""
        cleaned = {
            name: value
            for name, value in values.items()
            if not (name in DEFAULTS and (not value or name == "sequence"))
        }
        if cleaned.get("display_type") == "product":
            del cleaned["display_type"]
        return cleaned

    # === IN THE LEDGER

    def _get_next_round(self):
        """How many times something of this line was billed before; the next charge carries that number.

        Two runs at once that would bill the same quantity find the same number, so the database refuses the second.
        """
        self.ensure_one()
        live = self.sudo().billing_charge_ids._get_live()
        return max(live.mapped("billing_round"), default=-1) + 1

    def _prepare_charge(self, item, move_line, run):
        # OVERRIDES 'bfocused.billing.source.mixin'
        due = item.sold
        if not due:
            return None
        return {
            "company_id": run.company_id.id,
            "currency_id": move_line.currency_id.id,
            "kind": "sale",
            "partner_id": move_line.move_id.commercial_partner_id.id,
            "sale_line_id": self.id,
            "period_start": due.period_start,
            "period_end": due.period_end,
            "billing_round": due.billing_round,
            "quantity": due.quantity,
            "amount_untaxed": move_line._get_booked_amount(),
            "move_line_id": move_line.id,
            "run_id": run.id,
        }
