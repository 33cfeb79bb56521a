from datetime import timedelta

from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.modules.migration import load_script
from odoo.tools import file_path

from .common import BillingCase, day
from .day_model import add_months
from .size import at_size

MOVES = ["end", "close", "close_ended", "confirm_again", "add", "sell_a_copy", "turn"]
ANY = st.integers(min_value=0, max_value=30)
SCRIPT = "bfocused_billing/migrations/19.0.1.6.0/post-chains.py"


class TestEnded(BillingCase):
    """What ended stays ended, whatever happens to its order."""

    @settings(max_examples=at_size(30, 5), deadline=None, phases=[Phase.generate])
    @given(moves=st.lists(st.tuples(st.sampled_from(MOVES), ANY), min_size=4, max_size=10))
    def test_an_ended_line_is_never_billed_after_its_end(self, moves):
        with self.env.cr.savepoint() as savepoint:
            self.today, self.orders, self.ends = day("2026-01-05"), self.env["sale.order"], {}
            order = self.orders.create({"partner_id": self.customer.id})
            self.orders = order
            self.add(0)
            self.confirm(order)
            for move, number in [*moves, ("turn", 0), ("turn", 0)]:
                with freeze_time(self.today):
                    getattr(self, move)(number)
            savepoint.rollback()
        self.env.invalidate_all()

    def get_running(self):
        return self.orders.subscription_ids.filtered(lambda sub: sub.stage_type != "post").sorted("id")

    def note_end(self, subscription, end):
        for line in subscription.sale_subscription_line_ids.sale_order_line_id:
            self.ends[line] = end

    def confirm(self, order):
        with freeze_time(self.today):
            order.action_confirm()

    def end(self, number):
        running = self.get_running().filtered(lambda sub: not sub.date)
        if running:
            subscription = running[number % len(running)]
            subscription.date = self.today + timedelta(days=number)
            self.note_end(subscription, subscription.date)

    def close(self, number):
        running = self.get_running()
        if running:
            subscription = running[number % len(running)]
            end = min(subscription.date or self.today, self.today)
            subscription.close_subscription()
            self.note_end(subscription, end)

    def close_ended(self, _number):
        self.env["sale.subscription"].cron_subscription_management()

    def confirm_again(self, number):
        order = self.orders[number % len(self.orders)]
        order._action_cancel()
        order.action_draft()
        order.action_confirm()

    def add(self, number):
        order = self.orders[number % len(self.orders)]
        order.order_line = [Command.create({"product_id": (self.internet if number % 2 else self.cloudbox).id})]

    def sell_a_copy(self, number):
        copied = self.orders[number % len(self.orders)].copy()
        copied.action_confirm()
        self.orders += copied

    def turn(self, _number):
        self.today = add_months(self.today.replace(day=1), 1)
        with freeze_time(self.today):
            self.bill(self.today)
        for line in self.orders.order_line:
            self.assertLessEqual(len(line.subscription_line_ids), 1, line.name)
            periods = [
                period
                for charge in line.subscription_line_ids.charge_ids._get_live()
                if not charge.is_credit
                for period in charge._get_uncredited_periods()
            ]
            if line in self.ends and periods:
                self.assertLess(max(period.end for period in periods), self.ends[line], line.name)

    # === WHAT THE UPGRADE SAYS

    @freeze_time("2025-11-15")
    def test_the_upgrade_names_lines_of_a_chain_that_serve_the_same_days(self):
        subscription = self.make_subscription(self.month, self.cloudbox, start="2025-01-01")
        line = subscription.sale_subscription_line_ids
        planned = line._change(day("2026-01-10"), {"price_unit": 60})
        migrate = load_script(file_path(SCRIPT), "post-chains").migrate
        self.env.flush_all()
        with self.assertNoLogs("post-chains", "WARNING"):
            migrate(self.env.cr, "19.0.1.5.0")
        # typed before this was guarded
        self.env.cr.execute("UPDATE sale_subscription_line SET date_start = '2026-01-05' WHERE id = %s", [planned.id])
        self.env.invalidate_all()
        with self.assertLogs("post-chains", "WARNING") as logs:
            migrate(self.env.cr, "19.0.1.5.0")
        self.assertIn(
            f"From 2026-01-05 on two lines of a chain serve the same days: {line.id} and {planned.id}", logs.output[0]
        )
        self.assertIn("both serve the days from 01/05/2026 on", subscription.message_ids[0].body)
