from datetime import timedelta

from freezegun import freeze_time
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import Form

from .common import BillingCase, day
from .size import at_size
from .usage_common import UsageCase


class TaxCase:
    """Products that get another VAT rate."""

    def make_taxes(self):
        self.old = self.company_data["default_tax_sale"]
        self.new = self.old.copy({"name": "VAT of tomorrow", "amount": 9.0})

    def change_taxes(self, product, taxes=None):
        self.env.flush_all()  # as at the end of each request
        product.taxes_id = [Command.set((taxes if taxes is not None else self.new).ids)]

    def decide(self, product, date="2026-02-01", **values):
        action = product.product_tmpl_id.action_running_taxes()
        wizard = (
            self.env["bfocused.subscription.tax.change"]
            .with_context(**action["context"])
            .with_company(self.company)
            .create({"date": date, "company_id": self.company.id, **values})
        )
        return wizard

    def apply(self, product, date="2026-02-01"):
        wizard = self.decide(product, date)
        wizard.action_apply()
        return wizard

    def get_taxed(self, moves=None):
        """(first day, last day, taxes, amount) of each line on invoices and credit notes that count."""
        moves = moves or self.env["account.move"].search(
            [("partner_id", "=", self.customer.id), ("state", "!=", "cancel")], order="id"
        )
        return [
            (str(line.start_date), str(line.end_date), line.tax_ids, move._get_billing_sign() * line.price_subtotal)
            for move in moves
            for line in move.invoice_line_ids.sorted("id")
        ]


