from odoo.tests import tagged

from .explain_common import ExplainCase
from .sale_common import SaleBillingCase


@tagged("post_install", "-at_install")
class TestSaleExplain(SaleBillingCase, ExplainCase):
    """Lines of orders tell when they were delivered, and hours which timesheets they are."""

    def test_hours_lead_to_their_timesheets(self):
        order = self.make_order((self.hours, 10))
        billed = self.log_hours(order, "2026-01-05", 2) | self.log_hours(order, "2026-01-31", 0.5)
        self.log_hours(order, "2026-02-01", 4)
        self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        [hours] = [part for part in self.explain(line) if part.kind == "hours"]
        self.assertIn("2.5 hours on timesheets, 5 January 2026 to 31 January 2026", hours.label)
        model, domain = hours.opens
        self.assertEqual(self.env[model].sudo().search(domain), billed)
        self.assertEqual(self.get_amounts(line)[0][1], 250.0)

    def test_products_tell_the_month(self):
        order = self.make_order((self.cable, 8))
        order.order_line.qty_delivered = 8
        self.bill("2026-02-01")
        line = self.get_invoices().invoice_line_ids
        [label] = self.get_labels(line, "delivery")
        self.assertIn("1 January 2026 to 31 January 2026", label)

    def test_hours_are_separate_supplies_whatever_their_period(self):
        # hours have a first and a last day, which doesn't make them a continuing service
        self.company.billing_deferral_separate = "issue"
        order = self.make_order((self.hours, 10))
        self.log_hours(order, "2026-01-05", 0.25)
        run = self.bill("2026-02-01")
        invoice = self.get_invoices()
        self.assertEqual(run.line_ids.outcome, "invoiced")
        self.assertEqual((invoice.state, str(invoice.collection_date)), ("posted", "2026-04-01"))
        self.assertEqual(invoice.invoice_line_ids.supply_nature, "separate")
