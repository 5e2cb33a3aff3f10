"""Seconds of a film: whatever is told, in any order, twice, overlapping, from the future, no more counts than was possible."""

from __future__ import annotations

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.training import watching
from app.training.watching import FASTEST, believed, read_spans, seconds_of, united

LENGTH = 600
points = st.floats(0, LENGTH, allow_nan=False).map(lambda n: round(n, 2))
spans = st.tuples(points, points).map(sorted).map(tuple).filter(lambda pair: pair[1] > pair[0])
many = st.lists(spans, max_size=30)


def measured(told: list[Any]) -> int:
    """Tenths of seconds that lie in an interval, counted one by one: the slow way to the same figure."""
    return sum(any(a <= t / 10 + 0.05 <= b for a, b in told) for t in range(LENGTH * 10))


@given(many)
def test_united_intervals_lie_apart_in_order_and_hold_the_same_seconds(told: list[Any]) -> None:
    made = united(told)
    assert all(a < b for a, b in made)
    assert all(one[1] < two[0] for one, two in pairwise(made))
    assert math.isclose(seconds_of(told), measured(told) / 10, abs_tol=0.2 * (len(told) + 1))


@given(many, st.integers(0, 2**32))
def test_order_and_repeats_change_nothing(told: list[Any], seed: int) -> None:
    twice = [*told, *told, *told[: len(told) // 2]]
    random.Random(seed).shuffle(twice)
    assert believed([], twice, 10_000) == believed([], told, 10_000)


@given(many, st.lists(st.tuples(many, st.floats(0, 100, allow_nan=False)), max_size=12))
def test_never_more_than_time_allows_and_never_less_than_before(held: list[Any], reports: list[Any]) -> None:
    now, clock = united(held), 0.0
    before = seconds_of(now)
    for told, passed in reports:
        after = believed(now, told, passed)
        assert seconds_of(after) <= seconds_of(now) + passed * FASTEST + 0.2
        assert seconds_of(after) >= seconds_of(now) - 1e-6
        assert seconds_of([*after, *now]) <= seconds_of(after) + 1e-6, "what was held is held still"
        assert seconds_of([*after, *now, *told]) <= seconds_of([*now, *told]) + 1e-6, "nothing that nobody told"
        now, clock = after, clock + passed
    assert seconds_of(now) <= before + clock * FASTEST + 0.2 * (len(reports) + 1)


@given(many, st.lists(spans, min_size=1, max_size=10))
def test_what_is_cut_is_believed_when_it_is_told_again_later(told: list[Any], more: list[Any]) -> None:
    """A player tells everything again and again, so that a report cut by the clock loses nothing for good."""
    everything, now = [*told, *more], []
    for _round in range(40):
        now = believed(now, everything, 20)
    assert now == united(everything) or math.isclose(seconds_of(now), seconds_of(everything), abs_tol=1)


forged = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(forged)
def test_whatever_is_told_is_read_without_a_fault(told: Any) -> None:
    made = read_spans(told, LENGTH)
    assert all(0 <= a < b <= LENGTH for a, b in made)


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ([[0, 10]], [(0, 10)]), ([[590, 9e9]], [(590, 600)]), ([[-50, 10]], [(0, 10)]), ([[700, 800]], []), ([[10, 10]], []),
        ([[20, 10]], []), ([[float("nan"), 10]], []), ([[0, float("inf")]], []), ([[True, 10]], []), ([["0", 10]], []),
        ([[0, 10, 20]], []), ([[0]], []), ("abc", []), (None, []), ({"a": 1}, []), ([[0, 10**400]], []),
    ],
)  # fmt: skip
def test_forged_intervals(told: Any, read: list[Any]) -> None:
    assert read_spans(told, LENGTH) == read


def test_skipping_ahead_leaves_a_hole() -> None:
    assert seconds_of(believed([], [(0, 30), (570, 600)], 60)) == 60
    assert watching.share([(0, 30), (570, 600)], LENGTH) == pytest.approx(0.1)


def test_double_speed_counts_and_more_does_not() -> None:
    assert seconds_of(believed([], [(0, 60)], 30)) == 60
    assert seconds_of(believed([], [(0, 600)], 30)) == 60


def test_a_film_seen_twice_counts_once() -> None:
    first = believed([], [(0, 100)], 100)
    assert believed(first, [(0, 100)], 100) == first
