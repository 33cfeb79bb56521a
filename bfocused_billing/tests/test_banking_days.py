"""The banking days of TARGET and the day of collection, without Odoo."""

from datetime import date, timedelta

from dateutil.easter import easter
from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.bfocused_billing.banking_days import (
    add_banking_days,
    get_collection_day,
    is_banking_day,
    on_or_after,
)

days = st.dates(date(2002, 1, 1), date(2090, 12, 1))
numbers = st.integers(0, 30)


def day(text):
    return date.fromisoformat(text)


def is_closed(moment):
    """TARGET's rule, spelled out once more and not taken from the library."""
    fixed = {(1, 1), (5, 1), (12, 25), (12, 26)}
    return (
        moment.weekday() >= 5
        or (moment.month, moment.day) in fixed
        or moment - easter(moment.year) in (timedelta(days=-2), timedelta(days=1))
    )


class TestBankingDays(BaseCase):
    def test_over_easter_2026(self):
        self.assertEqual(on_or_after(day("2026-04-02")), day("2026-04-02"))
        self.assertEqual(on_or_after(day("2026-04-03")), day("2026-04-07"))  # Good Friday to the Tuesday after
        self.assertEqual(add_banking_days(day("2026-04-02"), 1), day("2026-04-07"))
        self.assertEqual(add_banking_days(day("2026-04-04"), 1), day("2026-04-07"))

    def test_over_the_first_of_may(self):
        self.assertEqual(on_or_after(day("2026-05-01")), day("2026-05-04"))  # a Friday
        self.assertEqual(on_or_after(day("2025-05-01")), day("2025-05-02"))  # a Thursday

    def test_over_christmas_and_new_year(self):
        self.assertEqual(on_or_after(day("2026-12-25")), day("2026-12-28"))  # Friday and Saturday
        self.assertEqual(on_or_after(day("2025-12-25")), day("2025-12-29"))  # Thursday, Friday and a weekend
        self.assertEqual(on_or_after(day("2027-01-01")), day("2027-01-04"))

    def test_dutch_holidays_are_banking_days(self):
        for text in ("2026-04-27", "2026-05-05", "2026-05-14", "2026-05-25"):  # King's day to Whit Monday
            self.assertTrue(is_banking_day(day(text)), text)

    def test_notice_of_1_5_and_14_days(self):
        invoiced, due = day("2026-03-02"), day("2026-03-02")
        for notice, expected in ((0, "2026-03-02"), (1, "2026-03-03"), (5, "2026-03-09"), (14, "2026-03-16")):
            self.assertEqual(get_collection_day(invoiced, due, invoiced, notice), day(expected), notice)

    def test_notice_over_easter(self):
        invoiced = day("2026-03-20")
        self.assertEqual(get_collection_day(invoiced, invoiced, invoiced, 14), day("2026-04-07"))

    def test_the_due_date_wins_when_it_is_later(self):
        self.assertEqual(
            get_collection_day(day("2026-03-02"), day("2026-04-01"), day("2026-03-02"), 14), day("2026-04-01")
        )

    def test_without_dates_it_is_the_first_day_the_bank_takes(self):
        self.assertEqual(get_collection_day(day("2026-05-01"), None, None, 14), day("2026-05-04"))

    @given(days)
    def test_a_banking_day_is_what_target_says(self, moment):
        self.assertEqual(is_banking_day(moment), not is_closed(moment))

    @given(days)
    def test_moving_reaches_the_first_banking_day_and_skips_none(self, moment):
        moved = on_or_after(moment)
        self.assertFalse(is_closed(moved))
        self.assertLessEqual((moved - moment).days, 4)  # Good Friday to Easter Monday, or Christmas and a weekend
        self.assertTrue(all(is_closed(moment + timedelta(days=n)) for n in range((moved - moment).days)))

    @given(days, numbers)
    def test_adding_counts_banking_days_only(self, moment, number):
        found = add_banking_days(moment, number)
        between = (moment + timedelta(days=n) for n in range(1, (found - moment).days + 1))
        if number:
            self.assertEqual(sum(not is_closed(one) for one in between), number)
        self.assertFalse(is_closed(found))

    @given(days, st.none() | days, st.none() | days, st.integers(0, 60))
    def test_a_collection_is_never_before_due_notice_and_lead(self, earliest, due, invoiced, notice):
        found = get_collection_day(earliest, due, invoiced, notice)
        self.assertFalse(is_closed(found))
        floor = max(filter(None, (earliest, due, invoiced and invoiced + timedelta(days=notice))))
        self.assertEqual(found, on_or_after(floor))
