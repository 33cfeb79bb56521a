"""R5 without Odoo: a run and a person's confirmation ask one rule, and decide alike for the same facts."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase

from odoo.addons.bfocused_billing.deferral import DeferralTerms, get_deferral, is_released, is_total_released
from odoo.addons.bfocused_billing.periods import is_quarter_turn, next_quarter

CENT = 0.01
THRESHOLD = DeferralTerms(minimum=50, release="threshold")
days = st.dates(date(1990, 1, 1), date(2090, 12, 31))
wishes = st.sampled_from(["always", "never", False])


def never_asked():
    raise AssertionError("This was decided already, so it isn't looked up.")


def decide(day, today=None, wish=False, is_small=True, is_completed=False, **facts):
    """Until when an invoice waits.

    :param today: the day on which a person confirms it; left out by a run, which decides as of its own date
    """
    deferral = get_deferral(
        day, today or day, DeferralTerms(wish), lambda: is_small, is_completed=lambda: is_completed, **facts
    )
    return deferral.until


class TestDeferralRule(BaseCase):
    # === WAITS OR NOT

    def test_small_one_waits_for_the_quarter_turn(self):
        self.assertEqual(decide(date(2026, 2, 1)), date(2026, 4, 1))
        self.assertEqual(decide(date(2026, 12, 31)), date(2027, 1, 1))

    def test_large_one_does_not_wait(self):
        self.assertIsNone(decide(date(2026, 2, 1), is_small=False))

    def test_nothing_waits_in_the_first_month_of_a_quarter(self):
        self.assertIsNone(decide(date(2026, 4, 30), wish="always"))

    def test_wish_of_the_customer_goes_before_the_minimum(self):
        self.assertEqual(decide(date(2026, 2, 1), wish="always", is_small=False), date(2026, 4, 1))
        self.assertIsNone(decide(date(2026, 2, 1), wish="never"))

    def test_what_completes_the_minimum_does_not_wait(self):
        self.assertIsNone(decide(date(2026, 2, 1), is_completed=True))

    def test_what_takes_released_drafts_along_does_not_wait(self):
        self.assertIsNone(decide(date(2026, 2, 1), wish="always", takes_released=True))

    def test_what_the_customer_gets_back_does_not_wait(self):
        self.assertIsNone(decide(date(2026, 2, 1), wish="always", is_lone_credit=True))

    @given(days, wishes, st.booleans(), st.booleans(), st.booleans(), st.booleans())
    def test_it_waits_for_the_next_quarter_turn_or_not_at_all(self, day, wish, small, completed, released, credit):
        until = decide(day, None, wish, small, completed, takes_released=released, is_lone_credit=credit)
        self.assertIn(until, (None, next_quarter(day)))
        if until:
            self.assertFalse(is_quarter_turn(day))
            self.assertTrue(wish == "always" or (not wish and small and not completed))

    # === RUN AND CONFIRMATION

    @given(days, days, wishes, st.booleans(), st.booleans())
    def test_run_and_confirmation_decide_alike(self, day, today, wish, small, completed):
        by_run = decide(day, None, wish, small, completed)
        confirmed = decide(day, today, wish, small, completed)
        if next_quarter(day) <= today:  # the one difference: a run executed late still decides as of its own date
            self.assertIsNone(confirmed)
        else:
            self.assertEqual(confirmed, by_run)

    # === WHAT IS LOOKED UP

    @given(days, days, st.sampled_from(["always", "never"]))
    def test_amounts_are_not_looked_at_where_the_customer_decides(self, day, today, wish):
        get_deferral(day, today, DeferralTerms(wish), never_asked, is_completed=never_asked)

    def test_what_waits_is_not_looked_at_for_a_large_one(self):
        get_deferral(date(2026, 2, 1), date(2026, 2, 1), DeferralTerms(), lambda: False, is_completed=never_asked)

    def test_what_waits_is_not_looked_at_where_it_releases_nothing(self):
        self.assertFalse(is_total_released(THRESHOLD._replace(release="quarter"), never_asked, CENT))
        self.assertFalse(is_total_released(THRESHOLD._replace(wish="always"), never_asked, CENT))

    # === RELEASE

    @given(days, days)
    def test_what_waits_is_released_at_the_latest_by_the_turn_it_waits_for(self, day, today):
        until = decide(day)
        if until and today >= until:
            self.assertTrue(is_released(until, DeferralTerms(), today))

    @given(days, wishes)
    def test_nothing_is_released_on_the_day_it_was_deferred(self, day, wish):
        until = decide(day, wish=wish)
        if until:
            self.assertFalse(is_released(until, DeferralTerms(wish), day))

    def test_customer_who_does_not_want_to_wait_any_more(self):
        self.assertTrue(is_released(date(2026, 4, 1), DeferralTerms("never"), date(2026, 2, 1)))

    def test_draft_without_date_is_released_at_a_quarter_turn(self):
        self.assertFalse(is_released(False, DeferralTerms(), date(2026, 3, 31)))
        self.assertTrue(is_released(False, DeferralTerms(), date(2026, 4, 1)))

    def test_total_that_reaches_the_minimum_to_the_cent(self):
        self.assertTrue(is_total_released(THRESHOLD, lambda: 20.1 + 29.9, CENT))
        self.assertTrue(is_total_released(THRESHOLD, lambda: 49.999, CENT))
        self.assertFalse(is_total_released(THRESHOLD, lambda: 49.99, CENT))
