"""Money, days, moments and numbers as PAYT wants them written."""

import re
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payt_api import values

cents = st.integers(min_value=-(10**14), max_value=10**14)
moments = st.datetimes(
    min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29), timezones=st.sampled_from([UTC, timezone.max])
)


@given(cents)
def test_money_is_the_amount_with_two_decimals_and_nothing_lost(number):
    amount = Decimal(number) / 100
    text = values.money(amount)
    assert re.fullmatch(r"-?\d+\.\d\d", text)
    assert Decimal(text) == amount
    assert values.money(text) == text


@given(st.integers(min_value=-(10**9), max_value=10**9))
def test_money_from_odoos_floats_is_the_same_amount(number):
    assert Decimal(values.money(number / 100)) == Decimal(number) / 100


@given(cents, st.integers(min_value=1, max_value=9))
def test_parts_of_a_cent_are_refused_not_rounded(number, part):
    with pytest.raises(ValueError, match="two decimals"):
        values.money(Decimal(number) / 100 + Decimal(part) / 1000)


@pytest.mark.parametrize("zero", [0, 0.0, -0.0, Decimal("-0.00"), "0", "-0.00"])
def test_nothing_is_not_negative(zero):
    assert values.money(zero) == "0.00"


@pytest.mark.parametrize("wrong", [True, None, "", "1,00", "1e3", "+1.00", "01.00", float("nan"), float("inf"), "NaN"])
def test_what_is_no_amount_is_refused(wrong):
    with pytest.raises(ValueError):
        values.money(wrong)


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
def test_a_number_keeps_its_decimals(number):
    text = values.number(number)
    assert Decimal(text) == number
    assert "e" not in text.lower() and not re.search(r"\.\d*0$", text)
    assert values.number(text) == text


@given(st.dates())
def test_a_day_reads_back(day):
    assert date.fromisoformat(values.day(day)) == day
    assert values.day(values.day(day)) == values.day(day)


@pytest.mark.parametrize("wrong", [datetime(2026, 1, 1), "2026-1-1", "2026-02-30", "01-02-2026", None, 20260101])
def test_what_is_no_day_is_refused(wrong):
    with pytest.raises(ValueError):
        values.day(wrong)


@given(moments)
def test_a_moment_is_the_same_instant_in_utc_to_the_second(moment):
    text = values.moment(moment)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", text)
    assert abs(datetime.fromisoformat(text) - moment) < timedelta(seconds=1)
    assert values.moment(text) == text


def test_a_moment_without_time_zone_is_utc_as_odoo_means_it():
    assert values.moment(datetime(2026, 7, 1, 12, 0, 0, 999_999)) == "2026-07-01T12:00:00Z"


@pytest.mark.parametrize("wrong", ["2026-01-01T00:00:00+00:00", "2026-01-01 00:00:00", "2026-13-01T00:00:00Z", None])
def test_what_is_no_moment_is_refused(wrong):
    with pytest.raises(ValueError):
        values.moment(wrong)
