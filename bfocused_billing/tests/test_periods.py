"""Period arithmetic, without Odoo: plain examples, and properties that hold for any dates and amounts."""

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.bfocused_billing.periods import (
    MONTHS_PER_CYCLE,
    Cycle,
    Part,
    Period,
    due_date,
    is_quarter_turn,
    next_month_day,
    next_quarter,
    prorate,
)

CENT = Decimal("0.01")
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
cycles = st.builds(Cycle, st.sampled_from(sorted(MONTHS_PER_CYCLE.values())), days, st.booleans())
amounts = st.decimals(Decimal("-99999.99"), Decimal("99999.99"), places=2)


def day(text):
    return date.fromisoformat(text)


def period(start, end):
    return Period(day(start), day(end))


class TestPeriods(BaseCase):
    # === EXAMPLES

    def test_calendar_quarter_starts_in_january_april_july_october(self):
        cycle = Cycle(3, day("2026-02-10"))
        self.assertEqual(cycle.period_of(day("2026-02-10")), period("2026-01-01", "2026-03-31"))
        self.assertEqual(cycle.period_of(day("2025-12-31")), period("2025-10-01", "2025-12-31"))

    def test_first_broken_period_ends_with_the_calendar_period(self):
        parts = Cycle(3, day("2026-02-10")).parts(day("2026-02-10"))
        self.assertEqual(next(parts).period, period("2026-02-10", "2026-03-31"))
        self.assertEqual(next(parts).period, period("2026-04-01", "2026-06-30"))

    def test_anniversary_year_starts_on_the_day_of_the_start(self):
        cycle = Cycle(12, day("2026-03-12"), on_calendar=False)
        self.assertEqual(cycle.period_of(day("2027-03-11")), period("2026-03-12", "2027-03-11"))
        self.assertEqual(cycle.period_of(day("2027-03-12")), period("2027-03-12", "2028-03-11"))

    def test_anniversary_of_29_february_comes_back_in_the_next_leap_year(self):
        cycle = Cycle(12, day("2024-02-29"), on_calendar=False)
        starts = [part.period.start for part in islice(cycle.parts(day("2024-02-29")), 5)]
        self.assertEqual(
            starts, [day(d) for d in ("2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")]
        )

    def test_anniversary_of_the_31st_is_the_last_day_of_shorter_months(self):
        cycle = Cycle(1, day("2026-01-31"), on_calendar=False)
        starts = [part.period.start for part in islice(cycle.parts(day("2026-01-31")), 4)]
        self.assertEqual(starts, [day(d) for d in ("2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30")])

    def test_a_stop_on_a_boundary_bills_nothing_extra(self):
        parts = list(Cycle(3, day("2026-01-01")).parts(day("2026-01-01"), stop=day("2026-04-01")))
        self.assertEqual([part.period for part in parts], [period("2026-01-01", "2026-03-31")])

    def test_what_is_covered_is_left_out_and_the_hole_before_it_is_not(self):
        covered = [period("2026-02-01", "2026-02-28")]
        parts = list(Cycle(1, day("2026-01-01")).parts(day("2026-01-01"), day("2026-04-01"), covered))
        self.assertEqual(
            [part.period for part in parts], [period("2026-01-01", "2026-01-31"), period("2026-03-01", "2026-03-31")]
        )

    def test_due_in_advance_on_the_first_of_the_month_in_which_the_period_starts(self):
        whole = period("2027-03-12", "2028-03-11")
        self.assertEqual(due_date(Part(whole, whole), day("2026-03-12")), day("2027-03-01"))

    def test_never_due_before_the_service_starts(self):
        whole = period("2026-03-12", "2027-03-11")
        self.assertEqual(due_date(Part(whole, whole), day("2026-03-12")), day("2026-03-12"))

    def test_due_in_arrears_on_the_day_after_the_last(self):
        whole = period("2026-01-01", "2026-01-31")
        self.assertEqual(due_date(Part(whole, whole), day("2026-01-01"), in_arrears=True), day("2026-02-01"))

    def test_prorated_by_day(self):
        part = Part(period("2026-01-16", "2026-01-31"), period("2026-01-01", "2026-01-31"))
        self.assertEqual(prorate(Decimal("31.00"), part, CENT), Decimal("16.00"))

    def test_prorated_in_a_leap_year_by_29_days(self):
        whole = period("2028-02-01", "2028-02-29")
        part = Part(period("2028-02-29", "2028-02-29"), whole)
        self.assertEqual(prorate(Decimal("29.00"), part, CENT), Decimal("1.00"))

    def test_quarter_turns(self):
        self.assertTrue(is_quarter_turn(day("2026-04-01")))
        self.assertFalse(is_quarter_turn(day("2026-03-31")))
        self.assertEqual(next_quarter(day("2026-11-30")), day("2027-01-01"))

    def test_a_period_that_ends_before_it_starts_is_refused(self):
        with self.assertRaisesRegex(ValueError, "before it starts"):
            period("2026-02-01", "2026-01-31")

    def test_a_cycle_that_does_not_fit_the_calendar_year_is_refused(self):
        with self.assertRaisesRegex(ValueError, "5 months"):
            Cycle(5, day("2026-01-01"))

    # === PROPERTIES

    @given(cycles, days)
    def test_each_day_lies_in_the_period_found_for_it(self, cycle, start):
        self.assertIn(start, cycle.period_of(start))

    @given(cycles, days, st.integers(1, 30))
    def test_periods_tile_time_without_gap_or_overlap(self, cycle, start, count):
        parts = list(islice(cycle.parts(start), count))
        self.assertEqual(parts[0].period.start, start)
        for before, after in pairwise(parts):
            self.assertEqual(after.period.start, before.period.end + timedelta(days=1))
        for part in parts[1:]:
            self.assertTrue(part.is_whole)

    @given(cycles, days, st.integers(0, 900), st.lists(st.tuples(st.integers(0, 900), st.integers(0, 60)), max_size=4))
    def test_parts_and_covered_days_together_are_each_day_of_the_life_once(self, cycle, start, length, holes):
        stop = start + timedelta(days=length)
        billed, covered = set(), []
        for offset, extra in holes:
            hole = Period(start + timedelta(days=offset), start + timedelta(days=offset + extra))
            hole_days = {hole.start + timedelta(days=n) for n in range(hole.days)}
            if not hole_days & billed:
                covered.append(hole)
                billed |= hole_days
        found = [
            part.period.start + timedelta(days=n)
            for part in cycle.parts(start, stop, covered)
            for n in range(part.period.days)
        ]
        self.assertEqual(len(found), len(set(found)))
        self.assertFalse(set(found) & billed)
        life = {start + timedelta(days=n) for n in range(length)}
        self.assertEqual(set(found), life - billed)

    @given(cycles, days)
    def test_alignment_is_stable_from_year_to_year(self, cycle, start):
        first = cycle.period_of(start).start
        per_year = 12 // cycle.months
        later = list(islice(cycle.parts(first), per_year * 8 + 1))
        for number, part in enumerate(later):
            if number % per_year == 0:
                self.assertEqual(part.period.start.month, first.month)
                expected = first.day if cycle.on_calendar else cycle.anchor.day
                self.assertTrue(
                    part.period.start.day == expected
                    or (part.period.start + timedelta(days=1)).day == 1
                    and part.period.start.day < expected
                )

    @given(cycles, days, amounts, st.lists(st.integers(1, 400), max_size=8), st.sampled_from(["0.01", "0.05", "1"]))
    def test_parts_of_a_period_add_up_to_the_whole_to_the_cent(self, cycle, start, amount, cuts, step):
        rounding = Decimal(step)
        whole = cycle.period_of(start)
        bounds = sorted({0, whole.days, *(cut for cut in cuts if cut < whole.days)})
        parts = [
            Part(Period(whole.start + timedelta(days=a), whole.start + timedelta(days=b - 1)), whole)
            for a, b in pairwise(bounds)
        ]
        total = sum(prorate(amount, part, rounding) for part in parts)
        self.assertEqual(total, (amount / rounding).quantize(Decimal(1), ROUND_HALF_UP) * rounding)

    @given(cycles, days, amounts)
    def test_a_part_never_costs_more_than_the_whole(self, cycle, start, amount):
        whole = cycle.period_of(start)
        part = Part(Period(start, whole.end), whole)
        self.assertLessEqual(abs(prorate(amount, part, CENT)), abs(amount))

    @given(cycles, days, st.booleans())
    def test_due_dates_never_go_back(self, cycle, start, in_arrears):
        dues = [due_date(part, start, in_arrears) for part in islice(cycle.parts(start), 12)]
        self.assertEqual(dues, sorted(dues))
        self.assertGreaterEqual(dues[0], start)

    @given(days, st.integers(1, 28))
    def test_the_next_day_of_a_month_is_the_first_one_after_it(self, moment, number):
        found = next_month_day(moment, number)
        self.assertEqual(found.day, number)
        self.assertTrue(timedelta(0) < found - moment <= timedelta(days=31))
