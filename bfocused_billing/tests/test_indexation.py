from unittest.mock import patch

from freezegun import freeze_time
from psycopg2.errors import CheckViolation, UniqueViolation

from odoo.exceptions import AccessError, UserError
from odoo.tests import BaseCase, Form, new_test_user
from odoo.tools import mute_logger

from odoo.addons.bfocused_billing.tools import indexed_price

from .common import BillingCase, day


class TestIndexedPrice(BaseCase):
    def test_the_new_price_is_rounded_to_cents_halves_away_from_zero(self):
        self.assertEqual(indexed_price(39.95, 3.2, 0.01), 41.23)
        self.assertEqual(indexed_price(0.5, 1, 0.01), 0.51)
        self.assertEqual(indexed_price(100, -2.5, 0.01), 97.5)
        self.assertEqual(indexed_price(1.15, 10, 0.01), 1.27)  # 1.265, which a float holds as less
        self.assertEqual(indexed_price(9.98, 1, 0.05), 10.1)


@freeze_time("2026-11-20")
class TestIndexation(BillingCase):
    """New prices from a day on: seen before, applied once, and what can't be changed says why."""

    def setUp(self):
        super().setUp()
        self.company.billing_min_amount = 0
        self.subscription = self.make_subscription(self.quarter, self.internet)  # 120 a quarter
        self.line = self.subscription.sale_subscription_line_ids
        self.line.product_uom_qty = 2

    def make_indexation(self, **values):
        return self.env["bfocused.subscription.indexation"].create(
            {"company_id": self.company.id, "percentage": 3.2, "date": "2027-01-01", **values}
        )

    def preview(self, **values):
        indexation = self.make_indexation(**values)
        indexation.action_preview()
        return indexation

    def bill_at(self, text):
        with freeze_time(text):
            return self.bill(text)

    def get_amounts(self, line):
        return [(str(row.start_date), str(row.end_date), row.price_subtotal) for row in line.move_line_ids.sorted("id")]

    def test_a_price_in_parts_of_a_cent_keeps_its_decimals(self):
        self.line.price_unit = 0.045
        self.assertEqual(self.line._get_indexed_price(3), 0.046)
        self.line.price_unit = 100
        self.assertEqual(self.line._get_indexed_price(3.333), 103.33)
        self.line.write({"price_unit": 0.045, "product_uom_qty": 1.125})
        indexation = self.preview(percentage=3)
        indexation.line_ids.price_unit = 0.047
        indexation.action_preview()
        self.assertEqual(indexation.line_ids.price_unit, 0.047)
        indexation.action_apply()
        self.assertRecordValues(indexation.line_ids, [{"state": "applied", "message": False}])
        self.assertRecordValues(indexation.line_ids.successor_id, [{"price_unit": 0.047, "product_uom_qty": 1.125}])

    # === PREVIEW

    def test_the_preview_shows_old_and_new_price_and_the_difference_per_cycle_and_year(self):
        indexation = self.preview()
        self.assertRecordValues(
            indexation.line_ids,
            [
                {
                    "subscription_line_id": self.line.id,
                    "partner_id": self.customer.id,
                    "price_old": 120,
                    "price_unit": 123.84,
                    "cycle_difference": 7.68,
                    "year_difference": 30.72,
                    "is_billed": False,
                    "state": "pending",
                }
            ],
        )
        self.assertRecordValues(indexation, [{"year_difference": 30.72, "line_count": 1, "state": "draft"}])
        self.assertEqual(self.line.price_unit, 120)
        self.assertFalse(self.line.date_end)

    def test_the_form_makes_previews_and_takes_another_price(self):
        form = Form(self.env["bfocused.subscription.indexation"])
        form.percentage = 3.2
        form.date = "2027-01-01"
        self.assertEqual(form.reason, "Indexation 2027: 3.2 %")
        indexation = form.save()
        indexation.action_preview()
        with Form(indexation) as form, form.line_ids.edit(0) as row:
            row.price_unit = 125
        self.assertEqual(indexation.year_difference, 40)
        self.assertEqual(
            self.env["bfocused.subscription.indexation.line"].search(indexation.action_view_lines()["domain"]),
            indexation.line_ids,
        )

    def test_a_discount_lessens_the_difference(self):
        self.line.discount = 50
        self.assertRecordValues(self.preview().line_ids, [{"cycle_difference": 3.84, "year_difference": 15.36}])

    def test_the_reason_says_year_and_percentage_until_one_is_typed(self):
        self.assertEqual(self.make_indexation().reason, "Indexation 2027: 3.2 %")
        self.assertEqual(self.make_indexation(percentage=4).reason, "Indexation 2027: 4 %")
        self.assertEqual(self.make_indexation(percentage=-2.125).reason, "Indexation 2027: -2.125 %")
        self.assertEqual(self.make_indexation(reason="CPI").reason, "CPI")

    def test_only_what_runs_on_both_sides_of_the_day_and_costs_something_is_indexed(self):
        customer = self.make_customer("Others")

        def make(product=None, **values):
            return self.make_subscription(self.month, product or self.cloudbox, customer=customer, **values)

        make(date="2027-01-01")  # ends before
        make(start="2027-01-01")  # agreed at its own price
        make(running=False)  # not agreed yet
        make().close_subscription()
        make().sale_subscription_line_ids.price_unit = 0
        make().sale_subscription_line_ids.date_end = "2026-12-01"
        make().sale_subscription_line_ids.date_start = "2027-02-01"
        discount = make()
        discount.sale_subscription_line_ids.price_unit = -5
        taken = discount | make(date="2027-01-02") | make(start="2026-12-31")
        indexation = self.preview(partner_ids=customer.ids)
        self.assertEqual(set(indexation.line_ids.subscription_id), set(taken))

    def test_the_scope_narrows_to_groups_products_cycles_and_customers(self):
        other = self.make_customer("Other")
        self.make_subscription(self.month, self.cloudbox, customer=other)
        self.make_subscription(self.year, self.domain, customer=other)
        self.assertEqual(len(self.preview().line_ids), 3)
        for values in (
            {"category_ids": self.internet.categ_id.ids},
            {"product_ids": self.internet.ids},
            {"template_ids": self.quarter.ids},
            {"partner_ids": self.customer.ids},
        ):
            with self.subTest(values):
                self.assertEqual(self.preview(**values).line_ids.subscription_line_id, self.line)

    def test_another_company_s_subscriptions_are_not_found(self):
        company = self.env["res.company"].create({"name": "Other", "currency_id": self.company.currency_id.id})
        company.use_billing = True
        self.assertFalse(self.preview(company_id=company.id).line_ids)

    def test_a_company_without_billing_indexes_nothing(self):
        indexation = self.make_indexation()
        self.company.use_billing = False
        with self.assertRaisesRegex(UserError, "doesn't use B/Focused billing"):
            indexation.action_preview()

    def test_a_second_preview_keeps_what_was_chosen_and_follows_the_rest(self):
        left_out = self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids
        priced = self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids
        gone = self.make_subscription(self.month, self.cloudbox)
        indexation = self.preview()
        rows = {row.subscription_line_id: row for row in indexation.line_ids}
        rows[left_out].excluded = True
        rows[priced].price_unit = 30.5
        gone.close_subscription()
        later = self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids
        indexation.percentage = 10
        self.assertFalse(indexation.is_previewed)
        indexation.action_preview()
        self.assertEqual(
            {row.subscription_line_id: (row.price_unit, row.excluded) for row in indexation.line_ids},
            {self.line: (132, False), left_out: (33, True), priced: (30.5, False), later: (33, False)},
        )

    def test_a_percentage_of_zero_or_of_everything_is_refused(self):
        for percentage in (0, -100, -120):
            with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
                self.make_indexation(percentage=percentage)

    # === APPLY

    def test_on_a_boundary_ahead_the_next_invoice_simply_has_the_new_price(self):
        self.bill_at("2026-10-01")
        indexation = self.preview()
        indexation.action_apply()
        successor = indexation.line_ids.successor_id
        self.assertRecordValues(
            successor,
            [
                {
                    "predecessor_id": self.line.id,
                    "date_start": day("2027-01-01"),
                    "price_unit": 123.84,
                    "product_uom_qty": 2,
                    "change_reason": "Indexation 2027: 3.2 %",
                }
            ],
        )
        self.assertEqual(self.line.date_end, day("2027-01-01"))
        count = len(self.line.move_line_ids)
        self.bill_at("2027-01-01")
        self.assertEqual(len(self.line.move_line_ids), count)
        self.assertEqual(self.get_amounts(successor), [("2027-01-01", "2027-03-31", 247.68)])
        self.assertEqual(successor.charge_ids.kind, "subscription")

    def test_within_a_period_that_was_billed_the_rest_is_credited_and_charged_anew(self):
        self.bill_at("2026-10-01")
        indexation = self.preview(date="2026-12-01")
        self.assertTrue(indexation.line_ids.is_billed)
        indexation.action_apply()
        self.bill_at("2026-12-01")
        self.assertEqual(self.get_amounts(self.line)[-1], ("2026-12-01", "2026-12-31", -80.87))
        self.assertEqual(self.get_amounts(indexation.line_ids.successor_id), [("2026-12-01", "2026-12-31", 83.46)])

    def test_a_negative_percentage_lowers_prices(self):
        indexation = self.preview(percentage=-10)
        indexation.action_apply()
        self.assertEqual(indexation.line_ids.successor_id.price_unit, 108)

    def test_the_price_of_a_discount_is_indexed_too(self):
        discount = self.line.copy({"price_unit": -12.5, "product_uom_qty": 1})
        indexation = self.preview()
        row = indexation.line_ids.filtered(lambda row: row.subscription_line_id == discount)
        self.assertRecordValues(row, [{"price_unit": -12.9, "cycle_difference": -0.4}])
        with mute_logger("odoo.sql_db"), self.assertRaises(CheckViolation), self.env.cr.savepoint():
            row.price_unit = 12.9
            self.env.flush_all()
        self.env.invalidate_all()
        indexation.action_apply()
        self.assertEqual(row.successor_id.price_unit, -12.9)

    def test_lines_left_out_keep_their_price_and_another_price_is_used(self):
        other = self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids
        indexation = self.preview()
        rows = {row.subscription_line_id: row for row in indexation.line_ids}
        rows[self.line].excluded = True
        rows[other].price_unit = 31.11
        self.assertEqual(indexation.year_difference, 13.32)
        indexation.action_apply()
        self.assertFalse(self.line.date_end)
        self.assertRecordValues(rows[self.line], [{"state": "pending", "successor_id": False}])
        self.assertEqual(rows[other].successor_id.price_unit, 31.11)

    def test_applied_twice_nothing_is_doubled(self):
        indexation = self.preview()
        indexation.action_apply()
        with self.assertRaisesRegex(UserError, "applied already"):
            indexation.action_apply()
        with self.assertRaisesRegex(UserError, "applied already"):
            indexation.action_preview()
        indexation.line_ids._apply()
        self.assertEqual(len(self.subscription.sale_subscription_line_ids), 2)

    def test_another_indexation_of_the_same_day_finds_only_what_was_not_changed(self):
        other = self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids
        first = self.preview()
        first.line_ids.filtered(lambda row: row.subscription_line_id == other).excluded = True
        first.action_apply()
        self.assertEqual(self.preview().line_ids.subscription_line_id, other)

    def test_next_year_indexes_the_new_price(self):
        self.preview().action_apply()
        second = self.preview(date="2028-01-01", percentage=10)
        self.assertRecordValues(second.line_ids, [{"price_old": 123.84, "price_unit": 136.22}])

    def test_what_changed_since_the_preview_is_skipped_with_its_reason_and_the_rest_goes_on(self):
        def make():
            return self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids

        changed, ended, closed, priced, counted, removed, same, later = (make() for _n in range(8))
        indexation = self.preview()
        rows = {row.subscription_line_id: row for row in indexation.line_ids}
        changed._change(day("2026-12-15"), {"price_unit": 99}, "Upgrade")
        later._change(day("2027-06-01"), {"price_unit": 99}, "Upgrade")
        ended.date_end = "2026-12-20"
        closed.sale_subscription_id.close_subscription()
        priced.price_unit = 31
        counted.product_uom_qty = 7
        row_of_removed = rows.pop(removed)
        removed.unlink()
        row_of_removed.invalidate_recordset()
        rows[same].price_unit = 30
        indexation.action_apply()
        messages = {
            changed: "It ends, or was changed, on 12/15/2026.",
            ended: "It ends, or was changed, on 12/20/2026.",
            closed: "The subscription was closed.",
            priced: "It was changed since the preview.",
            counted: "It was changed since the preview.",
            later: "It was changed since the preview.",
            same: "The price stays the same.",
        }
        for line, message in messages.items():
            self.assertRecordValues(rows[line], [{"state": "skipped", "message": message, "successor_id": False}])
        self.assertRecordValues(row_of_removed, [{"state": "skipped", "message": "The line was removed."}])
        self.assertRecordValues(rows[self.line], [{"state": "applied", "message": False}])
        self.assertRecordValues(indexation, [{"state": "done", "skipped_count": 8, "line_count": 1}])

    def test_an_error_with_one_line_stops_no_other(self):
        lines = self.line.union(
            *(self.make_subscription(self.month, self.cloudbox).sale_subscription_line_ids for _n in range(4))
        )
        broken = lines[2]
        indexation = self.preview()
        prepare = self.env.registry["sale.subscription.line"]._prepare_successor

        def fail(line, *args):
            if line == broken:
                raise ValueError("no idea")
            return prepare(line, *args)

        with (
            patch.object(self.env.registry["sale.subscription.line"], "_prepare_successor", fail),
            self.assertLogs("odoo.addons.bfocused_billing.models.subscription.subscription_indexation_line", "ERROR"),
        ):
            indexation.action_apply()
        self.assertRecordValues(
            indexation.line_ids.sorted("subscription_line_id"),
            [
                {
                    "state": "skipped" if line == broken else "applied",
                    "message": line == broken and "Unexpected error: no idea",
                }
                for line in lines
            ],
        )
        self.assertFalse(broken.date_end)

    def test_it_is_not_applied_before_it_was_seen(self):
        indexation = self.make_indexation()
        with self.assertRaisesRegex(UserError, "preview first"):
            indexation.action_apply()
        indexation.action_preview()
        indexation.date = "2027-02-01"
        with self.assertRaisesRegex(UserError, "preview first"):
            indexation.action_apply()

    def test_once_applied_it_stays_as_it_is(self):
        indexation = self.preview()
        indexation.action_apply()
        for values in ({"percentage": 5}, {"date": "2027-02-01"}, {"product_ids": self.internet.ids}):
            with self.assertRaisesRegex(UserError, "stays as it is"):
                indexation.write(values)
        with self.assertRaisesRegex(UserError, "stays as it is"):
            indexation.line_ids.price_unit = 1
        with self.assertRaisesRegex(UserError, "can't be deleted"):
            indexation.unlink()
        copy = indexation.copy()
        self.assertRecordValues(copy, [{"state": "draft", "is_previewed": False, "line_ids": []}])

    def test_the_database_itself_refuses_a_line_twice(self):
        indexation = self.preview()
        with self.assertRaises(UniqueViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            indexation.line_ids.copy()

    def test_the_subscription_tells_of_the_new_prices(self):
        self.preview().action_apply()
        self.assertIn("New prices from 1 January 2027", self.subscription.message_ids[0].body)

    def test_a_paused_line_is_indexed_too(self):
        self.env["bfocused.subscription.pause"].create(
            {"subscription_id": self.subscription.id, "date_start": "2026-12-01", "date_end": "2027-01-16"}
        )
        indexation = self.preview()
        indexation.action_apply()
        self.bill_at("2027-01-01")
        self.assertEqual(self.get_amounts(indexation.line_ids.successor_id), [("2027-01-16", "2027-03-31", 206.4)])

    def test_the_work_grows_in_step_with_the_lines(self):
        def count(number):
            customer = self.make_customer(f"Many {number}")
            for _n in range(number):
                self.make_subscription(self.month, self.cloudbox, customer=customer)
            indexation = self.preview(partner_ids=customer.ids)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            indexation.action_apply()
            self.env.flush_all()
            self.assertEqual(indexation.line_ids.mapped("state"), ["applied"] * number)
            return self.env.cr.sql_log_count - before

        count(2)
        few, many = count(5), count(45)
        self.assertLess((many - few) / 40, 3, f"{few} queries for 5 lines, {many} for 45")

    # === RIGHTS

    def make_user(self, login, groups, company=None):
        company = company or self.company
        return new_test_user(
            self.env(su=True), login, groups=groups, company_id=company.id, company_ids=[(6, 0, company.ids)]
        )

    def test_a_billing_user_reads_and_a_manager_applies(self):
        indexation = self.preview()
        user = self.make_user("biller", "bfocused_billing.group_billing_user")
        self.assertEqual(indexation.with_user(user).line_ids.price_unit, 123.84)
        for action in (indexation.with_user(user).action_apply, indexation.with_user(user).action_preview):
            with self.assertRaises(AccessError):
                action()
        manager = self.make_user("manager", "bfocused_billing.group_billing_manager")
        indexation.with_user(manager).action_apply()
        self.assertRecordValues(indexation, [{"state": "done", "user_id": manager.id}])

    def test_a_user_of_another_company_and_a_salesperson_see_nothing(self):
        indexation = self.preview()
        company = self.env["res.company"].create({"name": "Other"})
        stranger = self.make_user("stranger", "bfocused_billing.group_billing_manager", company)
        seller = self.make_user("seller", "sales_team.group_sale_salesman_all_leads")
        for record in (indexation, indexation.line_ids):
            self.assertFalse(record.with_user(stranger).search([("id", "in", record.ids)]))
            for user in (stranger, seller):
                with self.assertRaises(AccessError):
                    record.with_user(user).read(["display_name"])
