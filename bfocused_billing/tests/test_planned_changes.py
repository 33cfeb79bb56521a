from freezegun import freeze_time

from odoo.exceptions import UserError, ValidationError
from odoo.tools import mute_logger

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


@freeze_time("2025-11-15")
class TestNoDayOnTwoLines(BillingCase):
    """Each day of a chain of lines is billed on one of them, whatever is typed, deleted or imported."""

    def setUp(self):
        super().setUp()
        self.subscription = self.make_subscription(self.month, self.cloudbox, start="2025-01-01")
        self.line = self.subscription.sale_subscription_line_ids
        self.planned = self.line._change(day("2026-01-10"), {"price_unit": 60})

    def bill_months(self, *days):
        for date in days:
            with freeze_time(date):
                self.bill(date)

    def move_to_quarter(self, date):
        wizard = self.env["bfocused.subscription.change"].create({"line_id": self.line.id, "date": date})
        wizard.template_id = self.quarter
        wizard.action_apply()

    # === BOTH ENDS OF A TAKEOVER

    def test_a_line_that_takes_over_can_not_start_before_the_end_of_the_line_before_it(self):
        with self.assertRaisesRegex(ValidationError, "can't start on 01/05/2026: it takes over from .*01/10/2026"):
            self.planned.date_start = "2026-01-05"

    def test_nor_by_starting_with_its_subscription(self):
        with self.assertRaisesRegex(ValidationError, "takes over from"):
            self.planned.date_start = False

    def test_it_can_start_later_and_then_no_line_has_the_days_between(self):
        self.planned.date_start = "2026-01-15"
        self.bill_months("2026-01-01", "2026-02-01")
        self.assertEqual(
            self.get_periods(self.get_invoices())[-3:],
            [("2026-01-01", "2026-01-09"), ("2026-01-15", "2026-01-31"), ("2026-02-01", "2026-02-28")],
        )

    def test_a_line_that_is_linked_by_hand_is_held_to_the_same(self):
        other = self.subscription.sale_subscription_line_ids.create(
            {"sale_subscription_id": self.subscription.id, "product_id": self.cloudbox.id, "date_start": "2026-01-01"}
        )
        for before in (self.line, self.planned):
            with self.assertRaises(ValidationError):
                other.predecessor_id = before

    def test_a_line_has_one_successor_at_a_time(self):
        other = self.subscription.sale_subscription_line_ids.create(
            {"sale_subscription_id": self.subscription.id, "product_id": self.cloudbox.id, "date_start": "2026-01-20"}
        )
        with self.assertRaisesRegex(ValidationError, "taken over by two lines at the same time"):
            other.predecessor_id = self.line
        self.planned.date_end = "2026-01-20"
        other.predecessor_id = self.line

    def test_a_chain_has_no_cycle(self):
        with self.assertRaisesRegex(ValidationError, "can't take over from itself"):
            self.line.predecessor_id = self.planned

    def test_the_database_refuses_a_day_that_another_line_of_the_chain_bills(self):
        self.bill_months("2026-01-10")
        # past all that Odoo checks
        self.env.cr.execute(
            "UPDATE sale_subscription_line SET date_start = '2026-01-05' WHERE id = %s", [self.planned.id]
        )
        self.env.invalidate_all()
        self.planned.modified(["date_start"])
        with mute_logger("odoo.sql_db"), freeze_time("2026-02-02"):
            run = self.bill("2026-02-02", may_fail=True)
        self.assertRecordValues(
            run.line_ids, [{"outcome": "failed", "message": "A part of this period was billed already."}]
        )

    def test_what_was_billed_before_a_change_is_given_back_and_billed_anew(self):
        self.bill_months("2026-01-10")
        self.planned._change(day("2026-01-12"), {"price_unit": 93})
        self.bill_months("2026-01-20")
        numbers = self.subscription.sale_subscription_line_ids.charge_ids.filtered(
            lambda charge: charge.period_start >= day("2026-01-10")
        )
        self.assertEqual(
            sorted((str(c.period_start), str(c.period_end), c.chain_round, c.is_credit) for c in numbers),
            [
                ("2026-01-10", "2026-01-31", 0, False),
                ("2026-01-12", "2026-01-31", 0, True),
                ("2026-01-12", "2026-01-31", 1, False),
            ],
        )

    # === WHAT WAS PLANNED IS REMOVED

    def test_without_the_planned_line_the_old_one_goes_on(self):
        self.planned.unlink()
        self.assertFalse(self.line.date_end)
        self.assertIn("goes on", self.subscription.message_ids[0].body)
        self.bill_months("2026-01-01")
        self.assertEqual(self.get_periods(self.get_invoices())[-1:], [("2026-01-01", "2026-01-31")])

    def test_it_goes_on_up_to_what_was_planned_after(self):
        later = self.planned._change(day("2026-03-01"), {"price_unit": 70})
        self.planned.unlink()
        self.assertEqual(self.line.date_end, day("2026-03-01"))
        self.assertEqual(later.predecessor_id, self.line)

    def test_it_goes_on_up_to_the_end_of_the_removed_one(self):
        self.planned.date_end = "2026-05-01"
        self.planned.unlink()
        self.assertEqual(self.line.date_end, day("2026-05-01"))

    def test_all_that_was_planned_is_removed_at_once(self):
        later = self.planned._change(day("2026-03-01"), {"price_unit": 70})
        (later + self.planned).unlink()
        self.assertFalse(self.line.date_end)

    def test_without_a_planned_move_to_another_cycle_the_old_subscription_goes_on(self):
        self.planned.unlink()
        for remove in ("line", "subscription"):
            with self.subTest(remove=remove):
                wizard = self.env["bfocused.subscription.change"].create(
                    {"line_id": self.line.id, "date": "2026-02-01"}
                )
                wizard.template_id = self.quarter
                wizard.action_apply()
                moved = self.line.successor_ids
                self.assertEqual(self.subscription.date, day("2026-02-01"))
                (moved if remove == "line" else moved.sale_subscription_id).unlink()
                self.assertFalse(self.line.date_end)
                self.assertFalse(self.subscription.date)

    def test_a_line_that_took_over_from_a_closed_subscription_can_not_be_removed(self):
        self.planned.unlink()
        self.move_to_quarter("2025-12-01")
        with freeze_time("2025-12-01"):
            self.subscription.cron_subscription_management()
            self.assertEqual(self.subscription.stage_type, "post")
            with self.assertRaisesRegex(UserError, "is closed. Give it an end"):
                self.line.successor_ids.unlink()

    def test_a_billed_line_can_not_be_removed_and_nothing_changes(self):
        self.bill_months("2026-01-01", "2026-02-01")
        with self.assertRaisesRegex(ValidationError, "can't be removed"), self.env.cr.savepoint():
            self.planned.unlink()
        self.env.invalidate_all()
        self.assertEqual(self.line.date_end, day("2026-01-10"))
