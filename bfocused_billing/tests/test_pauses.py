from contextlib import suppress
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from unittest.mock import patch

from freezegun import freeze_time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.errors import CheckViolation, ExclusionViolation

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user
from odoo.tools import mute_logger

from .common import BillingCase, day
from .size import at_size


class PauseCase(BillingCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company.billing_min_amount = 0  # what is billed, not when it is sent, is the subject
        cls.subscription = cls.make_subscription(cls.quarter, cls.internet)
        cls.line = cls.subscription.sale_subscription_line_ids

    def pause(self, start, end=None, effect="free", subscription=None, **values):
        return self.env["bfocused.subscription.pause"].create(
            {
                "subscription_id": (subscription or self.subscription).id,
                "date_start": start,
                "date_end": end,
                "effect": effect,
                **values,
            }
        )

    def bill_at(self, text):
        with freeze_time(text):
            return self.bill(text)

    def get_billed(self, lines=None):
        """First day, last day and amount of all that was billed and credited, in the order of billing."""
        rows = (self.line if lines is None else lines).move_line_ids.sorted("id")
        return [
            (str(row.start_date), str(row.end_date), row.move_id._get_billing_sign() * row.price_subtotal)
            for row in rows
        ]

    def get_net(self, line):
        return round(sum(row.move_id._get_billing_sign() * row.price_subtotal for row in line.move_line_ids), 2)


@freeze_time("2026-02-10")
class TestFreePauses(PauseCase):
    """A free pause is a gap in the service: not paid, credited where it was billed, to the cent."""

    def test_the_parts_around_a_planned_pause_are_billed_by_day(self):
        self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-01-01")
        self.assertEqual(self.get_billed(), [("2026-01-01", "2026-02-09", 53.33)])
        self.assertEqual(self.line.next_billing_date, day("2026-03-01"))
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_billed()[1:], [("2026-03-11", "2026-03-31", 28.0)])
        self.bill_at("2026-04-01")
        self.assertEqual(self.get_billed()[2:], [("2026-04-01", "2026-06-30", 120.0)])

    def test_days_that_were_billed_are_credited_by_the_next_run(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-10", "2026-03-11")
        self.assertEqual(self.line.next_billing_date, day("2026-02-10"))
        self.bill_at("2026-04-01")
        self.assertEqual(
            self.get_billed(),
            [
                ("2026-01-01", "2026-03-31", 120.0),
                ("2026-02-10", "2026-03-10", -38.67),
                ("2026-04-01", "2026-06-30", 120.0),
            ],
        )
        self.assertFalse(self.bill_at("2026-04-01").line_ids)

    def test_a_pause_planned_for_later_is_not_credited_before_it_begins(self):
        self.bill_at("2026-01-01")
        self.pause("2026-03-15", "2026-03-20")
        self.assertFalse(self.bill_at("2026-03-01").line_ids)
        self.bill_at("2026-03-15")
        self.assertEqual(self.get_billed()[1:], [("2026-03-15", "2026-03-19", -6.67)])

    def test_without_an_end_nothing_is_billed_until_it_is_resumed(self):
        self.bill_at("2026-01-01")
        pause = self.pause("2026-02-10")
        self.bill_at("2026-03-01")
        self.assertFalse(self.bill_at("2026-04-01").line_ids)
        self.assertFalse(self.subscription.recurring_next_date)
        with freeze_time("2026-05-12"):
            self.subscription.action_resume()
        self.assertEqual(pause.date_end, day("2026-05-12"))
        self.bill_at("2026-05-12")
        self.assertEqual(
            self.get_billed(),
            [
                ("2026-01-01", "2026-03-31", 120.0),
                ("2026-02-10", "2026-03-31", -66.67),
                ("2026-05-12", "2026-06-30", 65.93),
            ],
        )

    def test_a_pause_in_the_past_is_credited(self):
        self.bill_at("2026-01-01")
        self.bill_at("2026-04-01")
        with freeze_time("2026-05-20"):
            self.pause("2026-03-22", "2026-04-11")
            self.assertFalse(self.subscription.is_paused)
        self.bill_at("2026-06-01")
        self.assertEqual(
            self.get_billed()[2:], [("2026-03-22", "2026-03-31", -13.33), ("2026-04-01", "2026-04-10", -13.19)]
        )

    def test_removing_a_pause_whose_credit_was_billed_bills_its_days_again(self):
        self.bill_at("2026-01-01")
        pause = self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-03-01")
        pause.unlink()
        self.bill_at("2026-03-02")
        self.assertEqual(self.get_billed()[2:], [("2026-02-10", "2026-03-10", 38.67)])
        self.assertEqual(self.get_net(self.line), 120)
        self.assertEqual(self.line.charge_ids.filtered(lambda charge: charge.billing_round == 1).kind, "adjustment")
        self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-03-03")
        self.assertEqual(self.get_net(self.line), 81.33)

    def test_removing_a_pause_before_its_credit_was_billed_leaves_nothing_to_do(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-10", "2026-03-11").unlink()
        self.assertFalse(self.bill_at("2026-03-15").line_ids)

    def test_other_days_for_a_pause_whose_credit_was_billed_settle_the_difference(self):
        self.bill_at("2026-01-01")
        pause = self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-03-01")
        pause.write({"date_start": "2026-02-15", "date_end": "2026-03-16"})
        self.bill_at("2026-03-16")
        self.assertEqual(
            sorted(self.get_billed()[2:]), [("2026-02-10", "2026-02-14", 6.67), ("2026-03-11", "2026-03-15", -6.67)]
        )

    def test_a_pause_that_turns_from_free_to_hold_is_billed_after_all(self):
        self.bill_at("2026-01-01")
        pause = self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-03-01")
        pause.effect = "hold"
        self.assertEqual(self.bill_at("2026-03-02").line_ids.outcome, "held")
        self.bill_at("2026-03-11")
        self.assertEqual(self.get_net(self.line), 120)

    def test_a_deleted_credit_of_a_pause_comes_back_with_the_next_run(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-10", "2026-03-11")
        self.bill_at("2026-03-01")
        credit = self.line.move_line_ids.move_id.filtered(lambda move: move.move_type == "out_refund")
        credit.button_draft()
        credit.unlink()
        self.bill_at("2026-03-02")
        self.assertEqual(self.get_net(self.line), 81.33)

    def test_in_arrears_only_the_served_days_are_billed(self):
        self.quarter.billing_timing = "arrears"
        self.pause("2026-02-10", "2026-03-11")
        self.assertEqual(self.line.next_billing_date, day("2026-02-10"))
        self.bill_at("2026-04-01")
        self.assertEqual(self.get_billed(), [("2026-01-01", "2026-02-09", 53.33), ("2026-03-11", "2026-03-31", 28.0)])

    def test_a_year_on_the_anniversary(self):
        subscription = self.make_subscription(self.year, self.domain, start="2026-01-12")
        line = subscription.sale_subscription_line_ids
        self.bill_at("2026-01-12")
        self.pause("2026-06-01", "2026-09-01", subscription=subscription)
        self.bill_at("2026-06-01")
        self.assertEqual(
            self.get_billed(line), [("2026-01-12", "2027-01-11", 15.0), ("2026-06-01", "2026-08-31", -3.78)]
        )
        self.assertEqual(line.next_billing_date, day("2027-01-01"))

    def test_a_pause_over_whole_periods_skips_them(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        self.pause("2026-02-01", "2026-04-01", subscription=subscription)
        for text in ("2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"):
            self.bill_at(text)
        self.assertEqual(
            self.get_billed(subscription.sale_subscription_line_ids),
            [("2026-01-01", "2026-01-31", 30.0), ("2026-04-01", "2026-04-30", 30.0)],
        )

    def test_a_pause_before_the_start_or_after_the_end_changes_nothing(self):
        self.subscription.date = "2026-03-01"
        self.pause("2025-11-01", "2026-01-01")
        self.pause("2026-03-01")
        self.bill_at("2026-01-01")
        self.assertEqual(self.get_billed(), [("2026-01-01", "2026-02-28", 78.67)])

    def test_an_end_within_a_pause_credits_each_day_once(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-10", "2026-03-11")
        self.subscription.date = "2026-02-20"
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_net(self.line), 53.33)

    def test_a_change_within_a_pause_bills_the_new_terms_after_it(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-10", "2026-03-11")
        successor = self.line._change(day("2026-02-20"), {"price_unit": 180}, "Test")
        self.bill_at("2026-03-11")
        self.assertEqual(self.get_net(self.line), 53.33)
        self.assertEqual(self.get_billed(successor), [("2026-03-11", "2026-03-31", 42.0)])

    def test_a_pause_goes_along_to_the_subscription_in_another_cycle(self):
        subscription = self.make_subscription(self.month, self.cloudbox)
        line = subscription.sale_subscription_line_ids
        self.pause("2026-01-05", "2026-01-10", subscription=subscription)
        self.pause("2026-02-10", "2026-03-11", subscription=subscription, reason="Summer")
        wizard = self.env["bfocused.subscription.change"].create(
            {"line_id": line.id, "date": "2026-02-15", "template_id": self.quarter.id}
        )
        target = self.env["sale.subscription"].browse(wizard.action_apply()["res_id"])
        self.assertRecordValues(
            target.pause_ids,
            [{"date_start": day("2026-02-15"), "date_end": day("2026-03-11"), "effect": "free", "reason": "Summer"}],
        )
        self.bill_at("2026-03-01")
        self.assertEqual(self.get_billed(target.sale_subscription_line_ids), [("2026-03-11", "2026-03-31", 21.0)])

    def test_closing_ends_the_pause_and_reopening_bills_from_that_day(self):
        self.bill_at("2026-01-01")
        pause = self.pause("2026-02-01")
        self.subscription.close_subscription()
        self.assertRecordValues(self.subscription, [{"is_paused": False, "date": day("2026-02-10")}])
        self.assertEqual(pause.date_end, day("2026-02-10"))
        self.bill_at("2026-02-10")
        self.assertEqual(self.get_billed()[1:], [("2026-02-01", "2026-03-31", -78.67)])
        self.subscription.action_start_subscription()
        self.bill_at("2026-02-10")
        self.assertEqual(self.get_billed()[2:], [("2026-02-10", "2026-03-31", 66.67)])
        self.assertEqual(self.get_net(self.line), 108)

    def test_what_was_credited_by_hand_is_not_credited_again(self):
        self.bill_at("2026-01-01")
        self.line.move_line_ids.move_id._reverse_moves(cancel=True)
        self.pause("2026-02-10", "2026-03-11")
        self.assertFalse(self.bill_at("2026-03-01").line_ids)

    def test_a_run_reads_the_pauses_of_all_its_customers_at_once(self):
        def count(number):
            for n in range(number):
                subscription = self.make_subscription(
                    self.quarter, self.internet, customer=self.make_customer(f"{number}.{n}")
                )
                self.pause("2026-02-10", "2026-03-11", subscription=subscription)
            self.env.flush_all()
            self.env.invalidate_all()
            pauses = self.env.registry["bfocused.subscription.pause"]
            with patch.object(pauses, "search_fetch", autospec=True, side_effect=pauses.search_fetch) as search:
                self.assertEqual(self.bill_at("2026-03-11").invoice_count, number + (number == 3))
            return search.call_count

        self.assertEqual(count(3), 1)
        self.assertEqual(count(30), 1)

    def test_reading_pauses_takes_as_many_queries_for_thirty_lines_as_for_three(self):
        def count(number):
            subscriptions = self.env["sale.subscription"].union(
                *(
                    self.make_subscription(self.quarter, self.internet, customer=self.make_customer(f"{number}.{n}"))
                    for n in range(number)
                )
            )
            for subscription in subscriptions:
                self.pause("2026-02-10", "2026-03-11", subscription=subscription)
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            dues = [
                due for line in subscriptions.sale_subscription_line_ids for due in line._get_dues(day("2026-03-11"))
            ]
            self.assertEqual(len(dues), 2 * number)
            return self.env.cr.sql_log_count - before

        count(3)  # fills what Odoo remembers between transactions
        self.assertEqual(count(30), count(3))


@freeze_time("2026-02-10")
class TestHoldPauses(PauseCase):
    """A pause on hold is owed: not billed while it lasts, and in full after it."""

    def test_nothing_is_billed_while_it_lasts_and_everything_after_it(self):
        self.pause("2026-02-01", "2026-04-15", effect="hold")
        run = self.bill_at("2026-04-01")
        self.assertRecordValues(run.line_ids, [{"outcome": "held", "amount_untaxed": 240}])
        self.assertIn("is paused from", run.line_ids.message)
        self.bill_at("2026-04-15")
        self.assertEqual(self.get_billed(), [("2026-01-01", "2026-03-31", 120.0), ("2026-04-01", "2026-06-30", 120.0)])

    def test_nothing_that_was_billed_is_credited(self):
        self.bill_at("2026-01-01")
        self.pause("2026-02-01", effect="hold")
        self.assertFalse(self.bill_at("2026-02-10").line_ids)

    def test_what_is_resumed_is_billed_by_a_retry_of_an_earlier_day(self):
        self.pause("2026-02-01", effect="hold")
        run = self.bill_at("2026-04-01")
        with freeze_time("2026-04-08"):
            self.subscription.action_resume()
            run.action_retry()
        self.assertEqual(run.invoice_ids.amount_untaxed, 240)

    def test_a_run_ahead_of_its_time_bills_what_has_resumed_by_then(self):
        self.pause("2026-02-01", "2026-02-28", effect="hold")
        self.assertEqual(self.bill("2026-03-01").line_ids.outcome, "invoiced")

    def test_a_run_ahead_of_its_time_holds_what_is_paused_by_then(self):
        self.pause("2026-03-01", "2026-03-20", effect="hold")
        self.assertEqual(self.bill("2026-03-01").line_ids.outcome, "held")

    def test_closed_while_on_hold_its_days_are_billed(self):
        self.pause("2026-01-01", effect="hold")
        self.subscription.close_subscription()
        self.bill_at("2026-02-11")
        self.assertEqual(self.get_billed(), [("2026-01-01", "2026-02-09", 53.33)])

    def test_paused_before_the_company_used_billing_it_is_held(self):
        self.subscription.with_context(billing_pause_known=True).is_paused = True
        self.assertFalse(self.subscription.pause_ids)
        self.assertEqual(self.bill_at("2026-02-10").line_ids.outcome, "held")
        with self.assertRaisesRegex(ValidationError, "Resume it before"):
            self.pause("2026-05-01")
        self.subscription.action_resume()
        self.assertTrue(self.pause("2026-05-01"))


@freeze_time("2026-02-10")
class TestPauseAndResume(PauseCase):
    """The button, the wizard, the mark of 'subscription_oca' and its scheduled action."""

    def run_cron(self, text):
        with freeze_time(text):
            self.env["sale.subscription"]._cron_resume_due_subscriptions()

    def open_wizard(self, **values):
        context = {"active_id": self.subscription.id, "active_model": "sale.subscription"}
        return self.env["sale.subscription.pause.wizard"].with_context(**context).create(values)

    def test_the_button_without_a_wizard_holds_from_today(self):
        self.subscription.action_pause(paused_until=day("2026-03-01"))
        self.assertRecordValues(
            self.subscription.pause_ids,
            [{"date_start": day("2026-02-10"), "date_end": day("2026-03-01"), "effect": "hold", "state": "running"}],
        )
        self.assertRecordValues(self.subscription, [{"is_paused": True, "paused_until": day("2026-03-01")}])

    def test_the_wizard_proposes_a_free_pause_from_today(self):
        form = Form(self.open_wizard())
        self.assertEqual((form.effect, form.date_start), ("free", "2026-02-10"))
        form.reason = "Summer"
        form.save().button_confirm()
        self.assertRecordValues(
            self.subscription.pause_ids,
            [{"date_start": day("2026-02-10"), "date_end": False, "effect": "free", "reason": "Summer"}],
        )
        self.assertTrue(self.subscription.is_paused)
        self.assertIn("doesn't pay", self.subscription.pause_note)

    def test_the_wizard_holds_on_days_in_the_future(self):
        self.open_wizard(date_start="2026-05-01", paused_until="2026-06-01", effect="hold").button_confirm()
        self.assertRecordValues(self.subscription.pause_ids, [{"effect": "hold", "state": "planned"}])
        self.assertFalse(self.subscription.is_paused)

    def test_a_closed_subscription_is_not_paused(self):
        self.subscription.close_subscription()
        with self.assertRaisesRegex(UserError, "closed"):
            self.open_wizard().button_confirm()

    def test_resuming_on_the_day_of_the_pause_leaves_none(self):
        self.subscription.action_pause()
        self.subscription.action_resume()
        self.assertFalse(self.subscription.pause_ids)

    def test_resuming_before_the_agreed_day_ends_the_pause_today(self):
        pause = self.pause("2026-02-01", "2026-03-01")
        self.subscription.action_resume()
        self.assertRecordValues(pause, [{"date_end": day("2026-02-10"), "state": "ended"}])
        self.assertRecordValues(self.subscription, [{"is_paused": False, "paused_until": False}])

    def test_the_cron_begins_and_ends_planned_pauses_on_their_days(self):
        pause = self.pause("2026-03-01", "2026-04-01")
        self.run_cron("2026-02-28")
        self.assertFalse(self.subscription.is_paused)
        self.run_cron("2026-03-01")
        self.assertRecordValues(self.subscription, [{"is_paused": True, "paused_until": day("2026-04-01")}])
        self.run_cron("2026-04-05")
        self.assertRecordValues(self.subscription, [{"is_paused": False, "paused_until": False}])
        self.assertEqual(pause.date_end, day("2026-04-01"))

    def test_the_cron_lets_one_pause_follow_another(self):
        self.pause("2026-02-01", "2026-03-01")
        second = self.pause("2026-03-01", "2026-04-01", effect="hold")
        self.run_cron("2026-03-01")
        self.assertRecordValues(self.subscription, [{"is_paused": True, "paused_until": day("2026-04-01")}])
        self.assertRecordValues(second, [{"date_start": day("2026-03-01"), "date_end": day("2026-04-01")}])

    def test_overlapping_pauses_are_refused_with_the_days_of_the_other(self):
        self.pause("2026-03-01", "2026-04-01")
        for start, end in (("2026-03-31", None), ("2026-02-01", None), ("2026-02-01", "2026-03-02")):
            with self.subTest(start=start), self.assertRaisesRegex(ValidationError, "paused already: from.*2026"):
                self.pause(start, end)
        later = self.pause("2026-04-01")
        self.pause("2026-02-01", "2026-03-01")
        with self.assertRaisesRegex(ValidationError, "paused already"):
            later.date_start = "2026-03-31"

    def test_a_pause_without_days_is_refused(self):
        with self.assertRaisesRegex(ValidationError, "can't be over on"):
            self.pause("2026-03-01", "2026-03-01")
        with self.assertRaises(CheckViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env.cr.execute(
                "INSERT INTO bfocused_subscription_pause (subscription_id, date_start, date_end, effect) "
                "VALUES (%s, '2026-03-01', '2026-03-01', 'free')",
                [self.subscription.id],
            )

    def test_the_database_itself_refuses_an_overlap(self):
        self.pause("2026-03-01")
        with self.assertRaises(ExclusionViolation), mute_logger("odoo.sql_db"), self.env.cr.savepoint():
            self.env.cr.execute(
                "INSERT INTO bfocused_subscription_pause (subscription_id, date_start, effect) "
                "VALUES (%s, '2027-03-01', 'free')",
                [self.subscription.id],
            )

    def test_another_subscription_may_be_paused_on_the_same_days(self):
        self.pause("2026-03-01")
        other = self.make_subscription(self.quarter, self.internet)
        self.assertTrue(self.pause("2026-03-01", subscription=other))

    def test_the_form_lists_pauses_and_the_chatter_tells_what_happened(self):
        with Form(self.subscription) as form, form.pause_ids.new() as row:
            row.date_start = "2026-02-01"
            row.reason = "Renovation"
        self.assertTrue(self.subscription.is_paused)
        self.assertIn("Renovation", " ".join(self.subscription.message_ids.mapped("body")))
        self.subscription.pause_ids = [Command.clear()]
        self.assertFalse(self.subscription.is_paused)
        self.assertIn("Pause removed", " ".join(self.subscription.message_ids.mapped("body")))

    def test_a_company_without_billing_pauses_as_before(self):
        self.company.use_billing = False
        self.open_wizard(paused_until="2026-03-01").button_confirm()
        self.assertRecordValues(self.subscription, [{"is_paused": True, "paused_until": day("2026-03-01")}])
        self.assertFalse(self.subscription.pause_ids)

    def test_a_salesperson_pauses_and_a_stranger_sees_nothing(self):
        seller = new_test_user(
            self.env(su=True),
            "seller",
            groups="sales_team.group_sale_salesman_all_leads",
            company_id=self.company.id,
            company_ids=[(6, 0, self.company.ids)],
        )
        self.open_wizard().with_user(seller).button_confirm()
        pause = self.subscription.pause_ids
        self.subscription.with_user(seller).action_resume()
        self.assertFalse(pause.exists())
        pause = self.pause("2026-02-01")
        company = self.env["res.company"].create({"name": "Other"})
        stranger = new_test_user(
            self.env(su=True),
            "stranger",
            groups="bfocused_billing.group_billing_manager",
            company_id=company.id,
            company_ids=[(6, 0, company.ids)],
        )
        self.assertFalse(pause.with_user(stranger).search([("id", "=", pause.id)]))
        with self.assertRaises(AccessError):
            pause.with_user(stranger).read(["effect"])


# --- whatever happens in a year

CENT = Decimal("0.01")
YEAR = date(2026, 1, 1)
NEXT_YEAR = date(2027, 1, 1)
days = st.integers(0, 364).map(lambda number: YEAR + timedelta(days=number))
# In which month it happens, before or after that month's run, and what
events = st.lists(
    st.tuples(
        st.integers(1, 12),
        st.booleans(),
        st.one_of(
            st.tuples(st.just("pause"), days, st.one_of(st.none(), st.integers(1, 120))),
            st.tuples(st.just("cancel"), st.integers(0, 5), st.none()),
            st.tuples(st.just("move"), st.integers(0, 5), st.integers(1, 90)),
            st.tuples(st.just("price"), days, st.integers(1, 20000)),
        ),
    ),
    min_size=1,
    max_size=8,
)


class TestYearOfPauses(PauseCase):
    """A model that knows nothing of charges: each served day costs its share of the running total of its cycle."""

    def get_day_price(self, day, price, first, after):
        """The difference of what the cycle costs up to and including ``day`` and up to it, both rounded."""
        length = (after - first).days

        def until(count):
            return (price * count / length).quantize(CENT, ROUND_HALF_UP)

        return until((day - first).days + 1) - until((day - first).days)

    def get_cycle(self, day, kind, anchor):
        """First day of the cycle in which ``day`` lies, and of the next, found by walking through the year."""
        if kind == "month":
            starts = [date(2026, month, 1) for month in range(1, 13)]
        elif kind == "quarter":
            starts = [date(2026, month, 1) for month in (1, 4, 7, 10)]
        else:
            starts = [anchor]
        starts.append({"year": anchor.replace(year=2027)}.get(kind, NEXT_YEAR))
        return next((first, after) for first, after in zip(starts, starts[1:], strict=False) if first <= day < after)

    def get_expected(self, line, kind, anchor):
        paused = [(pause.date_start, pause.date_end or date.max) for pause in line.sale_subscription_id.pause_ids]
        start, stop = line.date_start or anchor, line.date_end or NEXT_YEAR
        price = Decimal(str(line.price_unit))
        return sum(
            self.get_day_price(day, price, *self.get_cycle(day, kind, anchor))
            for day in (YEAR + timedelta(days=number) for number in range(365))
            if start <= day < stop and not any(first <= day < after for first, after in paused)
        )

    def play(self, subscription, event):
        pauses = subscription.pause_ids.sorted("id")
        lines = subscription.sale_subscription_line_ids.sorted("id")
        what, when, value = event
        with suppress(UserError):  # days that are paused already, or a line that has ended
            if what == "pause":
                end = when + timedelta(days=value) if value else None
                self.pause(when, end, subscription=subscription)
            elif what == "price":
                lines[-1:]._change(when, {"price_unit": value / 100}, "Test")
            elif pauses and what == "cancel":
                pauses[when % len(pauses)].unlink()
            elif pauses:
                pause = pauses[when % len(pauses)]
                pause.date_end = pause.date_start + timedelta(days=value)

    @settings(
        max_examples=at_size(10, 3),
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.differing_executors, HealthCheck.too_slow],
    )
    @given(
        st.sampled_from(["month", "quarter", "year"]),
        st.sampled_from(["advance", "arrears"]),
        st.integers(0, 120),
        st.integers(1, 50000),
        events,
    )
    def test_what_is_billed_net_is_what_the_served_days_cost(self, kind, timing, offset, cents, plot):
        with self.env.cr.savepoint() as savepoint, mute_logger("odoo.sql_db"):
            anchor = YEAR + timedelta(days=offset)
            customer = self.make_customer("Year")
            template = self.env["sale.subscription.template"].browse(getattr(self, kind).id)
            template.billing_timing = timing
            subscription = self.make_subscription(
                template, self.cloudbox, customer=customer, start=str(anchor), date="2027-01-01"
            )
            subscription.sale_subscription_line_ids.price_unit = cents / 100
            for month in range(1, 13):
                for is_after in (False, True):
                    today = date(2026, month, 20 if is_after else 1)
                    with freeze_time(today):
                        for at, after, event in plot:
                            if (at, after) == (month, is_after):
                                self.play(subscription, event)
                        if not is_after:
                            self.bill(str(today))
            self.bill_at("2026-12-31")
            self.bill_at("2027-01-01")
            for line in subscription.sale_subscription_line_ids:
                self.assertEqual(
                    Decimal(str(self.get_net(line))), self.get_expected(line, kind, anchor), line.change_reason
                )
            self.assertFalse(self.bill_at("2027-01-01").line_ids.filtered("amount_untaxed"))
            savepoint.rollback()