@freeze_time("2026-01-10")
class TestRunningTaxes(TaxCase, BillingCase):
    """A new VAT rate on a product asks what to do with running lines, and tells which."""

    def setUp(self):
        super().setUp()
        self.make_taxes()
        self.subscription = self.make_subscription(self.quarter, self.internet)
        self.line = self.subscription.sale_subscription_line_ids

    def get_activities(self, product):
        kind = self.env.ref("bfocused_billing.mail_activity_running_taxes")
        return product.product_tmpl_id.activity_ids.filtered(lambda activity: activity.activity_type_id == kind)

    # === ASKS AND TELLS

    def test_new_rate_leaves_running_lines_asks_and_tells_which(self):
        self.change_taxes(self.internet)
        self.assertEqual(self.line.tax_ids, self.old)
        self.assertTrue(self.internet.asks_running_taxes)
        [activity] = self.get_activities(self.internet)
        for text in (activity.note, self.internet.product_tmpl_id.message_ids[0].body):
            self.assertIn("1 running subscription lines", text)
            self.assertIn(self.subscription.display_name, text)
        self.assertEqual(activity.user_id, self.env.user)

    def test_change_by_a_program_is_told_to_a_billing_manager(self):
        self.change_taxes(self.internet.with_user(self.env.ref("base.user_root")))
        [activity] = self.get_activities(self.internet)
        self.assertTrue(activity.user_id.has_group("bfocused_billing.group_billing_manager"))

    def test_form_says_so_as_soon_as_the_taxes_are_changed(self):
        template = self.internet.product_tmpl_id
        changed = template.new({"taxes_id": [Command.set(self.new.ids)]}, origin=template)
        self.assertIn("keep their present taxes", changed._onchange_taxes_id()["warning"]["message"])
        unchanged = template.new({"taxes_id": [Command.set(self.old.ids)]}, origin=template)
        self.assertIsNone(unchanged._onchange_taxes_id())

    def test_nothing_is_asked_where_nothing_runs(self):
        self.change_taxes(self.cloudbox)
        self.change_taxes(self.router)
        self.assertFalse(self.cloudbox.asks_running_taxes or self.router.asks_running_taxes)

    def test_nothing_is_asked_where_the_fiscal_position_makes_the_same_of_both(self):
        exempt = self.old.copy({"name": "Reverse charge", "amount": 0.0})
        position = self.env["account.fiscal.position"].create({"name": "EU", "company_id": self.company.id})
        exempt.write({"fiscal_position_ids": [Command.link(position.id)]})
        exempt.original_tax_ids = self.old + self.new
        self.subscription.fiscal_position_id = position
        self.assertEqual(self.line.tax_ids, exempt)
        self.change_taxes(self.internet)
        self.assertFalse(self.internet.asks_running_taxes)

    def test_nothing_is_asked_where_billing_is_off(self):
        self.company.use_billing = False
        self.change_taxes(self.internet)
        self.assertFalse(self.internet.asks_running_taxes)

    def test_taxes_that_are_put_back_ask_nothing_any_more(self):
        self.change_taxes(self.internet)
        self.change_taxes(self.internet, self.old)
        self.assertFalse(self.internet.asks_running_taxes)
        self.assertFalse(self.get_activities(self.internet))

    def test_changed_twice_the_lines_are_still_those_with_the_first_rate(self):
        self.change_taxes(self.internet)
        self.change_taxes(self.internet, self.new.copy({"name": "Third", "amount": 12.0}))
        [row] = self.decide(self.internet).line_ids
        self.assertTrue(row.is_applied)
        self.assertEqual(row.new_tax_ids.amount, 12.0)

    def test_another_rate_in_the_tax_itself_is_told(self):
        self.env.flush_all()
        self.old.amount = 25.0
        self.assertIn("1 running subscription lines have this tax", self.old.message_ids[0].body)
        self.new.amount = 10.0
        self.assertNotIn("running", " ".join(self.new.message_ids.mapped("body")))

    # === LEAVE

    def test_leave(self):
        self.change_taxes(self.internet)
        self.decide(self.internet, choice="leave").action_apply()
        self.assertFalse(self.internet.asks_running_taxes)
        self.assertFalse(self.get_activities(self.internet))
        self.assertEqual(self.subscription.sale_subscription_line_ids.tax_ids, self.old)
        self.assertIn("keep the taxes they have", self.internet.product_tmpl_id.message_ids[0].body)

    # === APPLY FROM A DAY

    def test_period_that_is_not_billed_is_split_at_the_day(self):
        self.change_taxes(self.internet)
        self.apply(self.internet)
        for turn in ("2026-01-10", "2026-02-01"):
            self.bill(turn)
        self.assertEqual(
            [taxed[:3] for taxed in self.get_taxed()],
            [("2026-01-01", "2026-01-31", self.old), ("2026-02-01", "2026-03-31", self.new)],
        )
        self.assertEqual(sum(taxed[3] for taxed in self.get_taxed()), 120.0)

    def test_what_was_billed_beyond_the_day_is_credited_and_charged_anew(self):
        self.bill("2026-01-10")
        self.change_taxes(self.internet)
        wizard = self.apply(self.internet)
        self.assertTrue(wizard.line_ids.is_billed)
        with freeze_time("2026-02-01"):
            self.bill("2026-02-01")
        _first, *rest = self.get_taxed()
        self.assertEqual(
            [(start, end, taxes, amount) for start, end, taxes, amount in rest],
            [
                ("2026-02-01", "2026-03-31", self.old, -78.67),
                ("2026-02-01", "2026-03-31", self.new, 78.67),
            ],
        )

    def test_it_is_told_on_the_subscription_and_on_the_product(self):
        self.change_taxes(self.internet)
        self.apply(self.internet)
        self.assertFalse(self.internet.asks_running_taxes)
        self.assertFalse(self.get_activities(self.internet))
        for record in (self.subscription, self.internet.product_tmpl_id):
            self.assertIn("New taxes from 1 February 2026", record.message_ids[0].body)

    def test_what_was_planned_for_later_has_them_too(self):
        [planned] = self.line._change(day("2026-06-01"), {"price_unit": 150.0})
        self.change_taxes(self.internet)
        self.apply(self.internet)
        self.assertEqual((planned.tax_ids, planned.price_unit), (self.new, 150.0))

    def test_planned_change_before_the_day(self):
        [planned] = self.line._change(day("2026-02-01"), {"price_unit": 150.0})
        self.change_taxes(self.internet)
        self.apply(self.internet, "2026-04-01")
        self.assertEqual(planned.tax_ids, self.old)
        self.assertRecordValues(
            planned.successor_ids,
            [{"date_start": day("2026-04-01"), "tax_ids": self.new.ids, "price_unit": 150.0}],
        )

    def test_line_that_starts_after_the_day_just_has_them(self):
        later = self.make_subscription(self.quarter, self.internet, start="2026-05-01")
        self.change_taxes(self.internet)
        self.apply(self.internet)
        self.assertEqual(later.sale_subscription_line_ids.tax_ids, self.new)

    def test_line_that_ends_before_the_day_keeps_its_own(self):
        self.subscription.date = "2026-03-01"
        self.change_taxes(self.internet)
        self.apply(self.internet, "2026-04-01")
        self.assertEqual(self.subscription.sale_subscription_line_ids.tax_ids, self.old)

    def test_line_with_taxes_of_its_own_is_listed_but_not_ticked(self):
        other = self.make_subscription(self.quarter, self.internet)
        other.sale_subscription_line_ids.tax_ids = self.old.copy({"name": "Agreed", "amount": 5.0})
        self.change_taxes(self.internet)
        rows = {row.subscription_id: row.is_applied for row in self.decide(self.internet).line_ids}
        self.assertEqual(rows, {self.subscription: True, other: False})

    def test_line_that_cannot_change_says_why_and_the_others_do(self):
        broken = self.make_subscription(self.quarter, self.internet).sale_subscription_line_ids
        lines = self.env.registry["sale.subscription.line"]
        original, reason = lines._prepare_successor, "It can't."

        def prepare(line, *args):
            if line == broken:
                raise UserError(reason)
            return original(line, *args)

        self.patch(lines, "_prepare_successor", prepare)
        self.change_taxes(self.internet)
        wizard = self.apply(self.internet)
        self.assertEqual({row.problem for row in wizard.line_ids}, {reason, False})
        self.assertTrue(self.line.successor_ids)
        self.assertTrue(self.internet.asks_running_taxes)

    def test_without_a_day_nothing_is_applied(self):
        self.change_taxes(self.internet)
        with self.assertRaisesRegex(UserError, "Choose the first day"):
            self.apply(self.internet, False)

    def test_form_of_the_product_opens(self):
        with Form(self.internet.product_tmpl_id) as form:
            form.name = "Internet of old"

    # === ANY LINES

    OFFSETS = st.integers(min_value=-60, max_value=200)

    @settings(max_examples=at_size(40, 4), deadline=None, phases=[Phase.generate])
    @given(
        cycles=st.lists(st.tuples(st.sampled_from(["month", "quarter", "year"]), OFFSETS), min_size=1, max_size=3),
        from_offset=OFFSETS,
        change=st.none() | OFFSETS,
        stop=st.none() | OFFSETS,
        billed_before=st.booleans(),
    )
    def test_each_day_has_the_rate_of_that_day(self, cycles, from_offset, change, stop, billed_before):
        with self.env.cr.savepoint() as savepoint:
            self.check_days(cycles, day("2026-01-10") + timedelta(days=from_offset), change, stop, billed_before)
            savepoint.rollback()
        self.env.invalidate_all()

    def check_days(self, cycles, new_from, change, stop, billed_before):
        self.subscription.date = self.subscription.date_start
        product = self.make_product("Anything", "connectivity", 365.0, billing_price_cycle="year")
        subscriptions = self.env["sale.subscription"]
        for cycle, offset in cycles:
            start = day("2026-01-10") + timedelta(days=offset)
            subscriptions |= self.make_subscription(getattr(self, cycle), product, start=str(start))
        if change is not None:
            line = subscriptions[0].sale_subscription_line_ids
            line._change(day("2026-01-10") + timedelta(days=change), {"price_unit": line.price_unit + 1})
        if stop is not None:
            subscriptions[-1].date = max(day("2026-01-10") + timedelta(days=stop), subscriptions[-1].date_start)
        if billed_before:
            self.bill("2026-01-10")
        self.change_taxes(product)
        if not product.asks_running_taxes:
            return
        listed = self.apply(product, new_from).line_ids.subscription_id
        for turn in ("2026-02-01", "2026-04-01", "2026-07-01"):
            with freeze_time(turn):
                self.bill(turn)
        for subscription in listed:
            charges = subscription.sale_subscription_line_ids._get_live_charges()
            for charge in charges.filtered(lambda charge: not charge.is_credit):
                for period in charge._get_uncredited_periods():
                    taxes = charge.move_line_id.tax_ids
                    self.assertEqual(taxes, self.old if period.end < new_from else self.new, charge.display_name)
                    self.assertTrue(period.end < new_from or period.start >= new_from)


class TestTaxesOfCalls(TaxCase, UsageCase):
    """Calls are taxed at the rate of the month they are of."""

    def test_calls_of_a_month_before_the_day_have_the_former_rate(self):
        self.make_taxes()
        product = self.company._get_usage_product()
        product.taxes_id = [Command.set(self.old.ids)]
        with freeze_time("2026-02-20"):
            self.load(self.calls(5, month="2026-01"))
            self.change_taxes(product)
            self.assertTrue(product.asks_running_taxes)
            self.apply(product)
        with freeze_time("2026-03-05"):
            self.load(self.calls(5, month="2026-02"))
            self.bill("2026-03-05")
        taxed = [(start, taxes) for start, _end, taxes, _amount in self.get_taxed()]
        self.assertEqual(taxed, [("2026-01-01", self.old), ("2026-02-01", self.new)])
