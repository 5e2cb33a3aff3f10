from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certificates.validity import (
    Validity,
    anniversary,
    renewal_window,
    valid_until,
    validity_on,
)


def test_worked_example_of_an_ordinary_day():
    until = valid_until(date(2025, 9, 15), 36)
    assert until == date(2028, 9, 14)
    window = renewal_window(until)
    assert (window.opens, window.closes) == (date(2028, 6, 16), date(2029, 3, 13))


def test_worked_example_of_the_leap_day():
    assert valid_until(date(2024, 2, 29), 36) == date(2027, 2, 28)


@pytest.mark.parametrize(
    ("start", "months", "day"),
    [
        (date(2024, 2, 29), 12, date(2025, 3, 1)),
        (date(2024, 2, 29), 48, date(2028, 2, 29)),
        (date(2025, 1, 31), 1, date(2025, 3, 1)),
        (date(2025, 12, 31), 2, date(2026, 3, 1)),
        (date(2025, 10, 31), 1, date(2025, 12, 1)),
        (date(2025, 12, 1), 1, date(2026, 1, 1)),
    ],
)
def test_anniversaries(start, months, day):
    assert anniversary(start, months) == day


def test_window_includes_both_ends():
    window = renewal_window(date(2028, 9, 14))
    assert date(2028, 6, 15) not in window and date(2028, 6, 16) in window
    assert date(2029, 3, 13) in window and date(2029, 3, 14) not in window


@pytest.mark.parametrize(
    ("day", "state"),
    [
        (date(2025, 9, 14), Validity.NOT_YET),
        (date(2025, 9, 15), Validity.VALID),
        (date(2028, 6, 15), Validity.VALID),
        (date(2028, 6, 16), Validity.EXPIRING),
        (date(2028, 9, 14), Validity.EXPIRING),
        (date(2028, 9, 15), Validity.EXPIRED),
    ],
)
def test_state_by_dates(day, state):
    assert validity_on(day, date(2025, 9, 15), date(2028, 9, 14)) is state


def test_without_end():
    assert validity_on(date(2999, 1, 1), date(2025, 9, 15), None) is Validity.VALID


def test_less_than_a_month_is_refused():
    with pytest.raises(ValueError):
        valid_until(date(2025, 9, 15), 0)


@given(st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.integers(1, 120))
def test_never_shorter_than_the_months_say(issued, months):
    until = valid_until(issued, months)
    assert until > issued
    assert (until + timedelta(days=1)).day in (issued.day, 1)
