from odoo.tests import tagged

from .sale_common import SaleBillingCase


@tagged("post_install", "-at_install")
class TestSaleGrowth(SaleBillingCase):
    """What a run asks of the database grows slower than the orders it bills."""

    def count_queries(self, count):
        """Queries of the run's collecting step for ``count`` customers with an order of hours and of products."""
        customers = self.env["res.partner"].union(
            *(self.make_customer(f"Customer {count}.{number}") for number in range(count))
        )
        for customer in customers:
            order = self.make_order((self.hours, 10), (self.cable, 5), self.switch, customer=customer)
            order.order_line[1].qty_delivered = 5
            self.log_hours(order, "2026-01-05", 2)
        run = self.make_run("2026-02-01")._with_billing_context()
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        groups = run._get_groups(customers)
        self.assertEqual([len(group.items) for group in groups], [3] * count)
        return self.env.cr.sql_log_count - before

    def test_collecting_more_orders_takes_hardly_more_queries(self):
        self.count_queries(1)
        few, many = self.count_queries(4), self.count_queries(24)
        self.assertLessEqual(many - few, 10)
