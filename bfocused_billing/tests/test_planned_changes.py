from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError

from .common import BillingCase, day


@freeze_time("2025-11-15")
class TestPlannedChanges(BillingCase):
    """What is changed or ended now also holds for what was planned for later."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.month, self.cloudbox, start="2025-01-01")
        self.line = self.subscription.sale_subscription_line_ids
        self.line.product_uom_qty = 5
        self.planned = self.line._change(day("2026-01-01"), {"price_unit": 33}, "Indexation")

    def get_terms(self):
        lines = self.subscription.sale_subscription_line_ids.sorted(lambda line: line._get_start())
        served = lines.filtered(lambda line: line._is_ever_served())
        return [(str(line.date_start or ""), line.product_uom_qty, line.price_unit) for line in served]

    def make_wizard(self, line=None, **values):
        return self.env["bfocused.subscription.change"].create(
            {"line_id": (line or self.line).id, "date": "2025-12-15", **values}
        )

    def test_a_change_now_holds_beyond_a_planned_one(self):
        wizard = self.make_wizard(quantity=8)
        self.assertFalse(wizard.planned_note)
        wizard.action_apply()
        self.assertEqual(self.get_terms(), [("", 5, 30), ("2025-12-15", 8, 30), ("2026-01-01", 8, 33)])
        self.assertEqual(self.planned.predecessor_id.predecessor_id, self.line)

    def test_what_the_planned_change_changes_itself_stays_as_planned_and_that_is_said(self):
        wizard = self.make_wizard(quantity=8, price_unit=31)
        self.assertIn("from 01/01/2026 on these stay as they were planned before: Unit price.", wizard.planned_note)
        wizard.action_apply()
        self.assertEqual(self.get_terms(), [("", 5, 30), ("2025-12-15", 8, 31), ("2026-01-01", 8, 33)])
        self.assertIn("stay as they were planned before: Unit price.", self.subscription.message_ids[0].body)

    def test_a_change_holds_up_to_the_first_planned_one_of_the_same_field(self):
        self.planned._change(day("2026-02-01"), {"discount": 10})
        third = self.subscription.sale_subscription_line_ids.sorted("id")[-1]
        third._change(day("2026-03-01"), {"product_uom_qty": 6})
        self.make_wizard(quantity=8, discount=5).action_apply()
        lines = self.subscription.sale_subscription_line_ids.sorted(lambda line: line.date_start or day("2000-01-01"))
        self.assertEqual(lines.mapped("product_uom_qty"), [5, 8, 8, 8, 6])
        self.assertEqual(lines.mapped("discount"), [0, 5, 5, 10, 10])

    def test_a_planned_change_that_was_billed_is_settled(self):
        with freeze_time("2026-01-01"):
            self.bill("2026-01-01")
        self.line._change(day("2025-12-15"), {"product_uom_qty": 8})
        with freeze_time("2026-01-02"):
            self.bill("2026-01-02")
        january = self.planned | self.planned.successor_ids
        self.assertEqual(sum(january.move_line_ids.mapped("price_subtotal")), 8 * 33)
        again = self.line._get_next()._change(day("2025-12-20"), {"product_uom_qty": 9})
        self.assertEqual(again._get_next().product_uom_qty, 9)

    def test_another_product_or_cycle_before_a_planned_change_is_refused(self):
        for values in ({"product_id": self.internet.id}, {"template_id": self.quarter.id}):
            wizard = self.make_wizard()
            wizard.write(values)
            with self.assertRaisesRegex(UserError, "changes on 01/01/2026, as planned before"):
                wizard.action_apply()

    def test_an_end_now_ends_what_was_planned(self):
        later = self.planned._change(day("2026-02-01"), {"product_uom_qty": 6})
        self.line.date_end = "2025-12-01"
        self.assertEqual(self.get_terms(), [("", 5, 30)])
        self.assertEqual(later.date_end, later.date_start)
        self.assertIn(
            "so what was planned from 01/01/2026 on doesn", "".join(self.subscription.message_ids.mapped("body"))
        )
        with freeze_time("2026-03-01"):
            self.bill("2026-03-01")
        self.assertEqual(max(self.get_invoices().invoice_line_ids.mapped("end_date")), day("2025-11-30"))

    def test_closing_ends_a_planned_move_to_another_cycle(self):
        wizard = self.make_wizard(self.planned, date="2026-04-01", template_id=self.quarter.id)
        target = self.env["sale.subscription"].browse(wizard.action_apply()["res_id"])
        self.subscription.date = "2026-02-01"
        self.assertFalse(target.sale_subscription_line_ids._is_ever_served())
        self.assertFalse(target.recurring_next_date)
        self.subscription.date = False
        self.assertTrue(self.planned._is_ever_served())

    def test_a_withdrawn_end_of_the_subscription_leaves_what_was_planned_in_it(self):
        self.subscription.date = "2025-12-01"
        self.subscription.date = False
        self.assertEqual(self.get_terms(), [("", 5, 30), ("2026-01-01", 5, 33)])

    def test_a_line_can_not_run_on_beside_the_one_that_takes_over(self):
        for end in ("2026-02-01", False):
            with self.assertRaisesRegex(ValidationError, "was changed from 01/01/2026 on"):
                self.line.date_end = end
        self.planned.date_end = "2026-01-01"
        self.line.date_end = False

    # === WHAT A CHANGE LEAVES AS IT IS

    def test_what_a_change_does_not_name_stays(self):
        plan = self.env["account.analytic.plan"].create({"name": "Plan"})
        account = self.env["account.analytic.account"].create({"name": "Account", "plan_id": plan.id})
        self.planned.analytic_distribution = {str(account.id): 100}
        new = self.planned._change(day("2026-02-01"), {"price_unit": 34})
        self.assertEqual(new.analytic_distribution, {str(account.id): 100})

    def test_a_changed_line_is_still_its_order_s(self):
        order = self.env["sale.order"].create({"partner_id": self.customer.id, "company_id": self.company.id})
        order.order_line = [(0, 0, {"product_id": self.cloudbox.id})]
        order.action_confirm()
        line = order.subscription_ids.sale_subscription_line_ids
        new = line._change(day("2026-02-01"), {"price_unit": 34})
        self.assertEqual(new.sale_order_line_id, order.order_line)

    def test_the_wizard_does_not_round_what_nobody_touched(self):
        self.planned.write({"price_unit": 100 / 12, "product_uom_qty": 2.125})
        wizard = self.make_wizard(self.planned, date="2026-02-01")
        self.assertFalse(wizard._prepare_change())
        wizard.discount = 10
        self.assertEqual(wizard._prepare_change(), {"discount": 10})

    def test_the_wizard_keeps_a_cycle_that_the_group_no_longer_allows(self):
        yearly = self.make_subscription(self.year, self.internet).sale_subscription_line_ids
        wizard = self.make_wizard(yearly, date="2026-02-01", quantity=2)
        self.assertEqual(wizard.template_id, self.year)
        self.assertEqual(wizard._prepare_change(), {"product_uom_qty": 2})

    def test_a_withdrawn_end_is_withdrawn_after_a_change_too(self):
        self.planned.date_end = "2026-06-01"
        self.make_wizard(self.planned, date="2026-02-01", quantity=2).action_apply()
        self.planned.successor_ids.date_end = False
        self.assertFalse(self.planned.successor_ids._get_stop())
